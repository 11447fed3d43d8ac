"""What the jobs of a model say of a dataset: the same of a table as of a file with its rows."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.evidence.store import read_evidence

YAML = """
name: toy
task: classification
target: y
features: [hours, educ, married]
sensitive: [married]
group_column: nr
trainer: toy:build
metrics: {roc_auc: higher, accuracy: higher}
split: {folds: 2}
"""
TRAINER = """
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
def build(): return make_pipeline(StandardScaler(), LogisticRegression())
"""
COLUMNS = "nr INTEGER, hours DOUBLE PRECISION, educ BIGINT, married BIGINT, y BIGINT"


def people() -> pa.Table:
    """Six hundred people, of whom married ones are paid alike."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"nr": np.arange(600, dtype=np.int32), "hours": rng.normal(40, 8, 600).round(3)})
    frame["educ"], frame["married"] = rng.integers(8, 18, 600), rng.integers(0, 2, 600)
    frame["y"] = (frame.hours / 8 + frame.educ + rng.normal(0, 1, 600) > 18).astype(np.int64)
    return pa.Table.from_pandas(frame, preserve_index=False)


def said_by_models(dataset: str, folder: Path, mlflow: Path) -> dict[str, Any]:
    """Train, evaluate, slice and score on one dataset; what the evidence says but for times, places and digests."""
    (folder / "mlops").mkdir(parents=True)
    shutil.copy(mlflow, folder / "mlops" / "mlflow.db")
    (folder / "toy.yaml").write_text(YAML)
    (folder / "toy.py").write_text(TRAINER)
    where = {"dataset": dataset, "evidence_root": str(folder / "mlops")}
    output = folder / "scores.parquet"
    trained = run("train", {"model": str(folder / "toy.yaml"), **where})
    found = {
        "train": trained,
        "evaluate": run("evaluate", {"model": trained, **where}),
        "bias": run("bias", {"model": trained, "slices": ["married"], **where}),
        "predict": run("predict", {"model": "models:/toy/1", "output_uri": str(output), "keep": ["educ"], **where}),
    }
    said: dict[str, Any] = {name: _said(outcome) for name, outcome in found.items()}
    scores = open_dataset(str(output)).table()
    return said | {"scores": scores.drop_columns(["model_digest", "dataset_fingerprint"]).to_pylist()}


def _said(outcome: Outcome) -> Any:
    """The numbers of a verdict, but for those of the machine."""
    read_evidence(outcome.evidence_uri)
    findings = [
        (each.subject, each.measure, each.observed, each.limit, str(each.status))
        for each in outcome.verdict.findings
        if not any(word in each.measure for word in ("latency", "seconds", "memory", "bytes", "throughput"))
    ]
    return str(outcome.verdict.status), sorted(findings, key=str), outcome.dataset and outcome.dataset.rows
