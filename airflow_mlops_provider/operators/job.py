"""What all operators share: they build the request of a job, and hand the job's Outcome on."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.sdk import BaseOperator, Context

from airflow_mlops_provider.hooks.mlflow import DEFAULT_CONN_ID
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.requests.request import JobRequest
from airflow_mlops_provider.runners.runner import Handle, Runner
from airflow_mlops_provider.tasks.arguments import RequestMeta
from airflow_mlops_provider.tasks.environment import tracking_environment
from airflow_mlops_provider.tasks.links import EvidenceLink, ReportLink, report_url
from airflow_mlops_provider.tasks.run import bad_input_fails, run_for_task
from airflow_mlops_provider.tasks.settings import evidence_root, evidence_url


class JobOperator(BaseOperator, metaclass=RequestMeta):
    """Base of the operators; runs a job and returns its Outcome as plain JSON for XCom.

    An argument that is ``None``, or an empty text as a template may give, is left to the job's default.

    :param runner: where the job runs; in the task's own process by default.
    :param tracking_conn_id: Connection of the MLflow tracking server; without one, ``[mlops] tracking_uri``.
    :param evidence_root: where evidence is kept; ``[mlops] evidence_root`` by default.
    """

    request_type: ClassVar[type[JobRequest]]
    """The record of the job's keys, which :meth:`request` builds."""

    operator_extra_links = (EvidenceLink(), ReportLink())

    def __init__(
        self,
        *,
        runner: Runner | None = None,
        tracking_conn_id: str = DEFAULT_CONN_ID,
        evidence_root: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.runner = runner
        self.tracking_conn_id = tracking_conn_id
        self.evidence_root = evidence_root
        self.evidence_url = ""
        self.report_url = ""
        self._handle: Handle | None = None

    @classmethod
    def partial(cls, **kwargs: Any) -> Any:
        """As of every operator, also with former names of arguments."""
        return super().partial(**cls.with_current_names(kwargs))

    def execute(self, context: Context) -> dict[str, Any]:
        """Run the job as this task.

        :returns: the Outcome as JSON, whatever its verdict, unless :meth:`conclude` decides otherwise.
        :raises AirflowFailException: on bad input, without a retry.
        """
        with bad_input_fails(self.request_type.job):
            request = self.request(context)
        outcome = run_for_task(
            request,
            context=context,
            runner=self.runner,
            evidence_root=self.evidence_root or evidence_root(),
            environment=tracking_environment(self.tracking_conn_id),
            started=self._started,
        )
        self.evidence_url = evidence_url(outcome.evidence_uri)
        self.report_url = report_url(outcome.evidence_uri)
        self.conclude(outcome, context)
        return outcome.to_json()

    def on_kill(self) -> None:
        """Cancel the job: Airflow ends the task, because somebody marked it or its time ran out."""
        if self._handle is not None:
            self._handle.cancel()

    def _started(self, handle: Handle) -> None:
        self._handle = handle

    def request(self, context: Context) -> JobRequest:
        """The keys of the job, from the operator's rendered attributes and what only the running task can know.

        :raises BadInputError: when a value cannot be used, naming its key.
        """
        raise NotImplementedError

    def conclude(self, outcome: Outcome, context: Context) -> None:
        """What the verdict means for the task; nothing unless a subclass says so."""
