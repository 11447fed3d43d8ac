"""Keys of the ``ingest`` job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.moments import require_moment
from airflow_mlops_provider.records.policies.ingest import IngestPolicy
from airflow_mlops_provider.records.refs import DatasetRef, Writer
from airflow_mlops_provider.records.requests.request import JobRequest
from airflow_mlops_provider.records.requests.short_forms import DATASET


@dataclass(frozen=True, kw_only=True)
class IngestRequest(JobRequest):
    """Take the rows of a source over into an immutable snapshot, and let ``latest.snapshot`` point at it.

    :param source: what to read: its URI, its reference or the Outcome of an earlier step.
    :param output_uri: the folder of the snapshots, on local disk or ``s3://``; nothing else may lie in it.
    :param interval_start: start of the data interval, ISO 8601; it names the snapshot. The same interval again gives
        the snapshot that there is.
    :param watermark_column: read only rows beyond its largest value so far, and add them to the rows of the newest
        snapshot; without it a snapshot holds what the source holds.
    :param key_columns: what names a row. With a watermark, a row whose watermark equals the largest one so far is taken
        when its key was not; without ``key_columns`` such a row is left.
    :param dvc: add the snapshot to the DVC repository that ``output_uri`` lies in, and commit it to Git there.
    :param written_by: who wrote ``source``, the last one first; named in the verdict as where to look for the cause.
    :param policy: how much the snapshot may differ from the one before.
    """

    job: ClassVar[str] = "ingest"

    source: DatasetRef = field(metadata=DATASET)
    output_uri: str
    interval_start: str
    watermark_column: str | None = None
    key_columns: tuple[str, ...] = ()
    dvc: bool = False
    written_by: tuple[Writer, ...] = ()
    policy: IngestPolicy = field(default_factory=IngestPolicy)

    def check(self) -> None:
        """Raise ``BadInputError`` for an interval that is no moment, an empty folder or a key without a watermark."""
        require_moment(self.interval_start, key="interval_start")
        if not self.output_uri.strip():
            raise BadInputError("ingest spec: key 'output_uri' is empty")
        if self.key_columns and self.watermark_column is None:
            raise BadInputError("ingest spec: 'key_columns' is of use with 'watermark_column' alone; give both")
