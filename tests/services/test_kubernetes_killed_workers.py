"""A worker is killed at any moment and its task tried again: the job ran once, with one Outcome and one MLflow run."""

from __future__ import annotations

import hashlib
import multiprocessing
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from airflow_mlops_provider.tasks.run import run_key
from deployment.servers import data_folder, running_mlflow
from tests.services.cluster.servers import Cluster, wait_until
from tests.services.cluster.worker import Task, work

pytestmark = pytest.mark.cluster

MOMENTS = 10
AT_ONCE = 3
LONG_ENOUGH = 240.0

# A worker is forked from a process that has its libraries, as Airflow's are.
workers = multiprocessing.get_context("forkserver")
workers.set_forkserver_preload(["tests.services.cluster.worker"])


@pytest.fixture(scope="module")
def tracking_uri() -> Iterator[str]:
    with data_folder("runs") as folder, running_mlflow(f"sqlite:///{folder}/mlflow.db", f"{folder}/models", {}) as uri:
        yield uri


class Trial:
    """One task, whose first worker is killed."""

    def __init__(self, folder: Path, cluster: Cluster, namespace: str, tracking_uri: str) -> None:
        self.cluster = cluster
        self.task = Task(folder, cluster.kubeconfig, namespace, tracking_uri)
        self.first = workers.Process(target=work, args=(self.task,))

    def pods(self) -> list[object]:
        selector = f"airflow-mlops-provider/task={self.label}"
        return self.cluster.core.list_namespaced_pod(self.task.namespace, label_selector=selector).items

    @property
    def label(self) -> str:
        return hashlib.sha256(run_key(self.task.origin).encode()).hexdigest()[:10]

    def starts(self) -> int:
        return len(self.cluster.starts(task=self.label))

    def ends(self) -> int:
        return len([each for each in self.cluster.events(task=self.label) if each["event"] == "ended"])

    def kill(self) -> None:
        self.first.kill()
        self.first.join()

    def try_again(self) -> None:
        """What Airflow does, unless it was told the end."""
        if not self.task.reported.exists():
            self.task.try_number += 1
            again = workers.Process(target=work, args=(self.task,))
            again.start()
            again.join(LONG_ENOUGH)
            assert again.exitcode == 0

    def require_once(self) -> None:
        import mlflow

        assert self.task.reported.exists()
        assert self.starts() == 1
        assert len(self.task.outcomes) == 1
        client = mlflow.MlflowClient(self.task.tracking_uri)
        experiments = [each.experiment_id for each in client.search_experiments()]
        runs = client.search_runs(experiments, f"tags.`airflow.run_id` = '{self.task.folder.name}'")
        assert len(runs) == 1
        # A worker that was killed after it had reported leaves a pod that has ended, and that nothing takes up again.
        assert all(pod.status.phase == "Succeeded" for pod in self.pods())


def before_it_starts(trial: Trial, moment: float) -> None:
    """The pod cannot start before the worker is dead."""
    trial.first.start()
    time.sleep(moment * 4)
    trial.kill()


def while_it_runs(trial: Trial, moment: float) -> None:
    trial.first.start()
    wait_until(trial.starts, "the start of the job", seconds=LONG_ENOUGH)
    time.sleep(moment * 4)
    trial.kill()
    trial.task.gate.touch()


def after_it_ended(trial: Trial, moment: float) -> None:
    trial.task.gate.touch()
    trial.first.start()
    wait_until(trial.ends, "the end of the job", seconds=LONG_ENOUGH)
    time.sleep(moment * 2)
    trial.kill()


@pytest.mark.timeout(1500)  # ten trainings each
@pytest.mark.parametrize("killed", [before_it_starts, while_it_runs, after_it_ended])
def test_a_job_runs_once_whenever_its_worker_is_killed(killed: Callable[..., None], cluster, tracking_uri, tmp_path):
    namespace, moments = cluster.make_namespace(), random.Random(killed.__name__)
    trials = [Trial(tmp_path / f"{killed.__name__}-{i}", cluster, namespace, tracking_uri) for i in range(MOMENTS)]
    seeds = [moments.random() for _ in trials]

    def kill(trial: Trial, moment: float) -> None:
        killed(trial, moment)

    def finish(trial: Trial) -> None:
        trial.task.gate.touch()
        trial.try_again()
        trial.require_once()

    with ThreadPoolExecutor(AT_ONCE) as threads:
        if killed is before_it_starts:
            with cluster.holding():
                list(threads.map(kill, trials, seeds))
            assert [trial.starts() for trial in trials] == [0] * MOMENTS
            list(threads.map(finish, trials))
        else:
            list(threads.map(lambda trial, moment: (kill(trial, moment), finish(trial)), trials, seeds))
