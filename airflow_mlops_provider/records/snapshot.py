"""A snapshot: the rows of a source as they were at one time, in files that never change."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.refs import DatasetRef

SNAPSHOT = ".snapshot"
"""What the name of a file ends in that says which files a snapshot is made of."""
LATEST = f"latest{SNAPSHOT}"
"""The name, within its folder, of the copy of the newest published snapshot's file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotFile:
    """One data file of a snapshot.

    :param path: relative to the folder of the snapshots, such as ``data/20261130T000000.000000Z-0f3a.parquet``.
    :param sha256: ``sha256:...`` over its bytes.
    :param rows: number of rows.
    """

    path: str
    sha256: str
    rows: int

    def __post_init__(self) -> None:
        if self.path.startswith("/") or ".." in self.path.split("/"):
            raise BadInputError(f"snapshot: file {self.path!r} lies outside its folder")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What the file of a snapshot says.

    :param name: the start of its data interval in UTC, such as ``20261130T000000.000000Z``; names sort by time.
    :param fingerprint: ``sha256:...`` over the content of all its files, as in ``DatasetRef.fingerprint``.
    :param files: its data files, those of earlier increments first.
    :param columns: column name to Arrow type, in order.
    :param source: what was read, pinned where the source can be.
    :param created_at: when it was made, UTC, as ISO 8601.
    :param previous: name of the snapshot that it follows and is compared with; ``None`` for the first one.
    :param watermark: the largest value of the watermark column, as text; ``None`` without one.
    :param schema: version of this record's shape.
    """

    name: str
    fingerprint: str
    files: tuple[SnapshotFile, ...]
    columns: dict[str, str]
    source: DatasetRef
    created_at: str
    previous: str | None = None
    watermark: str | None = None
    schema: int = field(default=1)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return sum(file.rows for file in self.files)
