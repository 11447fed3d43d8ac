"""A worker is killed at any moment and its task tried again: the job ran once, with one Outcome and one MLflow run."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest

from deployment.servers import data_folder, running_mlflow
from tests.services.cluster.servers import wait_until
from tests.services.sagemaker import SageMaker, running_sagemaker
from tests.services.sagemaker_worker import Task, work

pytestmark = pytest.mark.cluster

MOMENTS = 10
AT_ONCE = 3
LONG_ENOUGH = 240.0
START_SECONDS = 4.0
"""How long a machine and an image take here, so that a worker can be killed before."""

KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}

# A worker is forked from a process that has its libraries, as Airflow's are.
workers = multiprocessing.get_context("forkserver")
workers.set_forkserver_preload(["tests.services.sagemaker_worker"])


@pytest.fixture(scope="module")
def tracking_uri() -> Iterator[str]:
    with data_folder("runs") as folder, running_mlflow(f"sqlite:///{folder}/mlflow.db", f"{folder}/models", {}) as uri:
        yield uri


@pytest.fixture(scope="module")
def sagemaker() -> Iterator[SageMaker]:
    settings = {"STAND_IN_START_SECONDS": str(START_SECONDS)}
    with data_folder("sagemaker") as folder, running_sagemaker(folder, **settings) as running:
        yield running


class Trial:
    """One task, whose first worker is killed."""

    def __init__(self, folder: Path, sagemaker: SageMaker, tracking_uri: str) -> None:
        self.sagemaker = sagemaker
        self.client = boto3.session.Session().client("sagemaker", endpoint_url=sagemaker.address, **KEYS)
        self.task = Task(folder, sagemaker.address, "s3://company", tracking_uri)
        self.first = workers.Process(target=work, args=(self.task,))

    def jobs(self) -> list[dict[str, object]]:
        """The jobs whose tags name the task's run."""
        found, token = [], {}
        while token is not None:
            page = self.client.list_processing_jobs(NameContains="mlops-train-", **token)
            found += page["ProcessingJobSummaries"]
            token = {"NextToken": page["NextToken"]} if "NextToken" in page else None
        return [job for job in found if self._run_of(job) == self.task.folder.name]

    def _run_of(self, job: dict[str, object]) -> str | None:
        tags = self.client.list_tags(ResourceArn=job["ProcessingJobArn"])["Tags"]
        return next((tag["Value"] for tag in tags if tag["Key"] == "airflow-mlops-provider:run_id"), None)

    def starts(self) -> int:
        names = [job["ProcessingJobName"] for job in self.jobs()]
        return len([name for name in self.sagemaker.started if name in names])

    def has_ended(self) -> bool:
        return any(job["ProcessingJobStatus"] == "Completed" for job in self.jobs())

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


def before_it_starts(trial: Trial, moment: float) -> None:
    """Within the time that SageMaker takes for a machine, or before anybody has asked for one."""
    trial.first.start()
    time.sleep(moment * START_SECONDS)
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


@pytest.mark.parametrize("killed", [before_it_starts, while_it_runs, after_it_ended])
def test_a_job_runs_once_whenever_its_worker_is_killed(killed: Callable[..., None], sagemaker, tracking_uri, tmp_path):
    boto3.session.Session().client("s3", endpoint_url=sagemaker.address, **KEYS).create_bucket(Bucket="company")
    moments = random.Random(killed.__name__)
    names = [f"{killed.__name__}-{number}" for number in range(MOMENTS)]
    trials = [Trial(tmp_path / name, sagemaker, tracking_uri) for name in names]
    seeds = [moments.random() for _ in trials]

    def run(trial: Trial, moment: float) -> None:
        killed(trial, moment)
        trial.task.gate.touch()
        trial.try_again()
        trial.require_once()

    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(run, trials, seeds))
