"""A job on SageMaker; it is marked once that is safe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from airflow_mlops_provider.runners.processing_jobs import status
from airflow_mlops_provider.runners.processing_jobs.account import Account
from airflow_mlops_provider.runners.processing_jobs.log_lines import LogLines
from airflow_mlops_provider.runners.processing_jobs.parts import COLLECTED
from airflow_mlops_provider.runners.remote_handle import RemoteHandle, StatusReader
from airflow_mlops_provider.runners.remote_job import RemoteJob


@dataclass(frozen=True, kw_only=True)
class JobRules:
    """How a runner treats its jobs; see :class:`~airflow_mlops_provider.runners.sagemaker.SageMakerRunner`."""

    outlives_worker: bool
    poll_seconds: float
    late_log_seconds: float


class ProcessingHandle(RemoteHandle):
    """A Processing job.

    :param account: where it is.
    :param name: the Processing job's.
    :param job: what runs in it.
    :param rules: how it is treated.
    """

    reader: ClassVar[StatusReader] = status
    gone = "SageMaker does not know it"

    def __init__(self, *, account: Account, name: str, job: RemoteJob, rules: JobRules) -> None:
        super().__init__(name=name, job=job, outlives_worker=rules.outlives_worker, poll_seconds=rules.poll_seconds)
        self._account = account
        self._log_lines = LogLines(
            account=account, name=name, poll_seconds=rules.poll_seconds, late_seconds=rules.late_log_seconds
        )

    @property
    def where(self) -> str:
        """The job and its place, for messages."""
        return f"job {self._job.job!r} as SageMaker job {self.name}"

    def release(self) -> None:
        """Mark the job, once its end was seen: SageMaker keeps it and its name for good, and a retry runs another."""
        if self._ended_as is not None:
            self._account.tag(str(self._ended_as["ProcessingJobArn"]), {COLLECTED: "true"})

    def _look(self) -> dict[str, Any] | None:
        return self._account.describe(self.name)

    def _waits_for(self, found: Any) -> str:  # noqa: ARG002  # SageMaker does not say more
        return f"SageMaker job {self.name} waits for its machine and image"

    def _followed(self, *, until: Callable[[], bool]) -> Iterator[str]:
        return self._log_lines.follow(until=until)

    def _end(self) -> None:
        self._account.stop(self.name)
