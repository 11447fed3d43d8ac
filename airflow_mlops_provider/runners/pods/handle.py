"""A job in a pod; the pod goes when that is safe."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from airflow_mlops_provider.exceptions import BackendError
from airflow_mlops_provider.jobs.protocol import outcome_in
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.runners.pods import status
from airflow_mlops_provider.runners.pods.cluster import Cluster
from airflow_mlops_provider.runners.pods.log_lines import LogLines
from airflow_mlops_provider.runners.pods.manifest import COLLECTED
from airflow_mlops_provider.runners.remote_handle import RemoteHandle, StatusReader
from airflow_mlops_provider.runners.remote_job import RemoteJob

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class PodRules:
    """How a runner treats its pods; see :class:`~airflow_mlops_provider.runners.kubernetes.KubernetesRunner`."""

    startup_timeout: float
    keep_failed: bool
    outlives_worker: bool
    poll_seconds: float = 1.0


class PodHandle(RemoteHandle):
    """A job in a pod.

    :param cluster: where the pod is.
    :param name: the pod's.
    :param job: what runs in it.
    :param rules: how it is treated.
    :param since: only lines of its log after this time, as the log writes it.
    """

    reader: ClassVar[StatusReader] = status
    gone = "the pod is gone; somebody deleted it, or its node was drained"

    def __init__(
        self, *, cluster: Cluster, name: str, job: RemoteJob, rules: PodRules, since: str | None = None
    ) -> None:
        super().__init__(name=name, job=job, outlives_worker=rules.outlives_worker, poll_seconds=rules.poll_seconds)
        self._cluster = cluster
        self._rules = rules
        self._log_lines = LogLines(cluster=cluster, name=name, since=since, poll_seconds=rules.poll_seconds)

    @property
    def where(self) -> str:
        """The job and its pod, for messages."""
        return f"job {self._job.job!r} in pod {self._full_name}"

    def release(self) -> None:
        """Delete the pod, with its Secret, once its end was seen; a failed one is kept where the runner says so."""
        try:
            if self._ended_as is not None:
                self._remove()
        finally:
            self._cluster.forget_credentials()

    def _remove(self) -> None:
        if self._rules.keep_failed and not isinstance(self._result, Outcome):
            self._cluster.label(self.name, {COLLECTED: "true"})
            log.info("pod %s is kept to be looked at", self._full_name)
        else:
            self._cluster.delete(self.name)

    @property
    def _full_name(self) -> str:
        return f"{self._cluster.namespace}/{self.name}"

    def _look(self) -> Any | None:
        return self._cluster.read(self.name)

    def _waits_for(self, found: Any) -> str:
        """Why the pod does not run yet; one that cannot start, or does not in time, is deleted.

        It would begin when nobody waits for it any more.
        """
        limit, reason = self._rules.startup_timeout, status.waits_for(found)
        problem = status.cannot_start(found)
        if problem is None and status.age_seconds(found) > limit:
            problem = f"it did not start within {limit:g} s: {reason}"
        if problem is not None:
            self._cluster.delete(self.name)
            raise BackendError(f"{self.where}: {problem}")
        return f"pod {self._full_name} waits: {reason}"

    def _followed(self, *, until: Callable[[], bool]) -> Iterator[str]:
        """The lines of the log without the Outcome, which is the last one."""
        held: str | None = None
        for line in self._log_lines.follow(until=until):
            if held is not None:
                yield held
            held = line if outcome_in(line) else None
            if held is None:
                yield line

    def _end(self) -> None:
        self._cluster.delete(self.name)
