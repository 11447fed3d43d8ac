"""A worker that does one task on SageMaker as the operators do, and may be killed at any moment."""

from __future__ import annotations

import json
import os
import sys
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from airflow_mlops_provider.records.requests import request_type
from airflow_mlops_provider.runners.sagemaker import SageMakerRunner
from airflow_mlops_provider.stores.evidence.store import EvidenceStore
from airflow_mlops_provider.tasks.environment import s3_access
from airflow_mlops_provider.tasks.run import collect_for_task, release, submit_for_task, task_origin

CONNECTION = "cloud"
ROLE = "arn:aws:iam::123456789012:role/mlops-jobs"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mlops:1"

YAML = """
name: gated
task: classification
target: y
features: [a, b]
trainer: gated:build
metrics: {roc_auc: higher}
owners: [ml-team]
params: {gate: GATE}
split: {kind: random, folds: 2}
"""

TRAINER = """
import os, time
from sklearn.linear_model import LogisticRegression


def build(gate):
    print("at the gate", flush=True)
    while not os.path.exists(gate):
        time.sleep(0.02)
    return LogisticRegression()
"""


@dataclass
class Task:
    """A task of a Dag run with a world of its own: a training that waits at a gate.

    :param folder: where its own files lie.
    :param address: of AWS.
    :param bucket: for its evidence and data, as ``s3://NAME``.
    :param tracking_uri: of MLflow.
    :param keys: of the job in place of the training's.
    :param arguments: more of the runner's.
    """

    folder: Path
    address: str
    bucket: str
    tracking_uri: str = ""
    job: str = "train"
    keys: dict[str, Any] = field(default_factory=dict)
    arguments: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    try_number: int = 1
    max_tries: int = 3

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.connect()
        if self.job == "train":
            random = np.random.default_rng(1)
            rows = pd.DataFrame(random.normal(size=(200, 2)), columns=["a", "b"])
            data = rows.assign(y=(rows.a > 0).astype(int)).to_csv(index=False).encode()
            with s3_access(CONNECTION):
                self.evidence.attach("rows.csv", data)
            (self.folder / "gated.yaml").write_text(YAML.replace("GATE", str(self.gate)))
            (self.folder / "gated.py").write_text(TRAINER)
            given = {"model": str(self.folder / "gated.yaml"), "dataset": f"{self.evidence_root}/rows.csv"}
            self.keys = {**given, **self.keys}

    def connect(self) -> None:
        """Let this process know AWS by its Connection alone."""
        extra = {"endpoint_url": self.address, "region_name": "us-east-1"}
        connection = {"conn_type": "aws", "login": "of-the-worker", "password": "secret", "extra": extra}
        os.environ[f"AIRFLOW_CONN_{CONNECTION.upper()}"] = json.dumps(connection)

    @property
    def gate(self) -> Path:
        """The training goes on once there is such a file."""
        return self.folder / "gate"

    @property
    def reported(self) -> Path:
        """What Airflow was told."""
        return self.folder / "reported"

    @property
    def evidence_root(self) -> str:
        return f"{self.bucket}/{self.folder.name}"

    @property
    def evidence(self) -> EvidenceStore:
        return EvidenceStore(self.evidence_root)

    @property
    def outcomes(self) -> list[str]:
        """What the runs of the job have left."""
        with s3_access(CONNECTION):
            evidence = self.evidence
            return [name for each in evidence.chains("outcomes") for name in evidence.names(f"outcomes/{each}")]

    @property
    def context(self) -> dict[str, Any]:
        where = {"dag_id": "d", "run_id": self.folder.name, "task_id": "t", "map_index": -1}
        return {"ti": types.SimpleNamespace(**where, try_number=self.try_number, max_tries=self.max_tries)}

    @property
    def origin(self) -> dict[str, str]:
        return task_origin(self.context)

    def runner(self) -> SageMakerRunner:
        given = {"image": IMAGE, "role": ROLE, "aws_conn_id": CONNECTION, "python": sys.executable}
        return SageMakerRunner(**{**given, "poll_seconds": 0.2, "late_log_seconds": 3.0, **self.arguments})

    def submit(self) -> Any:
        with s3_access(CONNECTION) as access:
            return submit_for_task(
                request_type(self.job).from_spec(self.keys),
                context=self.context,
                runner=self.runner(),
                evidence_root=self.evidence_root,
                environment={"MLFLOW_TRACKING_URI": self.tracking_uri, **access, **self.environment},
            )

    def collect(self, handle: Any) -> Any:
        with s3_access(CONNECTION):
            return collect_for_task(handle, self.job)


def work(task: Task) -> None:
    """Do the task as an operator does: the job is marked once the end is reported."""
    task.connect()
    handle = task.submit()
    outcome = task.collect(handle)
    told = task.folder / "telling"
    told.write_text(json.dumps(outcome.to_xcom()))
    told.rename(task.reported)
    release(handle)
