"""A worker that does one task as the operators do, and may be killed at any moment."""

from __future__ import annotations

import json
import os
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from airflow_mlops_provider.records.requests import request_type
from airflow_mlops_provider.runners.kubernetes import KubernetesRunner
from airflow_mlops_provider.stores.evidence.store import EvidenceStore
from airflow_mlops_provider.tasks.run import collect_for_task, release, submit_for_task, task_origin

CONNECTION = "cluster"

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

    :param folder: where all of it lies.
    :param kubeconfig: of whoever runs it.
    :param namespace: of its pods.
    :param tracking_uri: of MLflow.
    :param keys: of the job in place of the training's.
    :param arguments: more of the runner's.
    """

    folder: Path
    kubeconfig: dict[str, Any]
    namespace: str
    tracking_uri: str = ""
    job: str = "train"
    keys: dict[str, Any] = field(default_factory=dict)
    arguments: dict[str, Any] = field(default_factory=dict)
    try_number: int = 1
    max_tries: int = 3

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.job == "train":
            random = np.random.default_rng(1)
            rows = pd.DataFrame(random.normal(size=(200, 2)), columns=["a", "b"])
            rows.assign(y=(rows.a > 0).astype(int)).to_csv(self.folder / "rows.csv", index=False)
            (self.folder / "gated.yaml").write_text(YAML.replace("GATE", str(self.gate)))
            (self.folder / "gated.py").write_text(TRAINER)
            given = {"model": str(self.folder / "gated.yaml"), "dataset": str(self.folder / "rows.csv")}
            self.keys = {**given, **self.keys}

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
        return EvidenceStore(str(self.folder / "mlops"))

    @property
    def outcomes(self) -> list[str]:
        """What the runs of the job have left."""
        return [
            name for request in self.evidence.chains("outcomes") for name in self.evidence.names(f"outcomes/{request}")
        ]

    @property
    def context(self) -> dict[str, Any]:
        where = {"dag_id": "d", "run_id": self.folder.name, "task_id": "t", "map_index": -1}
        return {"ti": types.SimpleNamespace(**where, try_number=self.try_number, max_tries=self.max_tries)}

    @property
    def origin(self) -> dict[str, str]:
        return task_origin(self.context)

    def runner(self) -> KubernetesRunner:
        os.environ[f"AIRFLOW_CONN_{CONNECTION.upper()}"] = json.dumps(
            {"conn_type": "kubernetes", "extra": {"kube_config": json.dumps(self.kubeconfig)}}
        )
        given = {"image": "mlops", "namespace": self.namespace, "conn_id": CONNECTION, "mounted": ["/"]}
        return KubernetesRunner(**{**given, **self.arguments})

    def submit(self) -> Any:
        return submit_for_task(
            request_type(self.job).from_spec(self.keys),
            context=self.context,
            runner=self.runner(),
            evidence_root=str(self.folder / "mlops"),
            environment={"MLFLOW_TRACKING_URI": self.tracking_uri, "MLFLOW_TRACKING_PASSWORD": "secret"},
        )


def work(task: Task) -> None:
    """Do the task as an operator does: what the cluster keeps goes once the end is reported."""
    handle = task.submit()
    outcome = collect_for_task(handle, task.job)
    told = task.folder / "telling"
    told.write_text(json.dumps(outcome.to_xcom()))
    told.rename(task.reported)
    release(handle)
