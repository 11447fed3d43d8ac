"""Taking rows over from a source as a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context

from airflow_mlops_provider.operators.job import JobOperator
from airflow_mlops_provider.records.policies.ingest import IngestPolicy
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.requests.ingest import IngestRequest
from airflow_mlops_provider.records.requests.short_forms import dataset_ref, given, names
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.tasks.data_interval import interval_start
from airflow_mlops_provider.tasks.lineage import source_tasks, writers_of


class IngestOperator(JobOperator):
    """Takes the rows of a source over into an immutable snapshot, one for each data interval.

    Steps downstream take its output, which names the very snapshot; others read ``latest.snapshot`` in ``output_uri``.

    :param source: what to read: its URI, its reference or the Outcome of an earlier step.
    :param output_uri: the folder of the snapshots, on local disk or ``s3://``; nothing else may lie in it.
    :param interval_start: start of the data interval, ISO 8601; it names the snapshot. The same interval again gives
        the snapshot that there is. By default the data interval of the Dag run.
    :param watermark_column: read only rows beyond its largest value so far, and add them to the rows of the newest
        snapshot; without it a snapshot holds what the source holds.
    :param key_columns: what names a row. With a watermark, a row whose watermark equals the largest one so far is taken
        when its key was not; without ``key_columns`` such a row is left.
    :param dvc: add the snapshot to the DVC repository that ``output_uri`` lies in, and commit it to Git there.
    :param policy: how much the snapshot may differ from the one before.
    :raises AirflowFailException: when it differs more; without a retry. The snapshot is kept and not published.
    """

    request_type = IngestRequest
    default_fail_on = (Status.FAIL,)
    template_fields: Sequence[str] = (
        *("source", "output_uri", "interval_start", "watermark_column", "key_columns"),
        "evidence_root",
    )

    def __init__(
        self,
        *,
        source: str | DatasetRef | Any,
        output_uri: str,
        interval_start: str | None = None,
        watermark_column: str | None = None,
        key_columns: Sequence[str] | None = None,
        dvc: bool = False,
        policy: IngestPolicy = IngestPolicy(),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source = source
        self._source_tasks = source_tasks(source)
        self.output_uri = output_uri
        self.interval_start = interval_start
        self.watermark_column = watermark_column
        self.key_columns = key_columns
        self.dvc = dvc
        self.policy = policy

    def request(self, context: Context) -> IngestRequest:
        """The keys of the job, and who wrote the source."""
        start = given(self.interval_start)
        return IngestRequest(
            source=dataset_ref(self.source),
            output_uri=self.output_uri,
            interval_start=interval_start(context) if start is None else start,
            watermark_column=given(self.watermark_column),
            key_columns=names(self.key_columns),
            dvc=self.dvc,
            written_by=writers_of(self.source, tasks=self._source_tasks, context=context),
            policy=self.policy,
        )
