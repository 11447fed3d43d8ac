"""A task whose job runs in a pod."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Any

from airflow_mlops_provider.runners.kubernetes import KubernetesRunner
from tests.services.remote_task import RemoteTask

CONNECTION = "cluster"


@dataclass(kw_only=True)
class PodTask(RemoteTask):
    """The pod sees the disk of this machine.

    :param kubeconfig: of whoever runs it.
    :param namespace: of its pods.
    """

    kubeconfig: dict[str, Any]
    namespace: str
    environment: dict[str, str] = field(default_factory=lambda: {"MLFLOW_TRACKING_PASSWORD": "secret"})

    def connect(self) -> None:
        extra = {"kube_config": json.dumps(self.kubeconfig)}
        os.environ[f"AIRFLOW_CONN_{CONNECTION.upper()}"] = json.dumps({"conn_type": "kubernetes", "extra": extra})

    def keep(self, name: str, data: bytes) -> str:
        (self.folder / name).write_bytes(data)
        return str(self.folder / name)

    @property
    def evidence_root(self) -> str:
        return str(self.folder / "mlops")

    def runner(self) -> KubernetesRunner:
        given = {"image": "mlops", "namespace": self.namespace, "conn_id": CONNECTION, "mounted": ["/"]}
        return KubernetesRunner(**{**given, **self.arguments})
