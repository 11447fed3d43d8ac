"""A Kubernetes pod for each job: it outlives the worker, and a retry finds it again."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from airflow_mlops_provider.exceptions import AlreadyExistsError, BackendError, BadInputError
from airflow_mlops_provider.runners.pods.cluster import Cluster, ClusterAddress
from airflow_mlops_provider.runners.pods.handle import PodHandle, PodRules
from airflow_mlops_provider.runners.pods.manifest import (
    COLLECTED,
    JOB,
    REQUEST,
    SECRET,
    SPEC,
    TASK,
    PodParts,
    number_of,
)
from airflow_mlops_provider.runners.pods.status import CONTAINER, has_ended, is_leaving
from airflow_mlops_provider.runners.remote_job import RemoteJob, hand_over, handed_over

log = logging.getLogger(__name__)

_LEAVING_SECONDS = 120.0
"""How long a pod that was deleted may take to end before the next one of its task is given up."""


class KubernetesRunner:
    """Runs each job in a pod of its own.

    Evidence root, data and MLflow must be reachable from the pod. Addresses and secrets of Connections reach it by a
    Secret that the pod owns, so that they go together. The pod is deleted once its Outcome is in safe hands.

    :param image: with ``airflow-mlops-provider[analysis]`` in it; Airflow need not be.
    :param namespace: of the pods; by default that of the Connection.
    :param conn_id: Airflow Connection of type ``kubernetes``; without one, the pod's own service account or the default
        kubeconfig.
    :param cluster: name of an Amazon EKS cluster, in place of ``conn_id``.
    :param aws_conn_id: Connection of type ``aws`` for that cluster; ``None`` means boto3's own search.
    :param region: AWS region of that cluster; by default that of the AWS Connection.
    :param pod_template: a pod as YAML file, mapping or ``V1Pod`` that all pods begin with: volumes, affinity, security
        context ... The job runs in its first container, which is renamed; others are left as they are.
    :param resources: ``{"requests": {"cpu": "2", "memory": "4Gi"}, "limits": {...}}``.
    :param env: variables by value, or by where the cluster finds it (``{"secretKeyRef": {"name": ..., "key": ...}}``).
    :param env_from: ConfigMaps and Secrets whose keys become variables: ``[{"secretRef": {"name": ...}}]``.
    :param service_account: name of the pod's service account.
    :param node_selector: labels of nodes that may run it.
    :param tolerations: taints of nodes that may run it nevertheless.
    :param startup_timeout: seconds until the job must run: a node found, the image pulled.
    :param on_kill: what becomes of the job when its worker shuts down: ``"keep"``, so that a retry finds it, or
        ``"cancel"``. Whatever it says, a job is cancelled when somebody marks or clears its task, or its time runs out.
    :param keep_failed: keep pods whose job failed, to be looked at; nothing of this package deletes them later.
    :param mounted: local folders that ``pod_template`` mounts in the pod under the same path: an evidence root or data
        may lie there.
    :param python: the interpreter in the image.
    """

    def __init__(
        self,
        *,
        image: str,
        namespace: str | None = None,
        conn_id: str = "kubernetes_default",
        cluster: str | None = None,
        aws_conn_id: str | None = "aws_default",
        region: str | None = None,
        pod_template: str | Path | Mapping[str, Any] | Any | None = None,
        resources: Mapping[str, Any] | None = None,
        env: Mapping[str, Any] | None = None,
        env_from: Sequence[Any] = (),
        service_account: str | None = None,
        node_selector: Mapping[str, str] | None = None,
        tolerations: Sequence[Any] = (),
        startup_timeout: float = 600.0,
        on_kill: Literal["keep", "cancel"] = "keep",
        keep_failed: bool = False,
        mounted: Sequence[str] = (),
        python: str = "python",
    ) -> None:
        if on_kill not in ("keep", "cancel"):
            raise BadInputError(f"KubernetesRunner: 'on_kill' is {on_kill!r}; it is 'keep' or 'cancel'")
        self.mounted = tuple(mounted)
        self.address = ClusterAddress(
            conn_id=conn_id,
            namespace=namespace,
            eks_cluster=cluster,
            aws_conn_id=aws_conn_id if cluster else None,
            region=region,
        )
        self.parts = PodParts(
            image=image,
            python=python,
            template=pod_template,
            resources=resources,
            env=env or {},
            env_from=env_from,
            service_account=service_account,
            node_selector=node_selector or {},
            tolerations=tolerations,
        )
        self.rules = PodRules(
            startup_timeout=startup_timeout, keep_failed=keep_failed, outlives_worker=on_kill == "keep"
        )

    def submit(self, job: str, spec: Mapping[str, Any], *, environment: Mapping[str, str]) -> PodHandle:
        """Start ``job`` in a pod, or find the pod of an earlier try again.

        See :class:`~airflow_mlops_provider.runners.runner.Runner`. A pod that an earlier request of the same task left
        is deleted. So is one of this request whose job failed while nobody looked: this try is the retry.
        """
        remote = hand_over(job, spec, place="a Kubernetes pod", mounted=self.mounted)
        try:
            handle = self._found_or_started(remote, has_environment=bool(environment))
            self._provide(handle.name, environment)
        except BaseException:
            self._cluster.forget_credentials()
            raise
        return handle

    def resume(self, job: str, name: str, *, since: str | None = None) -> PodHandle:
        """The handle of a job that was submitted before.

        :param name: the handle's name then.
        :param since: only lines of its log after this time.
        :raises BackendError: when its pod is gone.
        """
        pod = self._cluster.read(name)
        if pod is None:
            raise BackendError(f"job {job!r}: pod {self._cluster.namespace}/{name} is gone; somebody deleted it")
        remote = handed_over(job, pod.metadata.annotations[SPEC])
        return self._handle(name, remote, since=since)

    def waiting(self, handle: PodHandle, *, deadline: float | None) -> tuple[str, dict[str, Any]]:
        """The trigger that waits for a job, as Airflow stores triggers: import path and arguments.

        :param deadline: when the task's time runs out, in seconds since 1970.
        """
        self._cluster.forget_credentials()  # the triggerer makes its own
        return (
            "airflow_mlops_provider.triggers.kubernetes.PodTrigger",
            {
                "pod_name": handle.name,
                "pod_namespace": self._cluster.namespace,
                "container": CONTAINER,
                "conn_id": None if self.address.eks_cluster else self.address.conn_id,
                "eks_cluster": self.address.eks_cluster,
                "aws_conn_id": self.address.aws_conn_id,
                "region": self.address.region,
                "startup_timeout": self.rules.startup_timeout,
                "deadline": deadline,
            },
        )

    @cached_property
    def _cluster(self) -> Cluster:
        return Cluster(address=self.address)

    def _found_or_started(self, remote: RemoteJob, *, has_environment: bool) -> PodHandle:
        try:
            return self._found(remote) or self._started(remote, has_environment=has_environment)
        except AlreadyExistsError as error:
            # Another process of the same task came first, and its pod is found now.
            found = self._found(remote)
            if found is None:
                raise BackendError(str(error)) from error
            return found

    def _found(self, remote: RemoteJob) -> PodHandle | None:
        """The handle of this request's pod, when there is one that will do."""
        for pod in self._of_task(remote):
            name = pod.metadata.name
            if pod.metadata.labels.get(REQUEST) != remote.request:
                log.info("pod %s is deleted: it runs an earlier request of this task", name)
                self._cluster.delete(name)
                continue
            handle = self._handle(name, remote)
            if handle.is_for_retry():
                log.info("pod %s/%s of an earlier try is found again", self._cluster.namespace, name)
                return handle
        self._require_gone(remote)
        return None

    def _require_gone(self, remote: RemoteJob) -> None:
        """Wait until no deleted pod of this task is left: its processes may still run.

        :raises BackendError: when one takes too long.
        """
        until = time.monotonic() + _LEAVING_SECONDS
        while leaving := [pod for pod in self._all_of_task(remote) if is_leaving(pod)]:
            if time.monotonic() > until:
                name = leaving[0].metadata.name
                raise BackendError(f"pod {self._cluster.namespace}/{name} was deleted and has not ended")
            time.sleep(self.rules.poll_seconds)

    def _started(self, remote: RemoteJob, *, has_environment: bool) -> PodHandle:
        kept = [pod for pod in self._all_of_task(remote) if pod.metadata.labels.get(REQUEST) == remote.request]
        number = 1 + max(map(number_of, kept), default=0)
        made = self.parts.pod(remote, number=number, namespace=self._cluster.namespace, has_environment=has_environment)
        pod = self._cluster.create(made)
        log.info("pod %s/%s is made", self._cluster.namespace, pod.metadata.name)
        return self._handle(pod.metadata.name, remote)

    def _provide(self, name: str, environment: Mapping[str, str]) -> None:
        """Make the Secret that the pod waits for; an earlier try may have died before it did.

        :raises BackendError: when it may not, and the pod is deleted.
        """
        pod = self._cluster.read(name)
        secret = pod.metadata.annotations.get(SECRET) if pod is not None else None
        if secret is None or has_ended(pod):
            return
        try:
            self._cluster.create_secret(secret, environment, owner=pod)
        except (BackendError, BadInputError):
            self._cluster.delete(name)
            raise

    def _of_task(self, remote: RemoteJob) -> list[Any]:
        """The pods of this task that somebody still waits for, or would have."""
        pods = self._all_of_task(remote)
        return [pod for pod in pods if not is_leaving(pod) and COLLECTED not in pod.metadata.labels]

    def _all_of_task(self, remote: RemoteJob) -> list[Any]:
        return self._cluster.pods(labels={TASK: remote.task, JOB: remote.job})

    def _handle(self, name: str, remote: RemoteJob, *, since: str | None = None) -> PodHandle:
        return PodHandle(cluster=self._cluster, name=name, job=remote, rules=self.rules, since=since)
