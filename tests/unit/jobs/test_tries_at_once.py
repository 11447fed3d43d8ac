"""Many tries of one request at the same moment, as processes: one piece of evidence, one run, one output."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.stores.evidence.store import EvidenceStore

TRIES = 8
RULE = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "a", "min_value": -2}}
TRAINER = "from sklearn.tree import DecisionTreeClassifier\ndef build(): return DecisionTreeClassifier(max_depth=2)\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, empty_mlflow: Path) -> Path:
    """Data and a trainer, with an MLflow of their own."""
    folder = tmp_path_factory.mktemp("at_once")
    (folder / "mlops").mkdir()
    shutil.copy(empty_mlflow, folder / "mlops" / "mlflow.db")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=500), "b": rng.normal(size=500)})
    frame.assign(y=(frame.a > frame.b).astype(int)).to_parquet(folder / "data.parquet")
    (folder / "toy.py").write_text(TRAINER)
    return folder


@pytest.fixture
def shared(folder):
    return {"dataset": str(folder / "data.parquet"), "evidence_root": str(folder / "mlops"), "run_key": "dag/run/task"}


def model(folder, name="toy"):
    found = {"name": name, "task": "classification", "target": "y", "features": ["a", "b"], "root": str(folder)}
    return found | {"trainer": "toy:build", "metrics": {"accuracy": "higher"}, "split": {"folds": 2}}


def at_once(job, spec):
    """The Outcomes of all tries; each must end well."""
    command = [sys.executable, Path(__file__).with_name("tries_at_once.py"), job, str(TRIES)]
    quiet = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    done = subprocess.run(command, input=json.dumps(spec), text=True, capture_output=True, check=False, env=quiet)
    assert done.returncode == 0, done.stderr
    outcomes = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(outcomes) == TRIES
    return outcomes


def written(folder, kind):
    store = EvidenceStore(str(folder / "mlops"))
    return [store.uri_of(name) for name in store.names(kind)], store


def test_validations_at_once_are_one_piece_of_evidence_and_one_output(folder, shared, tmp_path):
    outputs = {key: str(tmp_path / f"{key}.parquet") for key in ("clean_uri", "quarantine_uri")}
    spec = {"suite": {"expectations": [RULE]}, "policy": {"max_quarantine_share": 0.5}, **outputs, **shared}
    outcomes = at_once("validate", spec)
    uris, store = written(folder, Kind.VALIDATION)
    assert [{each["evidence_uri"] for each in outcomes}] == [set(uris)]
    assert len(uris) == 1
    assert {dated.name for dated in store.dated(Kind.VALIDATION)} == {
        *map(store.name_of, [*uris, *store.read(uris[0])["attachments"].values()])
    }
    assert sum(len(pd.read_parquet(path)) for path in outputs.values()) == 500
    assert len(list(tmp_path.iterdir())) == 2


def test_trainings_at_once_are_one_run_one_version_and_one_piece_of_evidence(folder, shared):
    outcomes = at_once("train", {"model": model(folder), **shared})
    uris, _ = written(folder, Kind.TRAINING)
    assert len(uris) == len({each["evidence_uri"] for each in outcomes}) == 1
    client = MlflowClient(f"sqlite:///{folder / 'mlops' / 'mlflow.db'}")
    assert len(client.search_model_versions("name = 'toy'")) == 1
    experiments = [each.experiment_id for each in client.search_experiments()]
    assert len(client.search_runs(experiments)) == 1


def test_scorings_at_once_are_one_piece_of_evidence_and_one_output(folder, shared, tmp_path):
    trained = run("train", {"model": model(folder, "scored"), **shared})
    spec = {"model": "models:/scored@challenger", "output_uri": str(tmp_path / "scores.parquet"), **shared}
    outcomes = at_once("predict", spec)
    uris, _ = written(folder, Kind.PREDICTION)
    assert len(uris) == len({each["evidence_uri"] for each in outcomes}) == 1
    assert set(pd.read_parquet(tmp_path / "scores.parquet").model_digest) == {trained.model.digest}
    assert [path.name for path in tmp_path.iterdir()] == ["scores.parquet"]
