"""What all operators share: they name a job and its keys, and hand its Outcome on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from airflow.sdk import BaseOperator, Context

from airflow_mlops_provider.hooks.mlflow import DEFAULT_CONN_ID
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.runners.runner import Handle, Runner
from airflow_mlops_provider.tasks.environment import tracking_environment
from airflow_mlops_provider.tasks.links import EvidenceLink, ReportLink, report_url
from airflow_mlops_provider.tasks.run import run_for_task
from airflow_mlops_provider.tasks.settings import evidence_root, evidence_url


class JobOperator(BaseOperator):
    """Base of the operators; runs :attr:`job` and returns its Outcome as plain JSON for XCom.

    :param runner: where the job runs; in the task's own process by default.
    :param tracking_conn_id: Connection of the MLflow tracking server; without one, ``[mlops] tracking_uri``.
    :param evidence_root: where evidence is kept; ``[mlops] evidence_root`` by default.
    """

    job: ClassVar[str]
    keys: ClassVar[Sequence[str]]
    """Attributes of the operator that become keys of the job's spec."""

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

    def execute(self, context: Context) -> dict[str, Any]:
        """Run the job as this task.

        :returns: the Outcome as JSON, whatever its verdict, unless :meth:`conclude` decides otherwise.
        :raises AirflowFailException: on bad input, without a retry.
        """
        outcome = run_for_task(
            self.job,
            self.spec() | self.found_in(context),
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

    def spec(self) -> dict[str, Any]:
        """The keys of the job, from the operator's rendered attributes."""
        return {key: getattr(self, key) for key in self.keys}

    def found_in(self, context: Context) -> dict[str, Any]:  # noqa: ARG002  # for subclasses
        """Keys of the job that only the running task can know; none unless a subclass says so."""
        return {}

    def conclude(self, outcome: Outcome, context: Context) -> None:
        """What the verdict means for the task; nothing unless a subclass says so."""
