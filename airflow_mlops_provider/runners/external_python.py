"""Another Python environment on the worker, so that ML libraries never meet Airflow's dependencies."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from airflow_mlops_provider.exceptions import BackendError, JobCancelledError, MLOpsError
from airflow_mlops_provider.jobs.protocol import (
    LONGEST_TRACEBACK,
    PARENT_PIPE,
    ExitStatus,
    error_of,
    outcome_in,
    released,
    tells,
)
from airflow_mlops_provider.records.codec import encode
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.runners.left_outcome import fetch_later, left_or
from airflow_mlops_provider.runners.process_group import ProcessGroup, Stream
from airflow_mlops_provider.runners.runner import State


class ExternalPythonRunner:
    """Runs the job as ``python -m airflow_mlops_provider.jobs`` under another interpreter.

    The job and all that it starts end with the task: when the task is cancelled, and when its process is killed.

    :param python: that interpreter; ``airflow-mlops-provider[analysis]`` must be importable there, Airflow need not.
    :param grace_seconds: how long a cancelled job may take to end before it is killed. Airflow kills a task itself five
        seconds after it asked it to end.
    """

    def __init__(self, *, python: str, grace_seconds: float = 3.0) -> None:
        self.python = python
        self.grace_seconds = grace_seconds

    def submit(self, job: str, spec: Mapping[str, Any], *, environment: Mapping[str, str]) -> ExternalPythonHandle:
        """Start ``job`` there; see :class:`~airflow_mlops_provider.runners.runner.Runner`."""
        fetch = fetch_later(job, spec)
        try:
            group = ProcessGroup(
                command=[self.python, "-m", "airflow_mlops_provider.jobs", job, "-"],
                given=json.dumps(encode(dict(spec))).encode(),
                environment={**os.environ, **environment},
                parent_pipe=PARENT_PIPE,
            )
        except OSError as error:
            raise BackendError(f"runner python {self.python}: {error.strerror}") from error
        where = f"job {job!r} under {self.python}"
        return ExternalPythonHandle(group=group, where=where, grace_seconds=self.grace_seconds, fetch=fetch)


class ExternalPythonHandle:
    """A job in a process group of its own.

    :param group: its processes.
    :param where: the job and its interpreter, for messages.
    :param grace_seconds: see :class:`ExternalPythonRunner`.
    :param fetch: the Outcome that the job left in the evidence root, if any.
    """

    def __init__(
        self, *, group: ProcessGroup, where: str, grace_seconds: float, fetch: Callable[[], Outcome | None]
    ) -> None:
        self._group = group
        self._where = where
        self._grace_seconds = grace_seconds
        self._fetch = fetch
        self._lines = self._read()
        self._printed: Outcome | None = None
        self._errors: deque[str] = deque(maxlen=LONGEST_TRACEBACK)
        self._result: Outcome | MLOpsError | None = None
        self._is_cancelled = False

    def state(self) -> State:
        """How far the job has come; it has succeeded or failed once its output has been read."""
        if self._is_cancelled:
            return State.CANCELLED
        if self._result is None:
            return State.RUNNING
        return State.SUCCEEDED if isinstance(self._result, Outcome) else State.FAILED

    def logs(self) -> Iterator[str]:
        """Both streams line by line; see :class:`~airflow_mlops_provider.runners.runner.Handle`."""
        return self._lines

    def collect(self) -> Outcome:
        """Wait for the job's end; see :class:`~airflow_mlops_provider.runners.runner.Handle`."""
        deque(self._lines, maxlen=0)
        if self._is_cancelled:
            raise JobCancelledError(f"{self._where} was cancelled")
        if not isinstance(self._result, Outcome):
            raise self._result or BackendError(f"{self._where}: its output was not read to the end")
        return self._result

    def cancel(self) -> None:
        """SIGTERM to the whole process group, and SIGKILL after the grace period."""
        if self._result is None:
            self._is_cancelled = True
            self._group.end(grace_seconds=self._grace_seconds)

    def release(self) -> None:
        """Nothing is kept."""

    def _read(self) -> Iterator[str]:
        """The lines for the log; those that may be what :meth:`collect` returns or raises wait until that is known."""
        output: list[str] = []
        errors: list[str] = []
        for stream, line in self._group.lines():
            if stream is Stream.ERROR:
                self._errors.append(line)
                yield from released(errors, line)
            else:
                self._printed = outcome_in(line)
                yield from (*output, *([] if self._printed else [line]))
                output = [line] if self._printed else []
        self._result = self._ended(self._group.status)
        if not isinstance(self._result, Outcome):
            yield from output
        if not tells(self._result, errors):
            yield from errors

    def _ended(self, status: int | None) -> Outcome | MLOpsError:
        if status in (ExitStatus.OUTCOME, ExitStatus.VERDICT) and self._printed is not None:
            return self._printed
        error = error_of(status, list(self._errors), where=self._where)
        return left_or(error, self._fetch) if status is None or status < 0 else error
