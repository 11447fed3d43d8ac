"""The default: the job runs in the worker's own task process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from airflow_mlops_provider.exceptions import BackendError
from airflow_mlops_provider.records.outcome import Outcome


class InProcessRunner:
    """Imports the job and its libraries when it runs, never before."""

    def run(self, job: str, spec: Mapping[str, Any], *, environment: Mapping[str, str]) -> Outcome:
        """Run ``job`` here; see :class:`~airflow_mlops_provider.runners.runner.Runner`."""
        from airflow_mlops_provider import jobs

        with _environment(environment):
            try:
                return jobs.run(job, spec)
            except ModuleNotFoundError as error:
                raise BackendError(
                    f"job {job!r} needs {error.name!r}, which this worker lacks: "
                    "pip install 'airflow-mlops-provider[analysis]', or give the operator another runner"
                ) from error


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
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
