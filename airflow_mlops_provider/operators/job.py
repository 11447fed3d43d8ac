"""What all operators share: they build the request of a job, and hand the job's Outcome on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from airflow.sdk import BaseOperator, Context

from airflow_mlops_provider.hooks.mlflow import DEFAULT_CONN_ID
from airflow_mlops_provider.records.requests.request import JobRequest
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.runners.runner import Handle, Runner
from airflow_mlops_provider.tasks.arguments import RequestMeta
from airflow_mlops_provider.tasks.deferral import defer_until_ended, resumed, waits_in_triggerer
from airflow_mlops_provider.tasks.environment import s3_access, tracking_environment
from airflow_mlops_provider.tasks.job_end import end_with_task, release_when_reported
from airflow_mlops_provider.tasks.links import EvidenceLink, ReportLink, report_url
from airflow_mlops_provider.tasks.run import (
    bad_input_fails,
    collect_for_task,
    fail_on_verdict,
    statuses_of,
    submit_for_task,
    task_origin,
)
from airflow_mlops_provider.tasks.settings import evidence_root, evidence_url


class JobOperator(BaseOperator, metaclass=RequestMeta):
    """Base of the operators; runs a job and returns its Outcome as plain JSON for XCom.

    An argument that is ``None``, or an empty text as a template may give, is left to the job's default.

    :param runner: where the job runs; in the task's own process by default.
    :param tracking_conn_id: Connection of the MLflow tracking server; without one, ``[mlops] tracking_uri``.
    :param aws_conn_id: Connection by which evidence and data on S3 are reached; ``[mlops] aws_conn_id`` by default, and
        without that the environment.
    :param evidence_root: where evidence is kept; ``[mlops] evidence_root`` by default.
    :param deferrable: wait for the job in the triggerer, without a worker, where the runner's jobs outlive the task's
        process; ``[operators] default_deferrable`` by default.
    :param fail_on: the statuses of a verdict that fail the task, without a retry; an empty list fails it on none.
    """

    request_type: ClassVar[type[JobRequest]]
    """The record of the job's keys, which :meth:`request` builds."""

    default_fail_on: ClassVar[tuple[Status, ...]] = ()
    """Statuses that fail the task unless ``fail_on`` says otherwise: where the task was to make something that a
    failed verdict says was not made."""

    operator_extra_links = (EvidenceLink(), ReportLink())

    def __init__(
        self,
        *,
        runner: Runner | None = None,
        tracking_conn_id: str = DEFAULT_CONN_ID,
        aws_conn_id: str | None = None,
        evidence_root: str | None = None,
        fail_on: Sequence[Status | str] | None = None,
        deferrable: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.deferrable = waits_in_triggerer(deferrable, runner)
        self.fail_on = self.default_fail_on if fail_on is None else statuses_of(fail_on)
        self.runner = runner
        self.tracking_conn_id = tracking_conn_id
        self.aws_conn_id = aws_conn_id
        self.evidence_root = evidence_root
        self.evidence_url = ""
        self.report_url = ""
        self._handle: Handle | None = None
        self._origin: dict[str, str] = {}

    @classmethod
    def partial(cls, **kwargs: Any) -> Any:
        """As of every operator, also with former names of arguments."""
        return super().partial(**cls.with_current_names(kwargs))

    def execute(self, context: Context) -> dict[str, Any]:
        """Run the job as this task.

        :returns: the Outcome as JSON.
        :raises AirflowFailException: on bad input or a verdict in ``fail_on``, without a retry, which would find the
            same. The Outcome of a failed verdict stays on XCom under the key ``outcome``.
        """
        with s3_access(self.aws_conn_id) as access:
            return self._executed(context, tracking_environment(self.tracking_conn_id) | access)

    def _executed(self, context: Context, environment: Mapping[str, str]) -> dict[str, Any]:
        with bad_input_fails(self.request_type.job):
            request = self.request(context)
        handle = submit_for_task(
            request,
            context=context,
            runner=self.runner,
            evidence_root=self._root,
            environment=environment,
        )
        self._started(handle, context)
        if self.deferrable:
            defer_until_ended(self, runner=self.runner, handle=handle, method="execute_complete")
        return self._delivered(handle, context)

    def execute_complete(self, context: Context, event: Mapping[str, Any], name: str) -> dict[str, Any]:
        """Go on after the triggerer has waited; see :meth:`execute`.

        :param event: of the trigger.
        :param name: of the job's handle.
        """
        with s3_access(self.aws_conn_id):
            handle = resumed(self.request_type.job, runner=self.runner, name=name, event=event)
            self._started(handle, context)
            return self._delivered(handle, context)

    def _delivered(self, handle: Handle, context: Context) -> dict[str, Any]:
        outcome = collect_for_task(handle, self.request_type.job, evidence_root=self._root)
        self.evidence_url = evidence_url(outcome.evidence_uri)
        self.report_url = report_url(outcome.evidence_uri)
        fail_on_verdict(
            outcome, self.fail_on, context=context, report_url=self.report_url, evidence_url=self.evidence_url
        )
        return outcome.to_xcom()

    @property
    def _root(self) -> str:
        return self.evidence_root or evidence_root()

    def on_kill(self) -> None:
        """Cancel the job: Airflow ends the task, because somebody marked it or its time ran out.

        A runner may leave its jobs alone when only the worker shuts down.
        """
        if self._handle is not None:
            end_with_task(self._handle, self._origin)

    def _started(self, handle: Handle, context: Context) -> None:
        self._handle = handle
        self._origin = task_origin(context)
        release_when_reported(self, handle)

    def request(self, context: Context) -> JobRequest:
        """The keys of the job, from the operator's rendered attributes and what only the running task can know.

        :raises BadInputError: when a value cannot be used, naming its key.
        """
        raise NotImplementedError
