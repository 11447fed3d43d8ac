"""The calls to a cluster, through Airflow's hooks; what goes wrong is one sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_mlops_provider.airflow_versions import AirflowException
from airflow_mlops_provider.exceptions import AlreadyExistsError, BackendError, BadInputError, MLOpsError, one_line
from airflow_mlops_provider.hooks.eks import EksKubeconfig
from airflow_mlops_provider.runners.pods.status import CONTAINER

if TYPE_CHECKING:
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook
    from airflow.providers.cncf.kubernetes.utils.pod_manager import PodManager

_LONGEST = 600
_OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_CONNECT_SECONDS = 30
_YEARS = 10**8
"""Seconds after a container's end in which the provider still reads its log: a retry may come much later."""
_SILENCE_SECONDS = 300
"""After as long without a line the log is asked for again: a stream may hang though the container has ended."""


@dataclass(frozen=True, kw_only=True)
class ClusterAddress:
    """Which cluster, and which namespace of it.

    :param conn_id: Connection of type ``kubernetes``; not looked at for an EKS cluster.
    :param namespace: by default that of the Connection, then that of the pod that asks, then ``default``.
    :param eks_cluster: name of an Amazon EKS cluster.
    :param aws_conn_id: Connection of type ``aws`` with which an EKS cluster is reached.
    :param region: of the EKS cluster, where the AWS Connection names none.
    """

    conn_id: str
    namespace: str | None = None
    eks_cluster: str | None = None
    aws_conn_id: str | None = None
    region: str | None = None

    def __str__(self) -> str:
        return str(self.eks() or f"connection {self.conn_id!r}")

    def eks(self) -> EksKubeconfig | None:
        """How an EKS cluster is reached; ``None`` for another."""
        if self.eks_cluster is None:
            return None
        return EksKubeconfig(self.eks_cluster, aws_conn_id=self.aws_conn_id, region=self.region)


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A cluster as a runner needs it."""

    address: ClusterAddress

    @cached_property
    def namespace(self) -> str:
        """The namespace of the runner's pods."""
        if self.address.namespace:
            return self.address.namespace
        with self._told("say which namespace it has"):
            return str(self.hook.get_namespace() or _namespace_here() or self.hook.DEFAULT_NAMESPACE)

    @property
    def hook(self) -> KubernetesHook:
        """Airflow's hook; that of an EKS cluster is made anew before its credentials end."""
        if self._eks is not None and not self._eks.is_fresh:
            self.forget_credentials()
        return self._hook

    @cached_property
    def _hook(self) -> KubernetesHook:
        try:
            from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook
        except ImportError as error:
            raise BackendError(
                "KubernetesRunner needs Airflow's provider: pip install 'airflow-mlops-provider[kubernetes]'"
            ) from error
        if self._eks is None:
            return KubernetesHook(conn_id=self.address.conn_id)
        return KubernetesHook(kubernetes_conn_id=None, config_file=self._eks.made())

    @cached_property
    def _eks(self) -> EksKubeconfig | None:
        return self.address.eks()

    def forget_credentials(self) -> None:
        """Remove the files with an EKS cluster's credentials; the next call makes new ones."""
        if self._eks is not None:
            self._eks.forget()
            self.__dict__.pop("_hook", None)

    def pods(self, *, labels: Mapping[str, str]) -> list[Any]:
        """The pods with these labels."""
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        with self._told("list pods"):
            return list(self._core.list_namespaced_pod(self.namespace, label_selector=selector).items)

    def create(self, pod: Any) -> Any:
        """Make a pod.

        :raises AlreadyExistsError: when there is one of its name.
        :raises BadInputError: when the cluster says that it is no pod, or has no such namespace.
        """
        with self._told(f"make pod {pod.metadata.name}"):
            return self._core.create_namespaced_pod(self.namespace, pod)

    def create_secret(self, name: str, values: Mapping[str, str], *, owner: Any) -> None:
        """Make a Secret that the cluster removes with the pod ``owner``; one that is there already is that one."""
        from kubernetes import client

        reference = client.V1OwnerReference(
            api_version="v1", kind="Pod", name=owner.metadata.name, uid=owner.metadata.uid
        )
        metadata = client.V1ObjectMeta(name=name, labels=owner.metadata.labels, owner_references=[reference])
        secret = client.V1Secret(metadata=metadata, string_data=dict(values), immutable=True)
        try:
            with self._told(f"make secret {name}"):
                self._core.create_namespaced_secret(self.namespace, secret)
        except AlreadyExistsError:
            return

    def read(self, name: str) -> Any | None:
        """The pod ``name``, or ``None`` when there is none any more."""
        pod = None
        with self._told(f"read pod {name}", absent_is_none=True):
            pod = self._manager.read_pod(self._named(name))
        return pod  # noqa: RET504  # the block is left early where there is none

    def delete(self, name: str) -> None:
        """Delete a pod, and its processes after their grace period; one that is gone is no fault."""
        with self._told(f"delete pod {name}"):
            self._manager.delete_pod(self._named(name))

    def label(self, name: str, labels: Mapping[str, str]) -> None:
        """Add labels to a pod; one that is gone is no fault."""
        with self._told(f"label pod {name}", absent_is_none=True):
            self._core.patch_namespaced_pod(name, self.namespace, {"metadata": {"labels": dict(labels)}})

    def lines(self, name: str, *, since_seconds: int | None) -> Iterator[bytes]:
        """The log of the job's container as it comes, each line with its time in front, until the stream ends.

        Streams also end when nothing was said for a while, and when a connection breaks off.

        :raises BackendError: when it cannot be read.
        """
        from urllib3.exceptions import ProtocolError, ReadTimeoutError

        with self._told(f"read the log of pod {name}"), suppress(ProtocolError, ReadTimeoutError):
            stream = self._manager.read_pod_logs(
                self._named(name),
                CONTAINER,
                timestamps=True,
                since_seconds=since_seconds,
                follow=True,
                post_termination_timeout=_YEARS,
                _request_timeout=(_CONNECT_SECONDS, _SILENCE_SECONDS),
            )
            with closing(stream.response):
                yield from stream

    @property
    def _core(self) -> Any:
        return self.hook.core_v1_client

    @property
    def _manager(self) -> PodManager:
        from airflow.providers.cncf.kubernetes.utils.pod_manager import PodManager

        return PodManager(self._core)

    def _named(self, name: str) -> Any:
        from kubernetes import client

        return client.V1Pod(metadata=client.V1ObjectMeta(name=name, namespace=self.namespace))

    @contextmanager
    def _told(self, doing: str, *, absent_is_none: bool = False) -> Iterator[None]:
        """Turn what the client raises into errors of ours; with ``absent_is_none``, leave the block at a 404."""
        from kubernetes.client.rest import ApiException
        from kubernetes.config import ConfigException
        from urllib3.exceptions import HTTPError

        try:
            yield
        except ApiException as error:
            if error.status == 404 and absent_is_none:
                return
            raise self._error(error, doing) from error
        except (AirflowException, ConfigException, HTTPError) as error:
            raise BackendError(f"{self.address}: cannot {doing}: {one_line(error, longest=_LONGEST)}") from error

    def _error(self, error: Any, doing: str) -> MLOpsError:
        said, kind = _answer(error)
        match error.status:
            case 401:
                return BackendError(f"{self.address}: the cluster does not know who asks: {said}")
            case 403 if "exceeded quota" not in said:
                return BackendError(f"{self.address} may not {doing}: {said}")
            case 404 if kind == "namespaces":
                return BadInputError(f"{self.address}: there is no namespace {self.namespace!r} in the cluster")
            case 409:
                return AlreadyExistsError(f"{self.address}: cannot {doing}: {said}")
            case 400 | 422:
                return BadInputError(f"{self.address}: cannot {doing}: {said}")
        return BackendError(f"{self.address}: cannot {doing}: {said}")


def _namespace_here() -> str | None:
    """The namespace of the pod that this process runs in, if it does."""
    try:
        return _OWN_NAMESPACE.read_text().strip()
    except OSError:
        return None


def _answer(error: Any) -> tuple[str, str]:
    """What the API server said, and the kind of object that it speaks of."""
    try:
        body = json.loads(error.body)
        said, details = str(body["message"]), body.get("details") or {}
    except (TypeError, ValueError, KeyError):
        return one_line(error.reason or error, longest=_LONGEST), ""
    return one_line(said, longest=_LONGEST), str(details.get("kind", ""))
