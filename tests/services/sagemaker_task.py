"""A task whose job runs on SageMaker."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from airflow_mlops_provider.runners.sagemaker import SageMakerRunner
from airflow_mlops_provider.tasks.environment import s3_access
from tests.services.remote_task import RemoteTask

CONNECTION = "cloud"
ROLE = "arn:aws:iam::123456789012:role/mlops-jobs"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mlops:1"


@dataclass(kw_only=True)
class SageMakerTask(RemoteTask):
    """Evidence and data lie on S3, and this process knows AWS by its Connection alone.

    :param address: of AWS.
    :param bucket: for its evidence and data, as ``s3://NAME``.
    """

    address: str
    bucket: str

    def connect(self) -> None:
        os.environ[f"AIRFLOW_CONN_{CONNECTION.upper()}"] = json.dumps(connection(self.address))

    def keep(self, name: str, data: bytes) -> str:
        with self.access():
            self.evidence.attach(name, data)
        return f"{self.evidence_root}/{name}"

    @property
    def evidence_root(self) -> str:
        return f"{self.bucket}/{self.folder.name}"

    def access(self) -> AbstractContextManager[Mapping[str, str]]:
        return s3_access(CONNECTION)

    def runner(self) -> SageMakerRunner:
        given = {"image": IMAGE, "role": ROLE, "aws_conn_id": CONNECTION, "python": sys.executable}
        return SageMakerRunner(**{**given, "poll_seconds": 0.2, "late_log_seconds": 3.0, **self.arguments})


def connection(address: str) -> dict[str, object]:
    """The Airflow Connection to AWS at ``address``."""
    extra = {"endpoint_url": address, "region_name": "us-east-1"}
    return {"conn_type": "aws", "login": "of-the-worker", "password": "secret", "extra": extra}
