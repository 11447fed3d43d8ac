"""Taking a snapshot of data back as a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context

from airflow_mlops_provider.operators.job import JobOperator
from airflow_mlops_provider.records.requests.rollback_dataset import RollbackDatasetRequest
from airflow_mlops_provider.records.requests.short_forms import given
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.tasks.run import triggered_by


class RollbackDatasetOperator(JobOperator):
    """Moves ``latest.snapshot`` of a folder back to a snapshot that was published before.

    :param dataset: the folder of the snapshots, or its ``latest.snapshot``.
    :param reason: why, in one sentence; recorded.
    :param to_snapshot: name or URI of the snapshot to go back to; the one published before the newest by default.
    :param person: who asks; recorded. By default the person who triggered the run, when Airflow knows one.
    """

    request_type = RollbackDatasetRequest
    default_fail_on = (Status.FAIL,)
    template_fields: Sequence[str] = ("dataset", "reason", "to_snapshot", "person", "evidence_root")

    def __init__(
        self,
        *,
        dataset: str,
        reason: str,
        to_snapshot: str | None = None,
        person: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dataset = dataset
        self.reason = reason
        self.to_snapshot = to_snapshot
        self.person = person

    def request(self, context: Context) -> RollbackDatasetRequest:
        """The keys of the job, and who triggered the run."""
        return RollbackDatasetRequest(
            dataset=self.dataset,
            reason=self.reason,
            to_snapshot=given(self.to_snapshot),
            person=given(self.person) or triggered_by(context),
        )
