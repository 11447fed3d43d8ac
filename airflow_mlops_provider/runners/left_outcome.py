"""What a job has left in the evidence root, for a runner that lost sight of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from airflow_mlops_provider.exceptions import MLOpsError
from airflow_mlops_provider.jobs import outcomes_of
from airflow_mlops_provider.records.outcome import Outcome

log = logging.getLogger(__name__)


def fetch_later(job: str, spec: Mapping[str, Any]) -> Callable[[], Outcome | None]:
    """How to fetch what a run of this request that starts now will have left."""
    if spec.get("run_key") is None:
        return lambda: None
    try:
        outcomes = outcomes_of(job, spec)
        earlier = frozenset(outcomes.uris())
    except MLOpsError as error:
        # This environment may lack what reaches the evidence root; the job's own one has it.
        log.debug("outcomes of %s cannot be looked up here: %s", job, error)
        return lambda: None
    return lambda: outcomes.newest(besides=earlier)


def left_or(error: MLOpsError, fetch: Callable[[], Outcome | None]) -> Outcome | MLOpsError:
    """The Outcome that a job without a last word has left, else ``error``.

    A killed job may have said anything; what it left in the evidence root is an Outcome for certain.
    """
    try:
        left = fetch()
    except MLOpsError as unread:
        error.__cause__ = unread
        return error
    if left is not None:
        log.warning("%s; its Outcome had been written before, and is taken from the evidence root", error)
    return left or error
