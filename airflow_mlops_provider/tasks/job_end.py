"""What becomes of a job when its task ends: cancelled, left alone, or removed from its place."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from airflow.sdk import BaseOperator

from airflow_mlops_provider.exceptions import MLOpsError, WorkerStopsError
from airflow_mlops_provider.runners.runner import Handle, LastingHandle, State
from airflow_mlops_provider.tasks.run import release

log = logging.getLogger(__name__)

_PATIENCE_SECONDS = 4.0
"""Airflow kills a task five seconds after it asked it to end."""


def end_with_task(handle: Handle, origin: Mapping[str, str]) -> None:
    """Cancel a job whose task Airflow ends; leave one alone that outlives its worker when only that shuts down.

    Called by a signal's handler.

    :param origin: of the task, see :func:`~airflow_mlops_provider.tasks.run.task_origin`.
    :raises WorkerStopsError: when the job is left alone, so that the task ends and a retry finds the job again.
    """
    outlives = getattr(handle, "outlives_worker", None)
    if outlives is None:
        handle.cancel()  # in this very thread: it may be the job's own
        return
    lasting: LastingHandle = handle  # type: ignore[assignment]  # what has that attribute
    if lasting.is_cancelled:
        return
    wanted: list[bool] = []
    if outlives:
        _in_time(lambda: wanted.append(_is_wanted(origin)))
    if outlives and wanted != [False]:
        raise WorkerStopsError(f"{lasting.where} goes on, and a retry finds it: only its worker shuts down")
    _in_time(lambda: _cancel(lasting))


def release_when_reported(operator: BaseOperator, handle: Handle) -> None:
    """Remove what the job's place keeps once Airflow knows how the task ended.

    Not before: a worker that dies in between would leave a retry nothing to find, and the job would run again. So a
    retry that follows an Outcome which could not be reported finds it too.
    """

    def ended(_: Any) -> None:
        release(handle)

    def ended_without_outcome(_: Any) -> None:
        if handle.state() is not State.SUCCEEDED:
            release(handle)

    operator.on_success_callback = [*operator.on_success_callback, ended]
    operator.on_failure_callback = [*operator.on_failure_callback, ended]
    operator.on_skipped_callback = [*operator.on_skipped_callback, ended]
    operator.on_retry_callback = [*operator.on_retry_callback, ended_without_outcome]


def _is_wanted(origin: Mapping[str, str]) -> bool:
    """Whether Airflow still takes the task for running: nobody marked or cleared it."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    index = int(origin.get("map_index", -1))
    try:
        states = RuntimeTaskInstance.get_task_states(
            dag_id=origin["dag_id"],
            map_index=index,
            task_ids=[origin["task_id"]],
            run_ids=[origin["run_id"]],
        )
    except Exception as error:  # noqa: BLE001  # whatever it is: nobody has said that the job is not wanted
        log.warning("Airflow does not say what became of the task, so the job is left alone: %s", error)
        return True
    found = states.get(origin["run_id"], {})
    return "running" in found.values()


def _cancel(handle: LastingHandle) -> None:
    try:
        handle.cancel()
    except MLOpsError as error:
        log.warning("%s could not be cancelled: %s", handle.where, error)


def _in_time(call: Callable[[], None]) -> None:
    """Call in a thread of its own: what the signal interrupted may hold a lock that the call needs."""
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(_PATIENCE_SECONDS)
