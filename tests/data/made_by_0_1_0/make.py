"""How this sample was made, with version 0.1.0 on ``PYTHONPATH``: ``python make.py /srv/wage PACKED``.

Addresses in evidence are absolute, so the sample was made where a deployment would have it. MLflow's database is kept
as the text of its rows; pictures of a training are left out.
"""

from __future__ import annotations

import shutil
import sqlite3
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from airflow_mlops_provider.jobs import run

MODEL = """\
name: wage
task: classification
target: high
features: [exper, hours, black]
sensitive: [black]
group_column: person
trainer: quick:build
metrics: {roc_auc: higher, accuracy: higher}
params: {depth: 2}
split: {folds: 2}
owners: [ml-team]
card: {intended_use: tests}
"""
TRAINER = """\
from sklearn.tree import DecisionTreeClassifier


def build(depth):
    return DecisionTreeClassifier(max_depth=depth, min_samples_leaf=10)
"""
SUITE = {
    "name": "wages",
    "expectations": [
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": "hours", "min_value": 0}},
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "high"}},
    ],
}
FEATURES = ["exper", "hours"]


def wages(seed: int, rows: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"person": np.arange(rows) // 2, "year": 1980 + np.arange(rows) % 2})
    frame = frame.assign(exper=random.normal(8, 3, rows).round(2), hours=random.normal(2000, 300, rows).round())
    frame["black"] = random.integers(0, 2, rows)
    return frame.assign(high=(frame.exper + frame.hours / 300 + random.normal(0, 2, rows) > 14.5).astype(int))


class Sample:
    def __init__(self, home: Path) -> None:
        self.home, self.root = home, home / "mlops"

    def path(self, name: str) -> str:
        return str(self.home / name)

    def run(self, job: str, **keys):
        keys.setdefault("run_key", f"wage/{job}/1")
        outcome = run(job, {"evidence_root": str(self.root), **keys})
        print(f"{job:10} {outcome.verdict.status:8} {outcome.verdict.summary}")
        return outcome.to_json()

    def write_inputs(self) -> None:
        (self.home / "data").mkdir(parents=True)
        (self.home / "models").mkdir()
        (self.home / "models" / "wage.yaml").write_text(MODEL)
        (self.home / "models" / "quick.py").write_text(TRAINER)
        for name, seed, rows in (("train", 1, 400), ("held_out", 2, 400), ("batch", 3, 300)):
            wages(seed, rows).to_parquet(self.home / "data" / f"{name}.parquet", index=False)
        shifted = wages(4, 300).assign(exper=lambda frame: frame.exper + 6)
        shifted.loc[:2, "hours"] = -1.0
        shifted.to_parquet(self.home / "data" / "shifted.parquet", index=False)

    def champion(self, number: int, depth: int) -> None:
        """Train, check and promote one version."""
        key, train, held_out = f"wage/{number}", self.path("data/train.parquet"), self.path("data/held_out.parquet")
        version = f"models:/wage/{number}"
        checks = [
            self.run("validate", dataset=train, suite=SUITE, run_key=f"{key}/validate"),
            self.run(
                "train",
                model=self.path("models/wage.yaml"),
                dataset=train,
                params={"depth": depth},
                run_key=f"{key}/train",
            ),
            self.run("evaluate", model=version, dataset=held_out, run_key=f"{key}/evaluate"),
            self.run(
                "bias",
                model=version,
                dataset=held_out,
                slices=["black"],
                max_depth=1,
                policy={"min_gap": 0.2},
                run_key=f"{key}/bias",
            ),
        ]
        evidence = [check["evidence_uri"] for check in checks]
        card = self.run("card", model=version, evidence=evidence, run_key=f"{key}/card")
        self.run(
            "promote",
            model=version,
            evidence=[*evidence, card["evidence_uri"]],
            policy={"min_rows": 100, "margin": 0.05},
            run_key=f"{key}/promote",
        )

    def make(self) -> None:
        self.write_inputs()
        self.champion(1, depth=2)
        self.champion(2, depth=4)
        columns = {"columns": FEATURES, "html_report": "never", "reference": "models:/wage@champion"}
        self.run("drift", current=self.path("data/batch.parquet"), run_key="wage/quiet", **columns)
        self.run("drift", current=self.path("data/shifted.parquet"), run_key="wage/drifted", **columns)
        self.run(
            "validate",
            dataset=self.path("data/shifted.parquet"),
            suite=SUITE,
            clean_uri=self.path("data/clean.parquet"),
            quarantine_uri=self.path("data/aside.parquet"),
            policy={"max_quarantine_share": 0.5},
        )
        batch = {"dataset": self.path("data/batch.parquet"), "output_uri": self.path("data/scores.parquet")}
        self.run("predict", model="models:/wage@champion", shadow="models:/wage/1", **batch)
        history = [
            {"window": "promotion", "rows": 5000, "value": 0.84},
            {"window": "1984", "rows": 5000, "value": 0.81},
        ]
        self.run("decay", model="models:/wage@champion", metric="accuracy", history=history)
        self.run("rollback", name="wage", reason="scores of union members collapsed", person="ada")
        self.run("purge", retention_days=365, dry_run=True)
        self.run("verify", name="wage")

    def pack(self, into: Path) -> None:
        """Keep the files, and MLflow's database as text."""
        shutil.copytree(self.home, into, ignore=shutil.ignore_patterns("mlflow.db*", "*.png", "__pycache__", "*.lock"))
        with sqlite3.connect(self.root / "mlflow.db") as database:
            (into / "mlops" / "mlflow.sql").write_text("\n".join(database.iterdump()) + "\n")


if __name__ == "__main__":
    sample = Sample(Path(sys.argv[1]))
    sample.make()
    sample.pack(Path(sys.argv[2]))
