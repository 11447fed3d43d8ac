"""A scoring killed at any write and retried: the output is there as a whole or not at all, and the same in the end."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from airflow_mlops_provider import jobs
from airflow_mlops_provider.stores.specs import local_path

# Runs the job and dies at the n-th call of one function.
KILLED = """
import importlib, json, os, signal, sys
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.jobs.models import predict
predict.BATCH_ROWS = 100
module, cls, name, number = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
owner = getattr(importlib.import_module(module), cls)
original, calls = getattr(owner, name), []
def dying(*arguments, **named):
    calls.append(name)
    if len(calls) == number:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*arguments, **named)
setattr(owner, name, dying)
run("predict", json.loads(sys.stdin.read()))
"""
TRAINER = "from sklearn.tree import DecisionTreeClassifier\ndef build(): return DecisionTreeClassifier(max_depth=2)\n"


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory, empty_mlflow: Path) -> dict[str, str]:
    """A trained model and a batch for it."""
    folder = tmp_path_factory.mktemp("killed")
    (folder / "mlops").mkdir()
    shutil.copy(empty_mlflow, folder / "mlops" / "mlflow.db")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=1000), "b": rng.normal(size=1000)})
    frame.assign(y=(frame.a > frame.b).astype(int)).to_parquet(folder / "data.parquet")
    (folder / "toy.py").write_text(TRAINER)
    model = {"name": "toy", "task": "classification", "target": "y", "features": ["a", "b"], "root": str(folder)}
    model |= {"trainer": "toy:build", "metrics": {"accuracy": "higher"}, "split": {"folds": 2}}
    shared = {"dataset": str(folder / "data.parquet"), "evidence_root": str(folder / "mlops")}
    jobs.run("train", {"model": model, **shared})
    return {"model": "models:/toy@challenger", **shared}


@pytest.mark.parametrize(
    "moment",
    [
        ("pyarrow.parquet", "ParquetWriter", "write_batch", 4),
        ("pyarrow.parquet", "ParquetWriter", "close", 1),
        ("pathlib", "Path", "replace", 1),
        ("airflow_mlops_provider.stores.evidence.store", "EvidenceStore", "write", 1),
    ],
    ids=lambda moment: ".".join(map(str, moment[1:])),
)
def test_a_killed_scoring_leaves_a_whole_output_or_none_and_its_retry_the_same(spec, tmp_path, moment):
    given = {**spec, "output_uri": str(tmp_path / "scores" / "out.parquet"), "run_key": "dag/run/score"}
    command = [sys.executable, "-c", KILLED, *map(str, moment)]
    killed = subprocess.run(command, input=json.dumps(given), text=True, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    output = local_path(given["output_uri"])
    assert not output.exists() or len(pd.read_parquet(output)) == 1000
    retried = jobs.run("predict", given)
    assert retried.dataset.rows == 1000
    once = pd.read_parquet(output)
    jobs.run("predict", given)
    pd.testing.assert_frame_equal(pd.read_parquet(output), once)
