"""A task that leaves its worker while its job runs elsewhere, and goes on when the job has ended."""

from __future__ import annotations

import importlib
import time
from collections.abc import Mapping
from typing import Any

from airflow.sdk import BaseOperator

from airflow_mlops_provider.airflow_versions import AirflowTaskTimeout
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.runners.runner import Handle, LastingHandle, LastingRunner, Runner, State
from airflow_mlops_provider.tasks.run import bad_input_fails


def waits_in_triggerer(deferrable: bool | None, runner: Runner | None) -> bool:
    """Whether an operator defers.

    :param deferrable: as given to it; ``None`` leaves it to ``[operators] default_deferrable``.
    :raises BadInputError: when it is asked to and its runner's jobs end with the task's process.
    """
    lasts = isinstance(runner, LastingRunner)
    if deferrable and not lasts:
        place = "the task's own process" if runner is None else type(runner).__name__
        raise BadInputError(f"'deferrable' needs a runner whose jobs outlive the task's process; this is {place}")
    if deferrable is None:
        from airflow.configuration import conf

        deferrable = conf.getboolean("operators", "default_deferrable", fallback=False)
    return deferrable and lasts


def defer_until_ended(operator: BaseOperator, *, runner: Runner | None, handle: Handle, method: str) -> None:
    """Leave the worker until the job has ended; returns when it has ended already.

    :param method: of the operator, called with the trigger's event and the ``name`` of the handle.
    """
    if not isinstance(runner, LastingRunner) or handle.state() not in (State.PENDING, State.RUNNING):
        return
    lasting: LastingHandle = handle  # type: ignore[assignment]  # what its submit returns
    left = operator.execution_timeout
    deadline = time.time() + left.total_seconds() if left is not None else None
    path, arguments = runner.waiting(lasting, deadline=deadline)
    module, _, name = path.rpartition(".")
    trigger = getattr(importlib.import_module(module), name)(**arguments)
    operator.log.info("%s is waited for in the triggerer", lasting.where)
    operator.defer(trigger=trigger, method_name=method, kwargs={"name": lasting.name})


def resumed(job: str, *, runner: Runner | None, name: str, event: Mapping[str, Any]) -> Handle:
    """The handle of a job that was waited for.

    :param name: of its handle.
    :param event: of the trigger.
    :raises AirflowTaskTimeout: when the task's time ran out; the job is cancelled.
    :raises BadInputError: when the operator has lost its runner meanwhile.
    """
    with bad_input_fails(job):
        if not isinstance(runner, LastingRunner):
            raise BadInputError(f"job {name} runs where its operator no longer looks: its runner was changed")
        handle = runner.resume(job, name, since=event.get("since"))
    if event.get("reason") == "deadline" and handle.state() in (State.PENDING, State.RUNNING):
        handle.cancel()
        raise AirflowTaskTimeout(f"{handle.where} was cancelled: execution_timeout has passed")
    return handle
