"""The pod of a job, over a template of the user's."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.runners.pods.status import CONTAINER
from airflow_mlops_provider.runners.remote_job import RemoteJob

PREFIX = "airflow-mlops-provider"
TASK = f"{PREFIX}/task"
"""Label: which task of which Dag run asked."""
REQUEST = f"{PREFIX}/request"
"""Label: which request it is."""
COLLECTED = f"{PREFIX}/collected"
"""Label of a pod that is kept to be looked at, and that no retry takes for its own."""
SPEC = f"{PREFIX}/spec"
"""Annotation: where the spec of the job lies."""
JOB = f"{PREFIX}/job"
"""Label: the job's name."""
SECRET = f"{PREFIX}/secret"
"""Annotation: the Secret with the job's environment; without one, the job has none."""

MESSAGE_FILE = "/dev/termination-log"
MESSAGE_BYTES = 4096

_FROM_ORIGIN = ("dag_id", "run_id", "task_id", "map_index")


@dataclass(frozen=True, kw_only=True)
class PodParts:
    """What the user says of the pods; see :class:`~airflow_mlops_provider.runners.kubernetes.KubernetesRunner`."""

    image: str
    python: str = "python"
    template: str | Path | Mapping[str, Any] | None = None
    resources: Mapping[str, Any] | None = None
    env: Mapping[str, Any] = field(default_factory=dict)
    env_from: Sequence[Any] = ()
    service_account: str | None = None
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: Sequence[Any] = ()

    def pod(self, job: RemoteJob, *, number: int, namespace: str, has_environment: bool) -> Any:
        """The pod of ``job``, as a ``V1Pod``.

        :param number: behind the job's name: an earlier pod of that name may have been kept.
        :param has_environment: whether the job gets variables through a Secret.
        :raises BadInputError: when the template is none.
        """
        from airflow.providers.cncf.kubernetes.pod_generator import PodGenerator

        name = f"{job.name}-{number}"
        # Another pod of this name may have had a Secret that still waits to be removed with it.
        secret = f"{name}-{secrets.token_hex(4)}" if has_environment else None
        own = PodGenerator.deserialize_model_dict(self._manifest(job, name=name, namespace=namespace, secret=secret))
        return PodGenerator.reconcile_pods(self._template(), own) if self.template is not None else own

    def _manifest(self, job: RemoteJob, *, name: str, namespace: str, secret: str | None) -> dict[str, Any]:
        origin = job.spec.get("origin") or {}
        told = {f"{PREFIX}/{key}": str(origin[key]) for key in _FROM_ORIGIN if key in origin}
        spec = {
            "containers": [self._container(job, secret)],
            "restartPolicy": "Never",
            "serviceAccountName": self.service_account,
            "nodeSelector": dict(self.node_selector) or None,
            "tolerations": _plain(list(self.tolerations)) or None,
        }
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": {JOB: job.job, TASK: job.task, REQUEST: job.request},
                "annotations": {**told, SPEC: job.spec_uri, **({SECRET: secret} if secret else {})},
            },
            "spec": {key: value for key, value in spec.items() if value is not None},
        }

    def _container(self, job: RemoteJob, secret: str | None) -> dict[str, Any]:
        sources = [*self.env_from, *([{"secretRef": {"name": secret}}] if secret else [])]
        return {
            "name": CONTAINER,
            "image": self.image,
            "command": [self.python],
            "args": job.arguments(message_file=MESSAGE_FILE, message_bytes=MESSAGE_BYTES),
            "env": [_variable(key, value) for key, value in self.env.items()],
            "envFrom": _plain(sources),
            "resources": _plain(self.resources) if self.resources else None,
            "terminationMessagePath": MESSAGE_FILE,
            # A job that dies without a last word still says how its log ended.
            "terminationMessagePolicy": "FallbackToLogsOnError",
        }

    def _template(self) -> Any:
        from airflow.providers.cncf.kubernetes.pod_generator import PodGenerator

        plain = self.template
        if isinstance(plain, str | Path):
            plain = _read(Path(plain))
        plain = _plain(plain)
        if not isinstance(plain, Mapping) or not isinstance(plain.get("spec", {}), Mapping):
            raise BadInputError(f"'pod_template' {self.template} is not a pod")
        return PodGenerator.deserialize_model_dict({"metadata": {}, "spec": {"containers": []}, **plain})


def number_of(pod: Any) -> int:
    """The number behind the name of a job's pod."""
    return int(pod.metadata.name.rpartition("-")[2])


def _read(path: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(f"'pod_template' {path}: {error.strerror}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise BadInputError(f"'pod_template' {path} is not YAML: {error}") from error


def _variable(name: str, value: Any) -> dict[str, Any]:
    """A variable by its value, or by where the cluster finds it: ``{"secretKeyRef": {...}}``."""
    return {"name": name, "valueFrom": _plain(value)} if isinstance(value, Mapping) else {"name": name, "value": value}


def _plain(value: Any) -> Any:
    """Objects of the Kubernetes client as the JSON that they stand for."""
    from kubernetes.client import ApiClient, Configuration

    return ApiClient(configuration=Configuration()).sanitize_for_serialization(value)
