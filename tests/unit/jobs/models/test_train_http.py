"""Two tries of one training at the same moment, on a server that has no lock: one run, one version."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from airflow_mlops_provider import jobs
from airflow_mlops_provider.stores.models import ModelStore, runs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
TRAINER = "from sklearn.tree import DecisionTreeClassifier\ndef build(): return DecisionTreeClassifier(max_depth=2)\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server; its address."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "2"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "a")]
    with (folder / "log").open("w") as log:
        quiet = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
        process = subprocess.Popen(command, stdout=log, stderr=log, env=quiet, start_new_session=True)
    try:
        while not _answers(f"http://127.0.0.1:{port}/health"):
            assert process.poll() is None, (folder / "log").read_text()
            threading.Event().wait(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, 15)
        process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status == 200
    except OSError:
        return False


@pytest.fixture
def train(server: str, tmp_path: Path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=100), "b": rng.normal(size=100)})
    frame.assign(y=(frame.a > frame.b).astype(int)).to_parquet(tmp_path / "data.parquet")
    (tmp_path / "toy.py").write_text(TRAINER)

    def run(name: str, **keys: object):
        model = {"name": name, "task": "classification", "target": "y", "features": ["a", "b"], "root": str(tmp_path)}
        model |= {"trainer": "toy:build", "metrics": {"accuracy": "higher"}, "split": {"folds": 2}}
        where = {"evidence_root": str(tmp_path / "mlops"), "tracking_uri": server}
        return jobs.run("train", {"model": model, "dataset": str(tmp_path / "data.parquet"), **where, **keys})

    return run


def check_one_of_everything(server: str, name: str) -> None:
    store = ModelStore(server)
    experiment = store._client.get_experiment_by_name(name)
    (run,) = store._client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    (version,) = store.versions(name)
    assert version.run_id == run.info.run_id
    assert store.aliases(name) == {"challenger": version.version}
    store.load(store.resolve(f"models:/{name}@challenger"))


def meet(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Make both tries arrive at ``step`` before either goes on."""
    barrier, original = threading.Barrier(2), getattr(MlflowClient, step)

    def together(self: MlflowClient, *args: object, **kwargs: object) -> object:
        with contextlib.suppress(threading.BrokenBarrierError):  # the other one came another way
            barrier.wait(timeout=30)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(MlflowClient, step, together)


@pytest.mark.parametrize("step", ["create_run", "create_model_version"])
def test_two_tries_at_once_leave_one_run_and_one_version(server, train, monkeypatch, step):
    name = step.replace("_", "-")
    meet(monkeypatch, step)
    # Two workers on two machines, as far as either can tell.
    monkeypatch.setattr(runs, "this_process", lambda: f"worker-{threading.get_ident()}/pid/1/1")
    with ThreadPoolExecutor(2) as pool:
        tries = [pool.submit(train, name, run_key="dag/run/train") for _ in range(2)]
        outcomes = [each.result() for each in tries]
    assert outcomes[0].model == outcomes[1].model
    check_one_of_everything(server, name)


def test_a_third_try_finds_what_they_made(server, train):
    first = train("again", run_key="k")
    assert train("again", run_key="k").model == first.model
    check_one_of_everything(server, "again")


def test_a_run_that_somebody_deleted_is_not_gone_on_with(server, train):
    first = train("deleted", run_key="k")
    ModelStore(server)._client.delete_run(first.model.run_id)
    second = train("deleted", run_key="k")
    assert second.model.run_id != first.model.run_id
