from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from airflow_mlops_provider import jobs
from airflow_mlops_provider.exceptions import BadInputError, IntegrityError
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.verdict import Status

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
from sklearn.ensemble import RandomForestClassifier
def build(n_estimators=5):
    return RandomForestClassifier(n_estimators)
"""


class Bench:
    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, str(folder / "mlops")
        (folder / "toy.yaml").write_text(YAML)
        (folder / "toy.py").write_text(TRAINER)
        rng = np.random.default_rng(0)
        frame = pd.DataFrame({"a": rng.normal(size=300), "b": rng.integers(0, 5, 300)})
        frame.assign(y=(frame.a + frame.b > 2).astype(int)).to_parquet(folder / "data.parquet")

    def train(self) -> Outcome:
        spec = {"model": str(self.folder / "toy.yaml"), "dataset": str(self.folder / "data.parquet")}
        return jobs.run("train", {**spec, "evidence_root": self.root})

    def reproduce(self, **spec: object) -> Outcome:
        return jobs.run("reproduce", {"evidence_root": self.root, **spec})


@pytest.fixture
def bench(tmp_path: Path, empty_mlflow: Path) -> Bench:
    (tmp_path / "mlops").mkdir()
    shutil.copy(empty_mlflow, tmp_path / "mlops" / "mlflow.db")
    return Bench(tmp_path)


def test_a_version_is_made_again_from_its_record(bench):
    trained = bench.train()
    again = bench.reproduce(model="toy")
    assert again.kind is Kind.REPRODUCTION
    assert again.verdict.status is Status.PASS
    assert again.model == trained.model
    assert bench.reproduce(evidence=trained.evidence_uri).verdict.findings == again.verdict.findings
    assert bench.reproduce(model="models:/toy/1").model == trained.model


def test_other_code_that_learns_otherwise_is_a_failure_and_named(bench):
    bench.train()
    (bench.folder / "toy.py").write_text(TRAINER.replace("=5", "=6"))
    verdict = bench.reproduce(model="toy").verdict
    assert verdict.status is Status.FAIL
    assert "(changed since: the trainer" in verdict.summary


def test_other_code_that_learns_the_same_is_a_notice(bench):
    bench.train()
    (bench.folder / "toy.py").write_text(TRAINER + "\n# a comment\n")
    verdict = bench.reproduce(model="toy").verdict
    assert verdict.status is Status.NOTICE
    assert "learnt the same (changed since: the trainer" in verdict.summary


def test_other_data_are_refused_before_anything_is_learnt(bench):
    bench.train()
    frame = pd.read_parquet(bench.folder / "data.parquet")
    frame.assign(a=frame.a + 1).to_parquet(bench.folder / "data.parquet")
    with pytest.raises(IntegrityError, match="changed"):
        bench.reproduce(model="toy")


def test_data_and_code_that_moved_are_found_where_one_says(bench):
    bench.train()
    moved = bench.folder / "moved"
    moved.mkdir()
    for name in ("data.parquet", "toy.py"):
        (bench.folder / name).rename(moved / name)
    with pytest.raises(BadInputError):
        bench.reproduce(model="toy")
    outcome = bench.reproduce(model="toy", dataset=str(moved / "data.parquet"), root=str(moved))
    assert outcome.verdict.status is Status.PASS


def test_one_of_model_and_evidence_is_needed(bench):
    with pytest.raises(BadInputError, match="either 'model' or 'evidence'"):
        bench.reproduce()
