"""Waits until the job in a pod has ended, or is not going to start; reads no Outcome."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow.providers.cncf.kubernetes.triggers.pod import ContainerState, KubernetesPodTrigger
from airflow.providers.cncf.kubernetes.utils.pod_manager import detect_pod_terminate_early_issues
from airflow.triggers.base import TriggerEvent

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
        with ExitStack() as credentials:
            if self.eks_cluster is not None:
                self.config_dict = await asyncio.to_thread(self._eks_config, credentials)
            reason = None
            while reason is None:
                # Not at once: an event within seconds of the deferral can lose a race in Airflow.
                await asyncio.sleep(self.poll_interval)
                reason = await self._reason()
        self._fired_event = True
        yield TriggerEvent({"reason": reason, "since": self._since})  # type: ignore[no-untyped-call]  # Airflow's own

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

    def _eks_config(self, credentials: ExitStack) -> Any:
        import yaml
        from airflow.providers.amazon.aws.hooks.eks import EksHook

        hook = EksHook(aws_conn_id=self.aws_conn_id, region_name=self.region)
        path, _ = credentials.enter_context(
            hook.generate_config_file_with_credentials(
                eks_cluster_name=str(self.eks_cluster), pod_namespace=self.pod_namespace
            )
        )
        return yaml.safe_load(Path(path).read_text(encoding="utf-8"))
