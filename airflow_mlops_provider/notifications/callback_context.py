"""What Airflow hands to a callback, and what has happened by it.

A callback gets its context from one of four makers: the worker, after a task; the Dag processor, for a task whose
worker died; the Dag processor, for a whole run, with the task instance that ended last; the triggerer, for a deadline.
Only the first two speak of the task that they name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_REASONS = {
    "task_failure": "a task failed",
    "timed_out": "the run took longer than its dagrun_timeout",
    "all_tasks_deadlocked": "no task of the run can start any more",
}
"""Airflow's reasons of a failed run, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackEvent:
    """What a callback is called for.

    :param is_failure: whether a task or run failed; else it succeeded.
    :param is_of_run: whether the event is of a whole run.
    :param dag_id: the Dag.
    :param run_id: the run.
    :param task_id: the task; of a failed run the task that failed last, when Airflow says which.
    :param reason: why it failed, as far as it is known.
    """

    is_failure: bool
    is_of_run: bool
    dag_id: str = ""
    run_id: str = ""
    task_id: str = ""
    reason: str = ""

    @property
    def where(self) -> str:
        """The Dag and task, for a person."""
        return ".".join(name for name in (self.dag_id, self.task_id) if name) or "a run"

    @property
    def origin(self) -> dict[str, str]:
        """The names that are known, for a record."""
        names = {"dag_id": self.dag_id, "run_id": self.run_id, "task_id": self.task_id}
        return {key: name for key, name in names.items() if name}


def event_of(context: Mapping[str, Any]) -> CallbackEvent:
    """What has happened, by a callback's context."""
    ti, is_of_run = context.get("ti"), context.get("exception") is None and "reason" in context
    reason = str(context.get("reason") or "")
    names_its_task = not is_of_run or reason == "task_failure"
    run = context.get("dag_run")
    return CallbackEvent(
        is_failure=_is_failure(context, ti, reason if is_of_run else None),
        is_of_run=is_of_run,
        dag_id=str(getattr(run, "dag_id", None) or getattr(context.get("dag"), "dag_id", None) or ""),
        run_id=str(getattr(run, "run_id", None) or context.get("run_id") or ""),
        task_id=str(getattr(ti, "task_id", None) or "") if names_its_task else "",
        reason=_reason(context, ti, reason),
    )


def _is_failure(context: Mapping[str, Any], ti: Any, reason: str | None) -> bool:
    if context.get("exception") is not None:
        return True
    if reason is not None:
        return reason != "success"
    state = str(getattr(ti, "state", None) or "")
    if ti is None or state:
        return state in ("failed", "up_for_retry")
    # ``dag.test()`` sets no state. Neither does the Dag processor, which calls for a task whose worker died; of such a
    # task it knows no start.
    return getattr(ti, "start_date", None) is None


def _reason(context: Mapping[str, Any], ti: Any, reason: str) -> str:
    if context.get("exception") is not None:
        return str(context["exception"])
    if reason:
        return _REASONS.get(reason, reason)
    return "its process ended without a word" if ti is not None else ""
