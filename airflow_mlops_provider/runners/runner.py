"""What a place to run jobs offers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from airflow_mlops_provider.records.outcome import Outcome


class Runner(Protocol):
    """A place where a job runs: same spec, same Outcome, wherever it is."""

    def run(self, job: str, spec: Mapping[str, Any], *, environment: Mapping[str, str]) -> Outcome:
        """Run ``job`` to its end.

        :param job: a job name, such as ``drift``.
        :param spec: its keys, as plain JSON.
        :param environment: variables for the job alone: addresses and secrets from Connections, never stored.
        :raises BadInputError: as the job does.
        :raises BackendError: as the job does, or when the place itself cannot be reached.
        """
        ...
