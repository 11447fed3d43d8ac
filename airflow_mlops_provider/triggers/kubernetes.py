"""Waits until the job in a pod has ended, or is not going to start; reads no Outcome."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow.providers.cncf.kubernetes.triggers.pod import ContainerState, KubernetesPodTrigger
from airflow.providers.cncf.kubernetes.utils.pod_manager import detect_pod_terminate_early_issues
from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async

from airflow_mlops_provider.hooks.eks import EksKubeconfig
from airflow_mlops_provider.triggers.datasets import MIN_WAIT_SECONDS

_NOT_FOUND = 404


class PodTrigger(KubernetesPodTrigger):
    """The provider's trigger for a pod, looking every :data:`MIN_WAIT_SECONDS` and never at once.

    What the pod prints meanwhile goes to the task's log. A task that is marked or cleared while it waits takes its pod
    along, as with the provider's own trigger.

    :param pod_name: the pod.
    :param pod_namespace: its namespace.
    :param container: the container that runs the job.
    :param conn_id: Connection of type ``kubernetes``; ``None`` for an EKS cluster.
    :param eks_cluster: name of an EKS cluster.
    :param aws_conn_id: Connection of type ``aws`` for that cluster.
    :param region: AWS region of that cluster.
    :param startup_timeout: seconds until the container must run.
    :param deadline: when the task's time runs out, in seconds since 1970.
    """

    def __init__(
        self,
        *,
        pod_name: str,
        pod_namespace: str,
        container: str,
        conn_id: str | None,
        eks_cluster: str | None = None,
        aws_conn_id: str | None = None,
        region: str | None = None,
        startup_timeout: float,
        deadline: float | None = None,
    ) -> None:
        super().__init__(
            pod_name=pod_name,
            pod_namespace=pod_namespace,
            trigger_start_time=datetime.now(UTC),
            base_container_name=container,
            kubernetes_conn_id=conn_id,
            poll_interval=MIN_WAIT_SECONDS,
        )
        self.eks_cluster = eks_cluster
        self.aws_conn_id = aws_conn_id
        self.region = region
        self.startup_seconds = startup_timeout
        self.deadline = deadline
        self._eks = EksKubeconfig(eks_cluster, aws_conn_id=aws_conn_id, region=region) if eks_cluster else None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Import path and arguments, as Airflow stores a trigger."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "pod_name": self.pod_name,
                "pod_namespace": self.pod_namespace,
                "container": self.base_container_name,
                "conn_id": self.kubernetes_conn_id,
                "eks_cluster": self.eks_cluster,
                "aws_conn_id": self.aws_conn_id,
                "region": self.region,
                "startup_timeout": self.startup_seconds,
                "deadline": self.deadline,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event: why the task is to go on, and until when the log was passed on."""
        reason = None
        try:
            while reason is None:
                # Not at once: an event within seconds of the deferral can lose a race in Airflow.
                await asyncio.sleep(self.poll_interval)
                reason = await self._reason()
        finally:
            self._forget_credentials()
        self._fired_event = True
        yield TriggerEvent({"reason": reason, "since": self._since})  # type: ignore[no-untyped-call]  # Airflow's own

    async def on_kill(self) -> None:
        """Delete the pod: somebody marked or cleared the task. Airflow calls this from 3.3 on."""
        await self._end_pod(super().on_kill)

    async def cleanup(self) -> None:
        """As :meth:`on_kill`, on Airflow 3.1 and 3.2; the provider tells the triggerer's own end apart."""
        if not hasattr(BaseTrigger, "on_kill"):
            await self._end_pod(super().cleanup)

    async def _end_pod(self, end: Callable[[], Awaitable[None]]) -> None:
        """What the provider does; the credentials of the wait are gone already."""
        try:
            if not self._fired_event:
                await self._reach()
            await end()
        except Exception as error:  # noqa: BLE001  # the task is over; nobody else would hear it
            self.log.warning("pod %s was not deleted: %s", self.pod_name, error)
        finally:
            self._forget_credentials()

    @property
    def _since(self) -> str | None:
        """Until when the log was passed on, as a log writes times."""
        last = self.last_log_time
        return last.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if last is not None else None

    async def _reason(self) -> str | None:
        """Why the task is to go on, or ``None`` to wait on."""
        if self.deadline is not None and time.time() >= self.deadline:
            return "deadline"
        try:
            await self._reach()
            pod = await self._get_pod()
        except Exception as error:  # noqa: BLE001  # both clients have a family of their own; the task finds out which
            return "gone" if getattr(error, "status", None) == _NOT_FOUND else f"unreadable: {error}"
        state = self.define_pod_container_state(pod)
        if state in (ContainerState.TERMINATED, ContainerState.FAILED):
            return "ended"
        if state is not ContainerState.RUNNING:
            return self._problem(pod)
        await self._pass_lines_on(pod)
        return None

    def _problem(self, pod: Any) -> str | None:
        age = (datetime.now(UTC) - pod.metadata.creation_timestamp).total_seconds()
        return "not started" if age > self.startup_seconds or detect_pod_terminate_early_issues(pod) else None

    async def _pass_lines_on(self, pod: Any) -> None:
        try:
            self.last_log_time = await self.pod_manager.fetch_container_logs_before_current_sec(
                pod, container_name=self.base_container_name, since_time=self.last_log_time
            )
        except Exception as error:  # noqa: BLE001  # a log that cannot be read is no reason to stop waiting
            self.log.debug("log of pod %s cannot be read: %s", self.pod_name, error)

    async def _reach(self) -> None:
        """Have what reaches an EKS cluster: a kubeconfig with credentials that hold."""
        if self._eks is not None and not self._eks.is_fresh:
            self._forget_credentials()
            # Not asyncio.to_thread: only from asgiref's threads does Airflow give a trigger its Connections.
            self.config_dict = await sync_to_async(_read_new)(self._eks)

    def _forget_credentials(self) -> None:
        """Remove the files, and the provider's objects that would still ask for them."""
        if self._eks is not None:
            self._eks.forget()
            for name in ("hook", "pod_manager"):
                self.__dict__.pop(name, None)


def _read_new(kubeconfig: EksKubeconfig) -> Any:
    import yaml

    return yaml.safe_load(Path(kubeconfig.made()).read_text(encoding="utf-8"))
