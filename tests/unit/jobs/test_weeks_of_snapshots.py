"""Six weeks whose source is overwritten each week: what was decided in the first can still be looked at in the last."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.datasets.snapshots import SnapshotFolder

YAML = """
name: toy
task: classification
target: y
features: [a, b]
trainer: toy:build
metrics: {accuracy: higher}
split: {folds: 2}
"""
TRAINER = """
from sklearn.tree import DecisionTreeClassifier
def build():
    return DecisionTreeClassifier(max_depth=3)
"""
SUITE = {"expectations": [{"type": "expect_column_values_to_be_between", "kwargs": {"column": "b", "min_value": 0}}]}
WEEKS = 6
PROMOTED = (1, 4)
AT_ONCE = 1e-9


class Weeks:
    """What weekly runs of a Dag do, with a source that is one file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.where = {"evidence_root": str(folder / "mlops")}
        self.curated = SnapshotFolder(str(folder / "lake" / "curated"))
        self.rows: dict[int, Outcome] = {}
        self.trained: dict[int, Outcome] = {}

    def run(self, name: str, **spec: object) -> Outcome:
        return run(name, {**spec, **self.where})

    def ingest(self, week: int) -> Outcome:
        """Overwrite the source and take it over; one row is broken."""
        rng = np.random.default_rng(week)
        frame = pd.DataFrame({"a": rng.normal(week, size=400), "b": rng.integers(0, 5, 400)})
        frame["y"] = (frame.a - week + frame.b > 2).astype(int)
        frame.loc[7, "b"] = -1
        frame.to_parquet(self.folder / "landing.parquet")
        start = (dt.datetime(2026, 1, 5, tzinfo=dt.UTC) + dt.timedelta(weeks=week)).isoformat()
        raw = self.run(
            "ingest",
            source=str(self.folder / "landing.parquet"),
            output_uri=str(self.folder / "lake" / "raw"),
            interval_start=start,
        )
        self.rows[week] = self.run(
            "validate",
            dataset=raw,
            suite=SUITE,
            clean_uri=f"{self.curated.uri}/latest.snapshot",
            quarantine_uri=str(self.folder / "lake" / "aside" / "latest.snapshot"),
            policy={"max_quarantine_share": 0.02},
        )
        return self.rows[week]

    def train(self, week: int) -> None:
        """Train on the week's rows and promote what comes out."""
        model = str(self.folder / "toy.yaml")
        self.trained[week] = self.run("train", model=model, dataset=self.rows[week])
        evidence = [self.rows[week].evidence_uri]
        promoted = self.run("promote", model=self.trained[week], evidence=evidence, policy={"required": ["validation"]})
        assert promoted.verdict.status in (Status.PASS, Status.NOTICE), promoted.verdict


@pytest.fixture
def weeks(tmp_path: Path, empty_mlflow: Path) -> Weeks:
    (tmp_path / "mlops").mkdir()
    shutil.copy(empty_mlflow, tmp_path / "mlops" / "mlflow.db")
    (tmp_path / "toy.yaml").write_text(YAML)
    (tmp_path / "toy.py").write_text(TRAINER)
    found = Weeks(tmp_path)
    for week in range(1, WEEKS + 1):
        found.ingest(week)
        if week in PROMOTED:
            found.train(week)
    return found


def weeks_left(weeks: Weeks, folder: str) -> list[int]:
    names = SnapshotFolder(str(weeks.folder / "lake" / folder)).names()
    first = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
    return [(dt.datetime.strptime(name[:8], "%Y%m%d").replace(tzinfo=dt.UTC) - first).days // 7 for name in names]


def test_drift_reproduction_and_rollback_work_after_six_weeks_and_a_purge(weeks):
    weeks.run("purge", retention_days=AT_ONCE, snapshots=[str(weeks.folder / "lake")], snapshot_days=AT_ONCE)
    assert {folder: weeks_left(weeks, folder) for folder in ("raw", "curated", "aside")} == {
        "raw": [1, 4, 5, 6],
        "curated": [1, 4, 5, 6],
        "aside": [5, 6],
    }

    drift = {"reference": "models:/toy@champion", "columns": ["a", "b"], "policy": {"joint": False}}
    assert weeks.run("drift", current=weeks.rows[4], **drift).verdict.status is Status.PASS
    drifted = weeks.run("drift", current=weeks.rows[6], **drift)
    assert drifted.verdict.status is Status.FAIL

    again = weeks.run("reproduce", model="models:/toy/1")
    assert (again.verdict.status, again.model) == (Status.PASS, weeks.trained[1].model)

    weeks.run("rollback_dataset", dataset=f"{weeks.curated.uri}/latest.snapshot", reason="week 6 was damaged")
    latest = open_dataset(f"{weeks.curated.uri}/latest.snapshot")
    assert latest.ref.fingerprint == weeks.rows[5].dataset.fingerprint
    assert latest.rows == 399

    weeks.ingest(7)
    assert open_dataset(f"{weeks.curated.uri}/latest.snapshot").ref.uri == weeks.rows[7].dataset.uri
