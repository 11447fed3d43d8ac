"""One job for one Airflow task: who asks, what the log says, and which errors are worth a retry."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from airflow_mlops_provider.airflow_versions import AirflowFailException
from airflow_mlops_provider.decisions.alerts import finding_line
from airflow_mlops_provider.exceptions import BadInputError, MLOpsError
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.requests.request import JobRequest
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.runners.in_process import InProcessRunner
from airflow_mlops_provider.runners.runner import Handle, Runner
from airflow_mlops_provider.secrets_in_text import secrets_of
from airflow_mlops_provider.tasks.environment import database_environment
from airflow_mlops_provider.tasks.settings import evidence_url, is_shown

log = logging.getLogger(__name__)

OUTCOME_KEY = "outcome"
"""XCom key under which a task that is about to fail leaves its Outcome, for alerts and the next look."""

_JOBS = "airflow_mlops_provider.jobs"
"""What a job says elsewhere is logged here under its name: ``airflow_mlops_provider.jobs.train``."""


def task_origin(context: Mapping[str, Any]) -> dict[str, str]:
    """``dag_id``, ``run_id``, ``task_id``, ``map_index``, ``try_number`` and ``max_tries`` of the running task.

    Airflow raises ``max_tries`` when somebody clears the task and leaves it for a retry: what was asked for before the
    task was cleared is another request.
    """
    ti = context["ti"]
    names = ("dag_id", "run_id", "task_id", "map_index", "try_number", "max_tries")
    return {name: str(getattr(ti, name)) for name in names if getattr(ti, name, None) is not None}


def run_key(origin: Mapping[str, str]) -> str:
    """The identity of a task in a Dag run, the same for each of its tries."""
    return "/".join(origin.get(name, "") for name in ("dag_id", "run_id", "task_id", "map_index"))


def run_for_task(
    request: JobRequest,
    *,
    context: Mapping[str, Any],
    runner: Runner | None,
    evidence_root: str,
    environment: Mapping[str, str],
    started: Callable[[Handle], None] = lambda _: None,
) -> Outcome:
    """Run a job as the running task, with its output in the task's log, and log its verdict.

    What the place keeps of the job is removed at the end, so that the task may run the same request again.

    :param request: which job, and its keys.
    :param runner: where; in this process when ``None``.
    :param environment: variables for the job alone; the addresses of its databases are added here.
    :param started: is given the handle of the job, so that ``on_kill`` can cancel it.
    :raises AirflowFailException: on bad input, which no retry can help. Other errors pass, so that Airflow retries.
    """
    handle = submit_for_task(
        request, context=context, runner=runner, evidence_root=evidence_root, environment=environment
    )
    started(handle)
    try:
        return collect_for_task(handle, request.job, evidence_root=evidence_root)
    finally:
        release(handle)


def submit_for_task(
    request: JobRequest,
    *,
    context: Mapping[str, Any],
    runner: Runner | None,
    evidence_root: str,
    environment: Mapping[str, str],
) -> Handle:
    """Hand the job of the running task over; see :func:`run_for_task`."""
    origin = task_origin(context)
    full = replace(request, evidence_root=evidence_root, run_key=run_key(origin), origin=origin)
    _hide_in_log(full.to_spec(), dict(environment))
    with bad_input_fails(request.job):
        variables = {**environment, **database_environment(full)}
        return (runner or InProcessRunner()).submit(request.job, full.to_spec(), environment=variables)


def collect_for_task(handle: Handle, job: str, *, evidence_root: str) -> Outcome:
    """Follow a job to its Outcome, with its output in the task's log, and log its verdict; see :func:`run_for_task`."""
    with bad_input_fails(job):
        outcome = _followed(handle, log=logging.getLogger(f"{_JOBS}.{job}"))
    log_outcome(outcome, root=evidence_root)
    return outcome


def release(handle: Handle) -> None:
    """Let the place remove what it keeps of a job that has ended; when it cannot, the log says so and that is all."""
    try:
        handle.release()
    except MLOpsError as error:
        log.warning("what is left of the job was not removed: %s", error)


def _hide_in_log(*told: Any) -> None:
    """Have Airflow hide the secrets of a job in the task's log, where tracebacks and what libraries say stand too."""
    from airflow.sdk.log import mask_secret

    for secret in secrets_of(told):
        mask_secret(secret)


def _followed(handle: Handle, *, log: logging.Logger) -> Outcome:
    """The Outcome of a job, whose lines go to ``log`` as they come."""
    try:
        for line in handle.logs():
            log.info("%s", line)
        return handle.collect()
    except Exception:
        raise
    except BaseException:
        # The task is over (its time ran out, somebody pressed Ctrl-C), so the job is too.
        handle.cancel()
        raise


@contextmanager
def bad_input_fails(job: str) -> Iterator[None]:
    """Turn bad input into Airflow's failure without a retry; every other error passes."""
    try:
        yield
    except BadInputError as error:
        raise AirflowFailException(f"{job}: {error}") from error


def statuses_of(given: Sequence[Status | str]) -> tuple[Status, ...]:
    """The statuses of an operator's ``fail_on``.

    :raises BadInputError: for one that there is not, naming it.
    """
    names = [given] if isinstance(given, str) else given
    wrong = next((name for name in names if name not in set(Status)), None)
    if wrong is not None:
        raise BadInputError(f"'fail_on' names {wrong!r}; statuses are {', '.join(Status)}")
    return tuple(Status(name) for name in names)


def fail_on_verdict(
    outcome: Outcome, statuses: Sequence[Status], *, context: Mapping[str, Any], report_url: str, evidence_url: str
) -> None:
    """Fail the running task when the verdict is one of ``statuses``, without a retry, which would find the same.

    The Outcome stays on XCom under :data:`OUTCOME_KEY`.

    :param report_url: the address of the report, told with the failure; empty without one.
    :param evidence_url: the address of the evidence, told where there is no report.
    """
    if outcome.verdict.status in statuses:
        context["ti"].xcom_push(key=OUTCOME_KEY, value=outcome.to_xcom())
        page = f"report: {report_url}" if report_url else f"evidence: {evidence_url}"
        raise AirflowFailException(f"{outcome.verdict.summary}; {page}")


def triggered_by(context: Mapping[str, Any]) -> str | None:
    """The person who triggered the Dag run, when Airflow knows one."""
    name: str | None = getattr(context.get("dag_run"), "triggering_user_name", None)
    return name


def log_outcome(outcome: Outcome, *, root: str) -> None:
    """Write the verdict, every finding that is not a pass, and where to see the evidence, to the task's log.

    :param root: the evidence root that it was written to.
    """
    verdict = outcome.verdict
    log.log(_level(verdict.status), "%s: %s - %s", outcome.kind, _spoken(verdict.status).upper(), verdict.summary)
    for finding in verdict.findings:
        if finding.status is not Status.PASS:
            p_value = "" if finding.p_value is None else f", p {finding.p_value:.2g}"
            log.log(_level(finding.status), "  %s  %s%s", _spoken(finding.status), finding_line(finding), p_value)
    log.info("evidence: %s", outcome.evidence_uri or "none, because nothing could be written")
    if outcome.evidence_uri and is_shown(root):
        log.info("on the MLOps page: %s", evidence_url(outcome.evidence_uri))
    elif outcome.evidence_uri:
        log.info("not on the MLOps page: [mlops] evidence_roots does not name %s", root)


def _level(status: Status) -> int:
    return logging.INFO if status in (Status.PASS, Status.NOTICE) else logging.WARNING


def _spoken(status: Status) -> str:
    return status.replace("_", " ")
