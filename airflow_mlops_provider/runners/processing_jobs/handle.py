"""A job on SageMaker: waited for, its lines followed, its last word read; marked once that is safe."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_mlops_provider.exceptions import BackendError, JobCancelledError, MLOpsError
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.runners.left_outcome import left_or
from airflow_mlops_provider.runners.processing_jobs.account import Account
from airflow_mlops_provider.runners.processing_jobs.log_lines import LogLines
from airflow_mlops_provider.runners.processing_jobs.parts import COLLECTED
from airflow_mlops_provider.runners.processing_jobs.status import error_in, has_ended, is_running, message_of
from airflow_mlops_provider.runners.remote_job import RemoteJob
from airflow_mlops_provider.runners.runner import State


@dataclass(frozen=True, kw_only=True)
class JobRules:
    """How a runner treats its jobs; see :class:`~airflow_mlops_provider.runners.sagemaker.SageMakerRunner`."""

    outlives_worker: bool
    poll_seconds: float
    late_log_seconds: float


class ProcessingHandle:
    """A Processing job, which goes on when the process that holds this handle does not.

    :param account: where it is.
    :param name: the Processing job's.
    :param job: what runs in it.
    :param rules: how it is treated.
    """

    def __init__(self, *, account: Account, name: str, job: RemoteJob, rules: JobRules) -> None:
        self.name = name
        self.outlives_worker = rules.outlives_worker
        self._account = account
        self._job = job
        self._rules = rules
        self._lines = self._read()
        self._result: Outcome | MLOpsError | None = None
        self._ended_as: Mapping[str, Any] | None = None
        self._is_cancelled = False

    @property
    def is_cancelled(self) -> bool:
        """Whether :meth:`cancel` was called; asks nobody."""
        return self._is_cancelled

    @property
    def where(self) -> str:
        """The job and its place, for messages."""
        return f"job {self._job.job!r} as SageMaker job {self.name}"

    def state(self) -> State:
        """How far the job has come."""
        if self._is_cancelled:
            return State.CANCELLED
        if self._result is None:
            found = self._described()
            if not has_ended(found):
                return State.RUNNING if is_running(found) else State.PENDING
            self._result = self._ended(found)
        return State.SUCCEEDED if isinstance(self._result, Outcome) else State.FAILED

    def logs(self) -> Iterator[str]:
        """Both streams as one, line by line; see :class:`~airflow_mlops_provider.runners.runner.Handle`.

        CloudWatch does not tell the streams apart, so the sentence of an error is a line here too.
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
        """Stop the job: its process gets SIGTERM, and SIGKILL two minutes later."""
        if self._result is None and not self._is_cancelled:
            self._is_cancelled = True
            self._account.stop(self.name)

    def release(self) -> None:
        """Mark the job, once its end was seen: SageMaker keeps it and its name for good, and a retry runs another."""
        if self._ended_as is not None:
            self._account.tag(str(self._ended_as["ProcessingJobArn"]), {COLLECTED: "true"})

    def failure(self) -> MLOpsError | None:
        """Why the job ended without an Outcome; ``None`` while it runs, and when it has one, also one not yet read."""
        failed = self.state() is State.FAILED and self._ended_as is not None
        return self._result if failed and isinstance(self._result, MLOpsError) else None

    def _read(self) -> Iterator[str]:
        try:
            yield from self._begun()
            lines = LogLines(
                account=self._account,
                name=self.name,
                poll_seconds=self._rules.poll_seconds,
                late_seconds=self._rules.late_log_seconds,
            )
            yield from lines.follow(until=self._is_over)
            if self._result is None and not self._is_cancelled:
                self._result = self._ended(self._described())
        except MLOpsError as error:
            self._result = None if self._is_cancelled else self._result or error

    def _begun(self) -> Iterator[str]:
        """Wait until the job runs or has ended."""
        is_told = False
        while not self._is_over() and not is_running(self._described()):
            if not is_told:
                yield f"SageMaker job {self.name} waits for its machine and image"
            is_told = True
            time.sleep(self._rules.poll_seconds)

    def _is_over(self) -> bool:
        return self._is_cancelled or self._result is not None or has_ended(self._described())

    def _described(self) -> dict[str, Any]:
        found = self._account.describe(self.name)
        if found is None:
            raise BackendError(f"{self.where}: SageMaker does not know it")
        return found

    def _ended(self, found: Mapping[str, Any]) -> Outcome | MLOpsError:
        message = message_of(found)
        if message is None:
            self._ended_as = found
            return left_or(error_in(found, where=self.where), self._job.fetch)
        result = self._job.result(message, where=self.where)
        # An Outcome that cannot be read at the moment is there: the job is not marked, so that a retry reads it.
        self._ended_as = None if message.outcome_uri and isinstance(result, BackendError) else found
        return result
