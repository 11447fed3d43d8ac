"""What a place to run jobs offers: a job is submitted, and the handle follows it to its Outcome."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from airflow_mlops_provider.records.outcome import Outcome


class State(StrEnum):
    """How far a job has come."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    """It ended with an Outcome, whatever the verdict."""
    FAILED = "failed"
    CANCELLED = "cancelled"


class Runner(Protocol):
    """A place where a job runs: same request, same Outcome, wherever it is."""

    def submit(self, job: str, spec: Mapping[str, Any], *, environment: Mapping[str, str]) -> Handle:
        """Hand ``job`` over and return at once.

        A place that outlives the task finds the job of an earlier try again, by its
        :func:`~airflow_mlops_provider.records.request_identity.request_identity`, and does not start it twice.

        :param job: a job name, such as ``drift``.
        :param spec: its keys, as plain JSON.
        :param environment: variables for the job alone: addresses and secrets from Connections, never stored.
        :raises BackendError: when the place cannot be reached.
        """
        ...


@runtime_checkable
class LastingRunner(Runner, Protocol):
    """A place whose jobs outlive the process that submitted them, so that a task can wait without a worker."""

    def submit(self, job: str, spec: Mapping[str, Any], *, environment: Mapping[str, str]) -> LastingHandle:
        """As of every runner."""
        ...

    def resume(self, job: str, name: str, *, since: str | None = None) -> LastingHandle:
        """The handle of a job that was submitted before.

        :param job: the job's name.
        :param name: the handle's name then.
        :param since: only lines of its log after this time, as the trigger told it.
        :raises BackendError: when the place has lost the job.
        """
        ...

    def waiting(self, handle: LastingHandle, *, deadline: float | None) -> tuple[str, dict[str, Any]]:
        """The trigger that waits for a job's end, as Airflow stores triggers: import path and arguments.

        Its event is ``{"reason": ..., "since": ...}``; the reason ``deadline`` says that the time ran out.

        :param deadline: when the task's time runs out, in seconds since 1970.
        """
        ...


class Handle(Protocol):
    """One submitted job."""

    def state(self) -> State:
        """How far the job has come; asks, and does not wait."""
        ...

    def logs(self) -> Iterator[str]:
        """The job's output line by line, as it comes, until the job has ended.

        The lines of the protocol are left out: the Outcome, and the sentence that :meth:`collect` raises. A job that
        writes to this process's own output has no lines here.
        """
        ...

    def collect(self) -> Outcome:
        """Wait for the job's end and return its Outcome; may be called without :meth:`logs`, and again.

        :raises BadInputError: as the job does, with its own sentence.
        :raises BackendError: as the job does, or when the place lost the job.
        :raises JobFaultError: when the job has a fault and ran in another process; its cause holds the traceback. In
            this process the fault is raised as it is.
        :raises JobCancelledError: after :meth:`cancel`.
        """
        ...

    def cancel(self) -> None:
        """End the job and whatever it started; does nothing when it has ended."""
        ...

    def release(self) -> None:
        """Remove what the place keeps of a job whose Outcome is in safe hands; called once its task has ended.

        A job of which nothing is kept, or whose Outcome was not collected, is left as it is.
        """
        ...


class LastingHandle(Handle, Protocol):
    """A job that goes on when the process that holds its handle does not.

    :ivar name: by which :meth:`LastingRunner.resume` finds it.
    :ivar outlives_worker: whether it is left alone when the worker of its task shuts down.
    """

    name: str
    outlives_worker: bool

    @property
    def is_cancelled(self) -> bool:
        """Whether ``cancel`` was called; asks nobody."""
        ...

    @property
    def where(self) -> str:
        """The job and its place, for messages."""
        ...
