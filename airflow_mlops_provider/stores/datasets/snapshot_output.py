"""An output of a job: one file, or a snapshot that stays, where its URI is the ``latest.snapshot`` of a folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from airflow_mlops_provider.exceptions import BackendError
from airflow_mlops_provider.records.csv_format import CsvFormat
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.snapshot import Snapshot, SnapshotFile
from airflow_mlops_provider.stores.datasets.held_outputs import finish
from airflow_mlops_provider.stores.datasets.snapshot_files import folder_of, is_snapshot_uri
from airflow_mlops_provider.stores.datasets.snapshots import SnapshotFolder, interval_name
from airflow_mlops_provider.stores.datasets.writing import NewDataset, new_dataset


@contextmanager
def new_output(
    uri: str,
    *,
    source: DatasetRef,
    interval_start: str | None = None,
    schema: pa.Schema | None = None,
    form: CsvFormat | None = None,
) -> Iterator[NewDataset]:
    """A dataset that appears when the block ends well, and not at all otherwise.

    :param uri: of a file, which replaces an older one; or the ``latest.snapshot`` of a folder, to which a snapshot is
        added. Its ``ref`` names the very snapshot then.
    :param source: what it is made from; a snapshot of it has the interval of the snapshot that was read.
    :param interval_start: the interval of a snapshot that is made from anything else, ISO 8601.
    :param schema: of its rows; by default that of the first ones written.
    :param form: the dialect of text that is written as it stands, into a file.
    """
    if not is_snapshot_uri(uri):
        with new_dataset(uri, schema=schema, form=form) as target:
            yield target
        return
    folder, interval = SnapshotFolder(folder_of(uri)), interval_name(source, interval_start)
    with new_dataset(f"{folder.uri}/data/{interval}.parquet", schema=schema, named_by_content=True) as target:
        yield target
    snapshot = _snapshot(folder, interval, target, source)
    target.call(folder.uri_of(snapshot.name))
    finish(_HeldSnapshot(folder, snapshot))


def write_output(
    batches: Iterable[pa.RecordBatch], uri: str, *, source: DatasetRef, interval_start: str | None = None
) -> DatasetRef:
    """Write rows as :func:`new_output` does; returns the pinned reference of what was written."""
    with new_output(uri, source=source, interval_start=interval_start) as target:
        for batch in batches:
            target.write_rows(batch)
    return target.ref


def _snapshot(folder: SnapshotFolder, interval: str, written: NewDataset, source: DatasetRef) -> Snapshot:
    """The snapshot of what was written: the newest one of the interval where that has the same rows, else a new one."""
    standing = folder.standing(interval)
    if standing is not None and standing.fingerprint == written.ref.fingerprint:
        return standing
    name, rows = folder.next_revision(interval), written.ref.rows or 0
    before = [each for each in folder.published() if each < name]
    path = written.uri.removeprefix(f"{folder.uri}/")
    return Snapshot(
        name=name,
        fingerprint=str(written.ref.fingerprint),
        files=(SnapshotFile(path=path, sha256=f"sha256:{written.digest.hex()}", rows=rows),),
        columns={field.name: str(field.type) for field in written.schema},
        source=source,
        created_at=datetime.now(UTC).isoformat(),
        previous=before[-1] if before else None,
    )


@dataclass(frozen=True, slots=True)
class _HeldSnapshot:
    """A snapshot whose rows are written; it is made and published once what it came from is recorded."""

    folder: SnapshotFolder
    snapshot: Snapshot

    @property
    def uri(self) -> str:
        """What it will be called."""
        return self.folder.uri_of(self.snapshot.name)

    @property
    def rows_uri(self) -> str:
        """What the file with its rows will be called."""
        return f"{self.folder.uri}/{self.snapshot.files[0].path}"

    def give_name(self) -> None:
        """Make and publish it.

        :raises BackendError: when another writer made one of its name with other rows meanwhile.
        """
        made = self.folder.make(self.snapshot)
        if made.fingerprint != self.snapshot.fingerprint:
            raise BackendError(f"{self.folder.uri_of(made.name)} was made by another writer meanwhile; try again")
        self.folder.publish(made.name)

    def remove(self) -> None:
        """Nothing to remove: its data file goes by itself."""
