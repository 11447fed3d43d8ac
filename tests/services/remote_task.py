"""A task that has its job run elsewhere, as the operators do, and whose worker may be killed at any moment."""

from __future__ import annotations

import json
import types
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from airflow_mlops_provider.records.requests import request_type
from airflow_mlops_provider.stores.evidence.store import EvidenceStore
from airflow_mlops_provider.tasks.run import collect_for_task, release, submit_for_task, task_origin

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


@dataclass(kw_only=True)
class RemoteTask(ABC):
    """A task of a Dag run with a world of its own: a training that waits at a gate.

    :param folder: where its own files lie.
    :param tracking_uri: of MLflow.
    :param keys: of the job in place of the training's.
    :param arguments: more of the runner's.
    :param environment: more variables for the job.
    """

    folder: Path
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
            dataset = self.keep("rows.csv", rows.assign(y=(rows.a > 0).astype(int)).to_csv(index=False).encode())
            (self.folder / "gated.yaml").write_text(YAML.replace("GATE", str(self.gate)))
            (self.folder / "gated.py").write_text(TRAINER)
            self.keys = {"model": str(self.folder / "gated.yaml"), "dataset": dataset, **self.keys}

    @abstractmethod
    def connect(self) -> None:
        """Let this process know the place by its Connection."""

    @abstractmethod
    def keep(self, name: str, data: bytes) -> str:
        """Write a file where the job reads it; returns its address."""

    @property
    @abstractmethod
    def evidence_root(self) -> str: ...

    @abstractmethod
    def runner(self) -> Any: ...

    def access(self) -> AbstractContextManager[Mapping[str, str]]:
        """What the job and this process need to reach the evidence root."""
        return nullcontext({})

    @property
    def gate(self) -> Path:
        """The training goes on once there is such a file."""
        return self.folder / "gate"

    @property
    def reported(self) -> Path:
        """What Airflow was told."""
        return self.folder / "reported"

    @property
    def evidence(self) -> EvidenceStore:
        return EvidenceStore(self.evidence_root)

    @property
    def outcomes(self) -> list[str]:
        """What the runs of the job have left."""
        with self.access():
            evidence = self.evidence
            return [name for each in evidence.chains("outcomes") for name in evidence.names(f"outcomes/{each}")]

    @property
    def context(self) -> dict[str, Any]:
        where = {"dag_id": "d", "run_id": self.folder.name, "task_id": "t", "map_index": -1}
        return {"ti": types.SimpleNamespace(**where, try_number=self.try_number, max_tries=self.max_tries)}

    @property
    def origin(self) -> dict[str, str]:
        return task_origin(self.context)

    def submit(self, runner: Any = None) -> Any:
        with self.access() as access:
            return submit_for_task(
                request_type(self.job).from_spec(self.keys),
                context=self.context,
                runner=runner or self.runner(),
                evidence_root=self.evidence_root,
                environment={"MLFLOW_TRACKING_URI": self.tracking_uri, **access, **self.environment},
            )

    def collect(self, handle: Any) -> Any:
        with self.access():
            return collect_for_task(handle, self.job, evidence_root=self.evidence_root)


def work(task: RemoteTask) -> None:
    """Do the task as an operator does: what the place keeps of the job goes once the end is reported."""
    task.connect()
    handle = task.submit()
    outcome = task.collect(handle)
    told = task.folder / "telling"
    told.write_text(json.dumps(outcome.to_xcom()))
    told.rename(task.reported)
    release(handle)
