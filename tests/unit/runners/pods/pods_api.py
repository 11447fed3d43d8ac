"""The part of Kubernetes' API that a runner uses, in memory; a test says what becomes of each pod."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from airflow.providers.cncf.kubernetes.pod_generator import PodGenerator
from kubernetes.client.rest import ApiException

from airflow_mlops_provider.runners.kubernetes import KubernetesRunner


def status(**state: Any) -> dict[str, Any]:
    """The status of a pod whose job is in ``state``: ``running={}``, ``terminated={"exitCode": 0}`` ..."""
    container = {"name": "mlops", "image": "image:1", "imageID": "", "ready": False, "restartCount": 0, "state": state}
    phase = {"running": "Running", "waiting": "Pending"}.get(next(iter(state)), "Failed")
    if state.get("terminated", {}).get("exitCode") == 0:
        phase = "Succeeded"
    return {"phase": phase, "containerStatuses": [container]}


def refused(code: int, message: str, kind: str = "") -> ApiException:
    error = ApiException(status=code, reason="refused")
    error.body = json.dumps({"message": message, "details": {"kind": kind}})
    return error


class PodsApi:
    """``CoreV1Api`` as far as it is used.

    :ivar becomes: what happens to a pod each time somebody reads it: it is given the pod as a mapping, and changes it.
    :ivar refuses: method to the error that it raises.
    """

    def __init__(self) -> None:
        self.pods: dict[str, dict[str, Any]] = {}
        self.secrets: dict[str, Any] = {}
        self.log: list[bytes] = []
        self.becomes: Callable[[dict[str, Any]], None] = lambda pod: None
        self.refuses: dict[str, Exception] = {}
        self.deleted: list[str] = []

    def create_namespaced_pod(self, namespace: str, pod: Any) -> Any:
        self._may("create")
        if pod.metadata.name in self.pods:
            raise refused(409, f'pods "{pod.metadata.name}" already exists')
        from kubernetes.client import ApiClient

        plain = ApiClient().sanitize_for_serialization(pod)
        plain["metadata"] |= {"uid": f"uid-{len(self.pods)}", "creationTimestamp": datetime.now(UTC).isoformat()}
        plain["status"] = {"phase": "Pending"}
        self.pods[pod.metadata.name] = plain
        return self._model(plain)

    def read_namespaced_pod(self, name: str, namespace: str) -> Any:
        self._may("read")
        if name not in self.pods:
            raise refused(404, f'pods "{name}" not found', "pods")
        self.becomes(self.pods[name])
        return self._model(self.pods[name])

    def list_namespaced_pod(self, namespace: str, *, label_selector: str) -> Any:
        self._may("list")
        wanted = dict(each.split("=") for each in label_selector.split(","))
        found = [pod for pod in self.pods.values() if wanted.items() <= pod["metadata"]["labels"].items()]
        for pod in found:
            self.becomes(pod)
        return SimpleNamespace(items=[self._model(pod) for pod in found])

    def delete_namespaced_pod(self, name: str, namespace: str, *, body: Any) -> None:
        self._may("delete")
        self.deleted.append(name)
        self.pods.pop(name, None)

    def patch_namespaced_pod(self, name: str, namespace: str, body: Any) -> None:
        self.pods[name]["metadata"]["labels"] |= body["metadata"]["labels"]

    def create_namespaced_secret(self, namespace: str, secret: Any) -> None:
        self._may("secret")
        if secret.metadata.name in self.secrets:
            raise refused(409, "it exists")
        self.secrets[secret.metadata.name] = secret

    def read_namespaced_pod_log(self, **_: Any) -> Any:
        self._may("log")
        lines = list(self.log)
        return SimpleNamespace(stream=lambda **_: iter(lines), close=lambda: None)

    def _may(self, method: str) -> None:
        if method in self.refuses:
            raise self.refuses[method]

    def _model(self, plain: dict[str, Any]) -> Any:
        return PodGenerator.deserialize_model_dict(plain)


def runner_on(api: PodsApi, **arguments: Any) -> KubernetesRunner:
    """A runner whose cluster is ``api``, and which waits for nothing."""
    import dataclasses

    runner = KubernetesRunner(**{"image": "image:1", "namespace": "jobs", "mounted": ["/"], **arguments})
    runner.rules = dataclasses.replace(runner.rules, poll_seconds=0.0)
    runner._cluster.__dict__["_hook"] = SimpleNamespace(core_v1_client=api)
    return runner
