"""A training killed at any step and retried: one run, one version, one challenger."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_mlops_provider import jobs
from airflow_mlops_provider.stores.models import ModelStore

STEPS = (
    "create_experiment",
    "create_run",
    "set_tag",
    "log_batch",
    "log_inputs",
    "create_logged_model",
    "log_model_artifacts",
    "finalize_logged_model",
    "log_artifacts",
    "create_registered_model",
    "create_model_version",
    "set_registered_model_alias",
    "set_terminated",
)
"""Every write that a training makes in MLflow."""


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path
        rng = np.random.default_rng(0)
        frame = pd.DataFrame({"a": rng.normal(size=100), "b": rng.normal(size=100)})
        frame.assign(y=(frame.a > frame.b).astype(int)).to_parquet(path / "data.parquet")
        (path / "toy.py").write_text(
            "from sklearn.tree import DecisionTreeClassifier\ndef build(): return DecisionTreeClassifier(max_depth=2)\n"
        )

    @property
    def root(self) -> str:
        return str(self.path / "mlops")

    def train(self) -> None:
        model = {"name": "toy", "task": "classification", "target": "y", "features": ["a", "b"]}
        model |= {
            "trainer": "toy:build",
            "metrics": {"accuracy": "higher"},
            "root": str(self.path),
            "split": {"folds": 2},
        }
        data = str(self.path / "data.parquet")
        asked = {"run_key": "dag/run/train", "origin": {"dag_id": "dag"}}
        jobs.run("train", {"model": model, "dataset": data, "evidence_root": self.root, **asked})

    def killed(self, arm: Callable[[], None]) -> bool:
        """Train in a child process in which ``arm`` has laid a trap; whether it died there."""
        child = os.fork()
        if child == 0:
            arm()
            self.train()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL

    def check_one_of_everything(self) -> None:
        store = ModelStore(evidence_root=self.root)
        client = store._client
        (experiment,) = [each for each in client.search_experiments() if each.name == "toy"]
        (run,) = client.search_runs([experiment.experiment_id])
        assert run.info.status == "FINISHED"
        assert [ref.version for ref in store.versions("toy")] == ["1"]
        assert store.aliases("toy") == {"challenger": "1"}
        assert [model.status.name for model in client.search_logged_models([experiment.experiment_id])] == ["READY"]
        store.load(store.resolve("models:/toy@challenger"))


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_step(step: str, *, after: bool) -> None:
    from mlflow import MlflowClient

    original = getattr(MlflowClient, step)

    def dying(self: MlflowClient, *args: object, **kwargs: object) -> None:
        if after:
            original(self, *args, **kwargs)
        _die()

    setattr(MlflowClient, step, dying)


def die_at_statement(number: int) -> None:
    from sqlalchemy import Engine, event

    seen = itertools.count(1)

    @event.listens_for(Engine, "before_cursor_execute")
    def count(*_: object) -> None:
        if next(seen) == number:
            _die()


@pytest.fixture
def folder(tmp_path: Path, empty_mlflow: Path) -> Folder:
    (tmp_path / "mlops").mkdir()
    shutil.copy(empty_mlflow, tmp_path / "mlops" / "mlflow.db")
    return Folder(tmp_path)


def moments() -> list[Any]:
    """Before and after every step; the few that matter most in every test run, the others in the slow one."""
    quick = {("log_model_artifacts", True), ("create_model_version", True), ("set_terminated", False)}
    found = [(step, after) for step in STEPS for after in (False, True)]
    return [pytest.param(*each, marks=[] if each in quick else pytest.mark.slow) for each in found]


@pytest.mark.parametrize(("step", "after"), moments())
def test_a_training_killed_at_any_write_is_finished_by_its_retry(folder, step, after):
    assert folder.killed(partial(die_at_step, step, after=after))
    folder.train()
    folder.check_one_of_everything()


@pytest.mark.slow
@pytest.mark.parametrize("statement", sorted(random.Random(0).sample(range(1, 230), 30)))
def test_a_training_killed_at_a_random_statement_of_its_database_is_finished_by_its_retry(folder, statement):
    assert folder.killed(partial(die_at_statement, statement))
    folder.train()
    folder.check_one_of_everything()


@pytest.mark.slow
def test_a_training_killed_again_and_again_is_finished_at_last(folder):
    for statement in (60, 110, 160, 210):
        folder.killed(partial(die_at_statement, statement))
    folder.train()
    folder.check_one_of_everything()
