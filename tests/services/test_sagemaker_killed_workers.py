"""A worker is killed at any moment and its task tried again: the job ran once, with one Outcome and one MLflow run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from deployment.servers import data_folder
from tests.services.killed_workers import KILLED, Trial, names_of, run_each_once
from tests.services.sagemaker import SageMaker, running_sagemaker
from tests.services.sagemaker_task import SageMakerTask

KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}


@pytest.fixture(scope="module")
def sagemaker() -> Iterator[SageMaker]:
    with data_folder("sagemaker") as folder, running_sagemaker(folder) as running:
        yield running


class SageMakerTrial(Trial):
    """A trial whose processes the stand-in counts."""

    def __init__(self, sagemaker: SageMaker, **task: Any) -> None:
        super().__init__(SageMakerTask(address=sagemaker.address, bucket="s3://company", **task))
        self.sagemaker = sagemaker
        self.client = boto3.session.Session().client("sagemaker", endpoint_url=sagemaker.address, **KEYS)

    def starts(self) -> int:
        return len([name for name in self.sagemaker.started if self.label in name])

    def has_ended(self) -> bool:
        jobs = self.client.list_processing_jobs(NameContains=self.label)["ProcessingJobSummaries"]
        return any(job["ProcessingJobStatus"] == "Completed" for job in jobs)


@pytest.mark.timeout(1500)  # ten trainings each
@pytest.mark.parametrize("killed", KILLED)
def test_a_job_runs_once_whenever_its_worker_is_killed(killed: Callable[..., None], sagemaker, files_mlflow, tmp_path):
    boto3.session.Session().client("s3", endpoint_url=sagemaker.address, **KEYS).create_bucket(Bucket="company")
    folders = [tmp_path / name for name in names_of(killed, "sagemaker")]
    trials = [SageMakerTrial(sagemaker, folder=folder, tracking_uri=files_mlflow) for folder in folders]
    run_each_once(killed, trials, holding=sagemaker.holding())
