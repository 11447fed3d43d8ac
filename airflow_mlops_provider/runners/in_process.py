"""The default: the job runs in the worker's own task process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from airflow_mlops_provider.exceptions import BackendError, JobCancelledError, JobFaultError
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.runners.runner import State


class InProcessRunner:
    """Imports the job and its libraries when it runs, never before."""

    def submit(self, job: str, spec: Mapping[str, Any], *, environment: Mapping[str, str]) -> InProcessHandle:
        """Keep ``job`` until it is collected; see :class:`~airflow_mlops_provider.runners.runner.Runner`."""
        return InProcessHandle(job=job, spec=spec, environment=environment)


class InProcessHandle:
    """A job that runs while it is collected, in the caller's thread.

    :param run_job: how; by default :func:`airflow_mlops_provider.jobs.run`.
    """

    def __init__(
        self,
        *,
        job: str,
        spec: Mapping[str, Any],
        environment: Mapping[str, str],
        run_job: Callable[[str, Mapping[str, Any]], Outcome] | None = None,
    ) -> None:
        self._run_job = run_job
        self._job = job
        self._spec = spec
        self._environment = environment
        self._state = State.PENDING
        self._outcome: Outcome | None = None

    def state(self) -> State:
        """How far the job has come."""
        return self._state

    def logs(self) -> Iterator[str]:
        """No lines: what the job prints or logs is this process's own output, which is the task's log."""
        return iter(())

    def collect(self) -> Outcome:
        """Run the job, once; see :class:`~airflow_mlops_provider.runners.runner.Handle`."""
        if self._outcome is None:
            self._outcome = self._run()
        return self._outcome

    def cancel(self) -> None:
        """Stop the job by an error in its midst: called by a signal's handler, which interrupts the job's thread."""
        if self._state is State.PENDING:
            self._state = State.CANCELLED
        elif self._state is State.RUNNING:
            self._state = State.CANCELLED
            raise JobCancelledError(f"job {self._job!r} was cancelled")

    def release(self) -> None:
        """Nothing is kept."""

    def _run(self) -> Outcome:
        from airflow_mlops_provider import jobs

        if self._state is State.CANCELLED:
            raise JobCancelledError(f"job {self._job!r} was cancelled")
        self._state = State.RUNNING
        try:
            with environment_of(self._environment), own_errors(self._job):
                outcome = (self._run_job or jobs.run)(self._job, self._spec)
        finally:
            if self._state is State.RUNNING:
                self._state = State.FAILED
        self._state = State.SUCCEEDED
        return outcome


@contextmanager
def own_errors(job: str) -> Iterator[None]:
    """Turn what would mean something else to Airflow into errors of ours.

    :raises BackendError: when a library is missing here.
    :raises JobFaultError: when something in the job exits.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise BackendError(
            f"job {job!r} needs {error.name!r}, which this worker lacks: "
            "pip install 'airflow-mlops-provider[analysis]', or give the operator another runner"
        ) from error
    except SystemExit as error:
        # A trainer that calls exit() has not asked for the end of Airflow's task.
        raise JobFaultError(f"job {job!r} was ended from inside by exit({error.code!r})") from error


@contextmanager
def environment_of(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables of this process while the block runs."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
