"""Another Python environment on the worker, so that ML libraries never meet Airflow's dependencies."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from typing import Any

from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.records.codec import encode
from airflow_mlops_provider.records.outcome import Outcome

_BAD_INPUT = 2


class ExternalPythonRunner:
    """Runs the job as ``python -m airflow_mlops_provider.jobs`` under another interpreter.

    :param python: that interpreter; ``airflow-mlops-provider[analysis]`` must be importable there, Airflow need not.
    """

    def __init__(self, *, python: str) -> None:
        self.python = python

    def run(self, job: str, spec: Mapping[str, Any], *, environment: Mapping[str, str]) -> Outcome:
        """Run ``job`` there; see :class:`~airflow_mlops_provider.runners.runner.Runner`."""
        command = [self.python, "-m", "airflow_mlops_provider.jobs", job, "-"]
        try:
            finished = subprocess.run(  # noqa: S603  # the interpreter is the Dag author's own choice
                command,
                input=json.dumps(encode(dict(spec))),
                capture_output=True,
                text=True,
                check=False,
                env={**os.environ, **environment},
            )
        except OSError as error:
            raise BackendError(f"runner python {self.python}: {error.strerror}") from error
        if finished.returncode == _BAD_INPUT:
            raise BadInputError(_last_line(finished.stderr))
        if finished.returncode != 0:
            raise BackendError(f"job {job!r} under {self.python}: {_last_line(finished.stderr)}")
        return Outcome.from_json(json.loads(_last_line(finished.stdout)))


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it ended without a word"
