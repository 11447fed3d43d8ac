"""The data interval of a running task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.requests.short_forms import given
from airflow_mlops_provider.records.snapshot import SNAPSHOT

_STARTS = ("data_interval_start", "logical_date")


def interval_start(context: Mapping[str, Any]) -> str:
    """When the data interval of the Dag run begins, ISO 8601.

    A run without one (triggered by hand or by an asset, without a logical date) has the time at which it was due.

    :raises BadInputError: when the run tells none of these.
    """
    for name in _STARTS:
        if context.get(name) is not None:
            return str(context[name].isoformat())
    due = getattr(context.get("dag_run"), "run_after", None)
    if due is None:
        raise BadInputError("key 'interval_start' is missing, and the Dag run has no data interval")
    return str(due.isoformat())


def interval_of_output(asked: str | None, *outputs: str | None, context: Mapping[str, Any]) -> str | None:
    """What names a snapshot that a task writes: what was asked for, else the start of the run's data interval.

    :param outputs: URIs that the task writes; without a snapshot among them, the interval is of no use.
    """
    start: str | None = given(asked)
    if start is not None or not any(str(uri or "").endswith(SNAPSHOT) for uri in outputs):
        return start
    return interval_start(context)
