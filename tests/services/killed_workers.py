"""A worker that is killed at a seeded moment and its task tried again, wherever the job runs."""

from __future__ import annotations

import hashlib
import multiprocessing
import random
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

from airflow_mlops_provider.tasks.run import run_key
from tests.services.cluster.servers import wait_until
from tests.services.remote_task import RemoteTask, work

AT_ONCE = 3
LONG_ENOUGH = 240.0

# A worker is forked from a process that has its libraries, as Airflow's are.
workers = multiprocessing.get_context("forkserver")
workers.set_forkserver_preload(
    [
        "tests.services.pod_task",
        "tests.services.sagemaker_task",
        "airflow.providers.amazon.aws.hooks.logs",
        "airflow.providers.amazon.aws.hooks.sagemaker",
        "airflow.providers.cncf.kubernetes.utils.pod_manager",
        "s3fs",
    ]
)


def work_and_tell(task: RemoteTask) -> None:
    """As :func:`work`; what goes wrong is left for the test to show."""
    try:
        work(task)
    except BaseException:
        (task.folder / "problem").write_text(traceback.format_exc())
        raise


class Trial(ABC):
    """One task, whose first worker is killed."""

    def __init__(self, task: RemoteTask) -> None:
        self.task = task
        self.first = workers.Process(target=work, args=(task,))

    @property
    def label(self) -> str:
        """What the names of all jobs of the task have in common."""
        return hashlib.sha256(run_key(self.task.origin).encode()).hexdigest()[:10]

    @abstractmethod
    def starts(self) -> int:
        """How many processes were started for the task."""

    @abstractmethod
    def has_ended(self) -> bool:
        """Whether its job has ended."""

    def kill(self) -> None:
        self.first.kill()
        self.first.join()

    def try_again(self) -> None:
        """What Airflow does, unless it was told the end."""
        self.task.gate.touch()
        if not self.task.reported.exists():
            self.task.try_number += 1
            again = workers.Process(target=work_and_tell, args=(self.task,))
            again.start()
            again.join(LONG_ENOUGH)
            problem = self.task.folder / "problem"
            assert again.exitcode == 0, problem.read_text() if problem.exists() else "it did not end"

    def require_once(self) -> None:
        import mlflow

        assert self.task.reported.exists()
        assert self.starts() == 1
        assert len(self.task.outcomes) == 1
        client = mlflow.MlflowClient(self.task.tracking_uri)
        experiments = [each.experiment_id for each in client.search_experiments()]
        runs = client.search_runs(experiments, f"tags.`airflow.run_id` = '{self.task.folder.name}'")
        assert len(runs) == 1, f"{len(runs)} runs of {self.task.folder.name}"


def before_it_starts(trial: Trial, moment: float) -> None:
    """The place lets no job of the test start before the worker is dead."""
    trial.first.start()
    time.sleep(moment * 4)
    trial.kill()
    assert trial.starts() == 0


def while_it_runs(trial: Trial, moment: float) -> None:
    trial.first.start()
    wait_until(trial.starts, "the start of the job", seconds=LONG_ENOUGH)
    time.sleep(moment * 4)
    trial.kill()
    assert not trial.has_ended()


def after_it_ended(trial: Trial, moment: float) -> None:
    trial.task.gate.touch()
    trial.first.start()
    wait_until(trial.has_ended, "the end of the job", seconds=LONG_ENOUGH)
    time.sleep(moment * 2)
    trial.kill()


MOMENTS = 10
KILLED = (before_it_starts, while_it_runs, after_it_ended)


def names_of(killed: Callable[..., None], place: str) -> list[str]:
    """A name for each trial, which is also that of its Dag run: the tests of all places share one MLflow."""
    return [f"{place}-{killed.__name__}-{number}" for number in range(MOMENTS)]


def run_each_once(
    killed: Callable[[Trial, float], None], trials: Sequence[Trial], *, holding: AbstractContextManager[None]
) -> None:
    """Kill the worker of each trial, try again, and require that its job ran once; some trials at a time.

    :param killed: when; its moments are the same in every run.
    :param holding: as long as it is entered, the place starts no job.
    """
    moments = random.Random(killed.__name__)
    seeds = [moments.random() for _ in trials]

    def run(trial: Trial, moment: float) -> None:
        killed(trial, moment)
        finish(trial)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        if killed is before_it_starts:
            with holding:
                list(threads.map(killed, trials, seeds))
            list(threads.map(finish, trials))
        else:
            list(threads.map(run, trials, seeds))


def finish(trial: Trial) -> None:
    trial.try_again()
    trial.require_once()
