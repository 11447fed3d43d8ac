"""Validation as a task: bad rows to quarantine, good rows onward, a failed verdict fails the task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import Context

from airflow_mlops_provider.operators.job import JobOperator
from airflow_mlops_provider.records.policies.validation import ValidationPolicy
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.requests.short_forms import dataset_ref, given, names, optional, suite_json
from airflow_mlops_provider.records.requests.validate import ValidateRequest
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.tasks.data_interval import interval_of_output
from airflow_mlops_provider.tasks.lineage import source_tasks, writers_of


class DataValidationOperator(JobOperator):
    """Checks a dataset against a Great Expectations suite or an ODCS data contract.

    :param dataset: the batch: its URI, its reference or the Outcome of an earlier step.
    :param suite: Great Expectations suite: a JSON object, or the path or URI of a JSON file.
    :param contract: data contract (ODCS v3): path or URI of a YAML file, with ``#object`` when it describes several.
    :param clean_uri: where the rows without fault go; the Outcome then speaks of that dataset. A file that is replaced,
        or the ``latest.snapshot`` of a folder, to which a snapshot is added.
    :param quarantine_uri: where the others go, with their reasons; without it, any failing row fails the batch.
    :param interval_start: start of the data interval, ISO 8601; it names a snapshot that is written, where what is read
        is no snapshot itself. By default the data interval of the Dag run.
    :param sensitive: columns whose values appear in no message, report or attachment.
    :param policy: how many rows may be set aside.
    :raises AirflowFailException: when the data fails; without a retry, because the data will not change.
    """

    request_type = ValidateRequest
    default_fail_on = (Status.FAIL, Status.INSUFFICIENT_EVIDENCE)
    template_fields: Sequence[str] = (
        *("dataset", "suite", "contract", "clean_uri", "quarantine_uri", "interval_start", "sensitive"),
        "evidence_root",
    )

    def __init__(
        self,
        *,
        dataset: str | DatasetRef | Any,
        suite: str | Mapping[str, Any] | Any = None,
        contract: str | Mapping[str, Any] | None = None,
        clean_uri: str | None = None,
        quarantine_uri: str | None = None,
        interval_start: str | None = None,
        sensitive: Sequence[str] | None = None,
        policy: ValidationPolicy = ValidationPolicy(),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dataset = dataset
        self._source_tasks = source_tasks(dataset)
        # Plain JSON, because a Dag is serialised; Great Expectations' object turns itself into it.
        self.suite = suite_json(suite)
        self.contract = contract
        self.clean_uri = clean_uri
        self.quarantine_uri = quarantine_uri
        self.interval_start = interval_start
        self.sensitive = sensitive
        self.policy = policy

    def request(self, context: Context) -> ValidateRequest:
        """The keys of the job, and who wrote the dataset."""
        return ValidateRequest(
            dataset=dataset_ref(self.dataset),
            suite=given(self.suite),
            contract=optional(dict, self.contract) if isinstance(self.contract, Mapping) else given(self.contract),
            clean_uri=given(self.clean_uri),
            quarantine_uri=given(self.quarantine_uri),
            interval_start=interval_of_output(
                self.interval_start, self.clean_uri, self.quarantine_uri, context=context
            ),
            sensitive=names(self.sensitive),
            written_by=writers_of(self.dataset, tasks=self._source_tasks, context=context),
            policy=self.policy,
        )
