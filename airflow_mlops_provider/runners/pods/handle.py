"""A job in a pod: waited for, its lines followed, its last word read; the pod goes when that is safe."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from airflow_mlops_provider.exceptions import BackendError, JobCancelledError, MLOpsError
from airflow_mlops_provider.jobs.protocol import outcome_in
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.runners.left_outcome import left_or
from airflow_mlops_provider.runners.pods.cluster import Cluster
from airflow_mlops_provider.runners.pods.log_lines import LogLines
from airflow_mlops_provider.runners.pods.manifest import COLLECTED
from airflow_mlops_provider.runners.pods.status import (
    age_seconds,
    cannot_start,
    error_in,
    has_ended,
    is_running,
    message_of,
    waits_for,
)
from airflow_mlops_provider.runners.remote_job import RemoteJob
from airflow_mlops_provider.runners.runner import State

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class PodRules:
    """How a runner treats its pods; see :class:`~airflow_mlops_provider.runners.kubernetes.KubernetesRunner`."""

    startup_timeout: float
    keep_failed: bool
    outlives_worker: bool
    poll_seconds: float = 1.0


class PodHandle:
    """A job in a pod, which goes on when the process that holds this handle does not.

    :param cluster: where the pod is.
    :param name: the pod's.
    :param job: what runs in it.
    :param rules: how it is treated.
    :param since: only lines of its log after this time, as the log writes it.
    """

    def __init__(
        self, *, cluster: Cluster, name: str, job: RemoteJob, rules: PodRules, since: str | None = None
    ) -> None:
        self.name = name
        self.outlives_worker = rules.outlives_worker
        self._cluster = cluster
        self._job = job
        self._rules = rules
        self._log_lines = LogLines(cluster=cluster, name=name, since=since, poll_seconds=rules.poll_seconds)
        self._lines = self._read()
        self._result: Outcome | MLOpsError | None = None
        self._ended_in: Any | None = None
        self._is_cancelled = False

    @property
    def is_cancelled(self) -> bool:
        """Whether :meth:`cancel` was called; asks nobody."""
        return self._is_cancelled

    @property
    def where(self) -> str:
        """The job and its pod, for messages."""
        return f"job {self._job.job!r} in pod {self._cluster.namespace}/{self.name}"

    def state(self) -> State:
        """How far the job has come."""
        if self._is_cancelled:
            return State.CANCELLED
        if self._result is None:
            pod = self._cluster.read(self.name)
            if pod is not None and not has_ended(pod):
                return State.RUNNING if is_running(pod) else State.PENDING
            self._result = self._ended(pod)
        return State.SUCCEEDED if isinstance(self._result, Outcome) else State.FAILED

    def logs(self) -> Iterator[str]:
        """Both streams as one, line by line; see :class:`~airflow_mlops_provider.runners.runner.Handle`.

        The cluster does not tell the streams apart, so the sentence of an error is a line here too.
        """
        return self._lines

    def collect(self) -> Outcome:
        """Wait for the job's end; see :class:`~airflow_mlops_provider.runners.runner.Handle`."""
        deque(self._lines, maxlen=0)
        if self._is_cancelled:
            raise JobCancelledError(f"{self.where} was cancelled")
        if not isinstance(self._result, Outcome):
            raise self._result or BackendError(f"{self.where}: its log was not read to the end")
        return self._result

    def cancel(self) -> None:
        """Delete the pod; its processes get SIGTERM, and SIGKILL after its grace period."""
        if self._result is None and not self._is_cancelled:
            self._is_cancelled = True
            self._cluster.delete(self.name)

    def release(self) -> None:
        """Delete the pod, with its Secret, once its end was seen; a failed one is kept where the runner says so."""
        try:
            if self._ended_in is not None:
                self._remove()
        finally:
            self._cluster.forget_credentials()

    def _remove(self) -> None:
        if self._rules.keep_failed and not isinstance(self._result, Outcome):
            self._cluster.label(self.name, {COLLECTED: "true"})
            log.info("pod %s/%s is kept to be looked at", self._cluster.namespace, self.name)
        else:
            self._cluster.delete(self.name)

    def failure(self) -> MLOpsError | None:
        """Why the job ended without an Outcome; ``None`` while it runs, and when it has one, also one not yet read."""
        failed = self.state() is State.FAILED and self._ended_in is not None
        return self._result if failed and isinstance(self._result, MLOpsError) else None

    def _read(self) -> Iterator[str]:
        try:
            yield from self._begun()
            yield from self._followed()
            self._result = self._result or self._ended(self._awaited())
        except MLOpsError as error:
            self._result = None if self._is_cancelled else self._result or error

    def _begun(self) -> Iterator[str]:
        """Wait until the job runs or has ended; its lines say what is waited for."""
        told = ""
        while (pod := self._present()) is not None and not (is_running(pod) or has_ended(pod)):
            self._require_start(pod)
            if (reason := waits_for(pod)) != told:
                yield f"pod {self._cluster.namespace}/{self.name} waits: {reason}"
            told = reason
            time.sleep(self._rules.poll_seconds)

    def _require_start(self, pod: Any) -> None:
        """End a pod that cannot start, or does not in time: it would begin when nobody waits for it any more."""
        limit = self._rules.startup_timeout
        problem = cannot_start(pod)
        if problem is None and age_seconds(pod) > limit:
            problem = f"it did not start within {limit:g} s: {waits_for(pod)}"
        if problem is not None:
            self._cluster.delete(self.name)
            raise BackendError(f"{self.where}: {problem}")

    def _followed(self) -> Iterator[str]:
        """The lines of the log without the Outcome, which is the last one."""
        held: str | None = None
        for line in self._log_lines.follow(until=self._is_over):
            if held is not None:
                yield held
            held = line if outcome_in(line) else None
            if held is None:
                yield line

    def _awaited(self) -> Any | None:
        while not self._is_over():
            time.sleep(self._rules.poll_seconds)
        return self._present()

    def _is_over(self) -> bool:
        pod = self._present()
        return pod is None or has_ended(pod)

    def _present(self) -> Any | None:
        if self._is_cancelled:
            raise BackendError(f"{self.where} was cancelled")  # of no account: collect says that it was
        return self._cluster.read(self.name)

    def _ended(self, pod: Any | None) -> Outcome | MLOpsError:
        if pod is None:
            gone = f"{self.where}: the pod is gone; somebody deleted it, or its node was drained"
            return left_or(BackendError(gone), self._job.fetch)
        message = message_of(pod)
        if message is None:
            self._ended_in = pod
            return left_or(error_in(pod, where=self.where), self._job.fetch)
        result = self._job.result(message, where=self.where)
        # An Outcome that cannot be read at the moment is there: the pod stays, so that a retry reads it.
        self._ended_in = None if message.outcome_uri and isinstance(result, BackendError) else pod
        return result
