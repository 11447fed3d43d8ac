"""A job at a place that outlives its task: waited for, its lines followed, its last word read."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Protocol

from airflow_mlops_provider.exceptions import BackendError, BadInputError, JobCancelledError, MLOpsError
from airflow_mlops_provider.jobs.exit_message import ExitMessage
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.runners.left_outcome import left_or
from airflow_mlops_provider.runners.remote_job import RemoteJob
from airflow_mlops_provider.runners.runner import State

log = logging.getLogger(__name__)


class StatusReader(Protocol):
    """What a place's word about a job means; the module ``status`` of each place is one."""

    def is_running(self, found: Any, /) -> bool:
        """Whether the job runs."""
        ...

    def has_ended(self, found: Any, /) -> bool:
        """Whether the job has ended, however."""
        ...

    def message_of(self, found: Any, /) -> ExitMessage | None:
        """The last word of the job, or ``None`` when it left none."""
        ...

    def error_in(self, found: Any, /, *, where: str) -> MLOpsError:
        """Why a job that has ended left no last word."""
        ...


class RemoteHandle(ABC):
    """A job that goes on when the process that holds this handle does not.

    :param name: what its place calls it.
    :param job: what runs there.
    :param outlives_worker: whether it is left alone when the worker of its task shuts down.
    :param poll_seconds: time between two looks.
    """

    reader: ClassVar[StatusReader]

    gone: ClassVar[str]
    """What is said of a job that its place does not know any more."""

    def __init__(self, *, name: str, job: RemoteJob, outlives_worker: bool, poll_seconds: float) -> None:
        self.name = name
        self.outlives_worker = outlives_worker
        self._job = job
        self._poll_seconds = poll_seconds
        self._lines = self._read()
        self._result: Outcome | MLOpsError | None = None
        self._ended_as: Any | None = None
        """What the place said of the end, once nothing of it is needed there any more."""
        self._is_cancelled = False

    @property
    @abstractmethod
    def where(self) -> str:
        """The job and its place, for messages."""

    @abstractmethod
    def release(self) -> None:
        """Do with a job whose end was seen what its place does with one; see the runner."""

    @abstractmethod
    def _look(self) -> Any | None:
        """What the place says of the job; ``None`` when it does not know it any more."""

    @abstractmethod
    def _waits_for(self, found: Any) -> str:
        """The line that says why the job does not run yet.

        :raises BackendError: when it is not waited for any longer.
        """

    @abstractmethod
    def _followed(self, *, until: Callable[[], bool]) -> Iterator[str]:
        """The job's lines as they come, without the Outcome, until ``until`` says that it has ended."""

    @abstractmethod
    def _end(self) -> None:
        """Have the place end the job."""

    @property
    def is_cancelled(self) -> bool:
        """Whether :meth:`cancel` was called; asks nobody."""
        return self._is_cancelled

    def state(self) -> State:
        """How far the job has come."""
        if self._is_cancelled:
            return State.CANCELLED
        if self._result is None:
            found = self._look()
            if found is not None and not self.reader.has_ended(found):
                return State.RUNNING if self.reader.is_running(found) else State.PENDING
            self._result = self._ended(found)
        return State.SUCCEEDED if isinstance(self._result, Outcome) else State.FAILED

    def logs(self) -> Iterator[str]:
        """Both streams as one, line by line; see :class:`~airflow_mlops_provider.runners.runner.Handle`.

        The place does not tell the streams apart, so the sentence of an error is a line here too.
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
        """End the job: its processes get SIGTERM, and SIGKILL after the grace period of the place."""
        if self._result is None and not self._is_cancelled:
            self._is_cancelled = True
            self._end()

    def is_for_retry(self) -> bool:
        """Whether a retry waits for this job; one that failed while nobody looked is released, and runs again.

        An Outcome that cannot be read at the moment is there, and bad input would be the same again.
        """
        if self.state() is not State.FAILED or self._ended_as is None or isinstance(self._result, BadInputError):
            return True
        log.warning("%s; nobody looked when it failed, and this try runs it again", self._result)
        self.release()
        return False

    def _read(self) -> Iterator[str]:
        try:
            yield from self._begun()
            yield from self._followed(until=self._is_over)
            self._result = self._result or self._ended(self._present())
        except MLOpsError as error:
            self._result = None if self._is_cancelled else self._result or error

    def _begun(self) -> Iterator[str]:
        """Wait until the job runs or has ended; its lines say what is waited for."""
        told = ""
        while (found := self._present()) is not None and not self._is_under_way(found):
            if (line := self._waits_for(found)) != told:
                yield line
            told = line
            time.sleep(self._poll_seconds)

    def _is_under_way(self, found: Any) -> bool:
        return self.reader.is_running(found) or self.reader.has_ended(found)

    def _is_over(self) -> bool:
        found = self._present()
        return found is None or self.reader.has_ended(found)

    def _present(self) -> Any | None:
        if self._is_cancelled:
            raise JobCancelledError(f"{self.where} was cancelled")
        return self._look()

    def _ended(self, found: Any | None) -> Outcome | MLOpsError:
        if found is None:
            return left_or(BackendError(f"{self.where}: {self.gone}"), self._job.fetch)
        message = self.reader.message_of(found)
        if message is None:
            self._ended_as = found
            return left_or(self.reader.error_in(found, where=self.where), self._job.fetch)
        result = self._job.result(message, where=self.where)
        # An Outcome that cannot be read at the moment is there: the job is not released, so that a retry reads it.
        self._ended_as = None if message.outcome_uri and isinstance(result, BackendError) else found
        return result
