"""A job in this process: run once when it is collected, with its own variables, and stopped in its midst."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from airflow_mlops_provider.exceptions import BackendError, BadInputError, JobCancelledError, JobFaultError
from airflow_mlops_provider.runners.in_process import InProcessRunner, own_errors
from airflow_mlops_provider.runners.runner import State
from airflow_mlops_provider.stores.evidence.store import EvidenceStore

TRAINER = """
import os, signal
from sklearn.tree import DecisionTreeClassifier

def build():
    return DecisionTreeClassifier(max_depth=2)

class Killed(DecisionTreeClassifier):
    def fit(self, values, target):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except Exception:
            pass
        return super().fit(values, target)

def killed():
    return Killed(max_depth=2)
"""


@pytest.fixture
def training(tmp_path: Path, mlops_root: str):
    """The keys of a training by one of the builders above."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"a": random.normal(size=100), "b": random.normal(size=100)})
    frame.assign(y=(frame.a > frame.b).astype(int)).to_parquet(tmp_path / "data.parquet")
    (tmp_path / "toy.py").write_text(TRAINER)

    def keys(build: str) -> dict:
        model = {"name": "toy", "task": "classification", "target": "y", "features": ["a", "b"], "root": str(tmp_path)}
        model |= {"trainer": f"toy:{build}", "metrics": {"accuracy": "higher"}, "split": {"folds": 2}}
        return {"model": model, "dataset": str(tmp_path / "data.parquet"), "evidence_root": mlops_root}

    return keys


def submitted(job, keys, **environment):
    return InProcessRunner().submit(job, keys, environment=environment)


def test_a_job_runs_once_however_often_it_is_collected(training, mlops_root):
    handle = submitted("train", training("build"))
    assert (handle.state(), list(handle.logs())) == (State.PENDING, [])
    outcome = handle.collect()
    assert handle.state() is State.SUCCEEDED
    assert handle.collect() is outcome
    assert len(EvidenceStore(mlops_root).uris("training")) == 1


def test_bad_input_passes_as_it_is(training):
    handle = submitted("train", {**training("build"), "dataset": "nowhere.parquet"})
    with pytest.raises(BadInputError, match=r"nowhere\.parquet"):
        handle.collect()
    assert handle.state() is State.FAILED


def test_a_library_that_exits_does_not_end_the_task():
    with pytest.raises(JobFaultError, match=r"job 'train' was ended from inside by exit\(0\)"), own_errors("train"):
        sys.exit(0)


def test_a_library_that_this_worker_lacks_is_named_with_what_to_do():
    with pytest.raises(BackendError, match=r"job 'train' needs 'no_such_module'.*pip install"), own_errors("train"):
        importlib.import_module("no_such_module")


def test_a_job_that_is_cancelled_before_it_began_never_runs(training, mlops_root):
    handle = submitted("train", training("build"))
    handle.cancel()
    with pytest.raises(JobCancelledError):
        handle.collect()
    assert (handle.state(), EvidenceStore(mlops_root).uris("training")) == (State.CANCELLED, [])


def test_a_signals_handler_stops_the_job_in_its_midst_whatever_the_trainer_catches(training, mlops_root):
    handle = submitted("train", training("killed"))
    before = signal.signal(signal.SIGTERM, lambda *_: handle.cancel())
    try:
        with pytest.raises(JobCancelledError, match="job 'train' was cancelled"):
            handle.collect()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (handle.state(), EvidenceStore(mlops_root).uris("training")) == (State.CANCELLED, [])


def test_cancelling_a_job_that_has_ended_changes_nothing(training):
    handle = submitted("train", training("build"))
    outcome = handle.collect()
    handle.cancel()
    assert (handle.collect(), handle.state()) == (outcome, State.SUCCEEDED)


def test_variables_are_set_for_the_job_alone(training):
    handle = submitted("train", training("build"), MLFLOW_TRACKING_URI="http://127.0.0.1:1")
    with pytest.raises(Exception, match=r"MLflow at http://127\.0\.0\.1:1"):
        handle.collect()
    assert "MLFLOW_TRACKING_URI" not in os.environ
