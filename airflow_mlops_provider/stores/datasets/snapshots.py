"""A folder of snapshots: each is made once, and ``latest.snapshot`` is a copy of the newest one that was published.

========================  ======================================================================================
``NAME.snapshot``         which files the snapshot is made of; created exclusively, and with that it is made
``data/NAME-HASH.parquet``  its rows; named by their content, so that nothing is ever overwritten
``published/NAME``        marks it as published; created exclusively
``latest.snapshot``       a copy of the newest published ``NAME.snapshot``, replaced in one step
========================  ======================================================================================

Names are the starts of data intervals, so that an interval that is filled in later never moves ``latest`` back. A
writer that is killed between two steps leaves data files that nothing refers to, or a ``latest`` of before; the next
run of the same interval goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime

import pyarrow as pa

from airflow_mlops_provider.exceptions import AlreadyExistsError, BackendError, BadInputError, one_line
from airflow_mlops_provider.records.codec import canonical_json, encode
from airflow_mlops_provider.records.evidence_name import stamp
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.snapshot import LATEST, SNAPSHOT, Snapshot, SnapshotFile
from airflow_mlops_provider.stores.datasets.filesystems import create, filesystem, writing
from airflow_mlops_provider.stores.datasets.snapshot_files import read_snapshot
from airflow_mlops_provider.stores.datasets.writing import new_dataset


def snapshot_name(moment: str) -> str:
    """The name of the snapshot of an interval, from its start in ISO 8601; without a zone it is UTC."""
    found = datetime.fromisoformat(moment)
    return stamp(found if found.tzinfo else found.replace(tzinfo=UTC))


class SnapshotFolder:
    """A folder of snapshots.

    :param uri: on local disk or ``s3://``.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri.rstrip("/")

    def uri_of(self, name: str) -> str:
        """The URI of a snapshot, which can be read as a dataset."""
        return f"{self.uri}/{name}{SNAPSHOT}"

    def find(self, name: str) -> Snapshot | None:
        """The snapshot of that name; ``None`` when there is none."""
        return read_snapshot(self.uri_of(name))

    def get(self, name: str) -> Snapshot:
        """The snapshot of that name; raises ``BadInputError`` when there is none."""
        found = self.find(name)
        if found is None:
            raise BadInputError(f"{self.uri_of(name)}: no such snapshot")
        return found

    def published(self) -> tuple[str, ...]:
        """The names of the published snapshots, the oldest first.

        :raises BackendError: when they cannot be listed.
        """
        fs, path = filesystem(f"{self.uri}/published")
        fs.invalidate_cache()
        try:
            found = fs.ls(path, detail=False)
        except FileNotFoundError:
            return ()
        except Exception as error:  # every remote filesystem raises a family of its own
            raise BackendError(f"{self.uri} cannot be listed: {one_line(error)}") from error
        names = (str(each).rpartition("/")[2] for each in found)
        return tuple(sorted(name for name in names if name and not name.endswith(".part")))

    def write_rows(self, name: str, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> SnapshotFile:
        """Write rows of a snapshot that is not made yet; they count once :meth:`make` has named their file."""
        with new_dataset(f"{self.uri}/data/{name}.parquet", schema=schema, named_by_content=True) as target:
            rows = sum(_written(target.write_rows, batches))
        path = target.uri.removeprefix(f"{self.uri}/")
        return SnapshotFile(path=path, sha256=f"sha256:{target.digest.hex()}", rows=rows)

    def make(self, snapshot: Snapshot) -> Snapshot:
        """Make a snapshot, whose files are written; returns the one that stands, when another writer was first."""
        with suppress(AlreadyExistsError):
            create(self.uri_of(snapshot.name), canonical_json(encode(snapshot)))
        return self.get(snapshot.name)

    def publish(self, name: str) -> None:
        """Mark a snapshot as published, and let ``latest.snapshot`` be the newest one."""
        with suppress(AlreadyExistsError):
            create(f"{self.uri}/published/{name}", b"")
        # Another writer may publish a newer one, and may have copied an older one since; whoever writes looks again.
        while (newest := self.get(self.published()[-1])) != read_snapshot(f"{self.uri}/{LATEST}"):
            with writing(f"{self.uri}/{LATEST}") as handle:
                handle.write(canonical_json(encode(newest)))

    def ref(self, snapshot: Snapshot) -> DatasetRef:
        """The pinned reference of a snapshot."""
        return DatasetRef(uri=self.uri_of(snapshot.name), fingerprint=snapshot.fingerprint, rows=snapshot.rows)


def _written(write: object, batches: Iterable[pa.RecordBatch]) -> Iterator[int]:
    for batch in batches:
        write(batch)  # type: ignore[operator]
        yield batch.num_rows
