"""Validation as a task: bad rows to quarantine, good rows onward, a failed verdict fails the task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import Context

from airflow_mlops_provider.airflow_versions import AirflowFailException
from airflow_mlops_provider.operators.job import JobOperator
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.policies.validation import ValidationPolicy
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.tasks.lineage import source_tasks, writers_of

OUTCOME_KEY = "outcome"
"""XCom key under which a task that is about to fail leaves its Outcome, for alerts and the next look."""


class DataValidationOperator(JobOperator):
    """Checks a dataset against a Great Expectations suite or an ODCS data contract.

    :param dataset: URI, :class:`DatasetRef` or the Outcome of an upstream task.
    :param suite: a suite as a JSON object or as Great Expectations' own object, or the URI of its JSON file.
    :param contract: URI of an ODCS v3 YAML file; give this or ``suite``.
    :param clean_uri: where the rows that hold go on to; written only when the verdict does not fail.
    :param quarantine_uri: where every failing row goes, with all its reasons.
    :param sensitive: columns whose values never appear in a message.
    :param policy: how large a share may be quarantined before the task fails.
    :raises AirflowFailException: when the data fails; without a retry, because the data will not change.
    """

    job = "validate"
    keys = ("dataset", "suite", "contract", "clean_uri", "quarantine_uri", "sensitive", "policy")
    template_fields: Sequence[str] = ("dataset", "suite", "contract", "clean_uri", "quarantine_uri", "evidence_root")

    def __init__(
        self,
        *,
        dataset: str | DatasetRef | Any,
        suite: str | Mapping[str, Any] | Any = None,
        contract: str | None = None,
        clean_uri: str | None = None,
        quarantine_uri: str | None = None,
        sensitive: Sequence[str] | None = None,
        policy: ValidationPolicy = ValidationPolicy(),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dataset = dataset
        self._source_tasks = source_tasks(dataset)
        # Plain JSON, because a Dag is serialised; Great Expectations' object turns itself into it.
        self.suite = suite.to_json_dict() if hasattr(suite, "to_json_dict") else suite
        self.contract = contract
        self.clean_uri = clean_uri
        self.quarantine_uri = quarantine_uri
        self.sensitive = sensitive
        self.policy = policy

    def found_in(self, context: Context) -> dict[str, Any]:
        """Who wrote the dataset."""
        return {"written_by": writers_of(self.dataset, tasks=self._source_tasks, context=context)}

    def conclude(self, outcome: Outcome, context: Context) -> None:
        """Fail the task on a failed or undecidable verdict; its Outcome stays on XCom under :data:`OUTCOME_KEY`."""
        if outcome.verdict.status in (Status.FAIL, Status.INSUFFICIENT_EVIDENCE):
            context["ti"].xcom_push(key=OUTCOME_KEY, value=outcome.to_json())
            raise AirflowFailException(f"{outcome.verdict.summary}; report: {self.report_url or self.evidence_url}")
