"""A folder of snapshots: each is made once, and ``latest.snapshot`` is a copy of the newest one that was published.

========================  ======================================================================================
``NAME.snapshot``         which files the snapshot is made of; created exclusively, and with that it is made
``data/NAME-HASH.parquet``  its rows; named by their content, so that nothing is ever overwritten
``published/NAME``        marks it as published; created exclusively
``withdrawn/NAME``        marks it as taken back, with the reason; created exclusively
``latest.snapshot``       a copy of the newest published ``NAME.snapshot`` that nobody took back, replaced in one step
========================  ======================================================================================

Names are the starts of data intervals, so that an interval that is filled in later never moves ``latest`` back. What
comes for an interval after its snapshot, with other rows, is a revision: ``NAME-0002``. A
writer that is killed between two steps leaves data files that nothing refers to, or a ``latest`` of before; the next
run of the same interval goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime

import pyarrow as pa

from airflow_mlops_provider.exceptions import AlreadyExistsError, BackendError, BadInputError, one_line
from airflow_mlops_provider.records.codec import canonical_json, decode, encode, parse_json
from airflow_mlops_provider.records.evidence_name import stamp
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.snapshot import LATEST, SNAPSHOT, Snapshot, SnapshotFile
from airflow_mlops_provider.records.withdrawal import Withdrawal
from airflow_mlops_provider.stores.datasets.file_names import is_data
from airflow_mlops_provider.stores.datasets.filesystems import (
    create,
    filesystem,
    reading,
    require_exclusive_create,
    writing,
)
from airflow_mlops_provider.stores.datasets.snapshot_files import folder_of, is_snapshot_uri, read_snapshot
from airflow_mlops_provider.stores.datasets.writing import new_dataset


def snapshot_name(moment: str) -> str:
    """The name of the snapshot of an interval, from its start in ISO 8601; without a zone it is UTC."""
    found = datetime.fromisoformat(moment)
    return stamp(found if found.tzinfo else found.replace(tzinfo=UTC))


def interval_of(name: str) -> str:
    """The name of the first snapshot of the interval that a snapshot is of, whichever revision it is."""
    return name.partition(_REVISION)[0]


def interval_name(source: DatasetRef, moment: str | None) -> str:
    """The interval of what is made from ``source``: that of the snapshot that it is, else that of ``moment``.

    :param moment: start of the data interval, ISO 8601.
    :raises BadInputError: when neither tells.
    """
    if is_snapshot_uri(source.uri):
        return interval_of(source.uri.rpartition("/")[2].removesuffix(SNAPSHOT))
    if moment is None:
        raise BadInputError(
            f"key 'interval_start' is missing: {source.uri} is no snapshot, and a snapshot is named by its interval"
        )
    return snapshot_name(moment)


def require_snapshot_output(uri: str, key: str) -> None:
    """Raise ``BadInputError`` unless snapshots can be written at ``uri``, the ``latest.snapshot`` of a folder."""
    if not uri.endswith(f"/{LATEST}"):
        raise BadInputError(
            f"key {key!r}: {uri} is the name of one snapshot; to add one, name {folder_of(uri)}/{LATEST}"
        )
    require_exclusive_create(uri)


_REVISION = "-"


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

    def names(self) -> tuple[str, ...]:
        """The names of all snapshots, the oldest first, published or not."""
        found = (name.removesuffix(SNAPSHOT) for name in self._listed("") if name.endswith(SNAPSHOT) and name != LATEST)
        return tuple(sorted(found))

    def published(self) -> tuple[str, ...]:
        """The names of the published snapshots that nobody took back, the oldest first."""
        withdrawn = set(self.withdrawn())
        return tuple(sorted(name for name in self._listed("/published") if name not in withdrawn))

    def withdrawn(self) -> tuple[str, ...]:
        """The names of the snapshots that somebody took back, the oldest first."""
        return tuple(sorted(self._listed("/withdrawn")))

    def revisions(self, interval: str) -> tuple[str, ...]:
        """The names of the snapshots of an interval, the first one first."""
        return tuple(name for name in self.names() if interval_of(name) == interval)

    def standing(self, interval: str) -> Snapshot | None:
        """The newest snapshot of an interval; ``None`` when there is none, or somebody took it back."""
        names = self.revisions(interval)
        return None if not names or names[-1] in self.withdrawn() else self.get(names[-1])

    def next_revision(self, interval: str) -> str:
        """The name that the next snapshot of an interval gets."""
        standing = self.revisions(interval)
        if not standing:
            return interval
        number = int(standing[-1].partition(_REVISION)[2] or 1) + 1
        return f"{interval}{_REVISION}{number:04d}"

    def _listed(self, folder: str) -> list[str]:
        """The names of the files in a folder; raises ``BackendError`` when they cannot be listed."""
        fs, path = filesystem(f"{self.uri}{folder}")
        fs.invalidate_cache()
        try:
            found = fs.ls(path, detail=False)
        except FileNotFoundError:
            return []
        except Exception as error:  # every remote filesystem raises a family of its own
            raise BackendError(f"{self.uri} cannot be listed: {one_line(error)}") from error
        names = (str(each).rpartition("/")[2] for each in found)
        return [name for name in names if name and not name.endswith(".part")]

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
        self.move_latest()

    def mark_withdrawn(self, name: str, withdrawal: Withdrawal) -> None:
        """Take a published snapshot back, for good; ``latest.snapshot`` follows by :meth:`move_latest`.

        :raises AlreadyExistsError: when somebody took it back before.
        """
        create(f"{self.uri}/withdrawn/{name}", canonical_json(encode(withdrawal)))

    def withdrawal(self, name: str) -> Withdrawal:
        """Why and by whom a snapshot was taken back.

        :raises BadInputError: when nobody did, or the mark is damaged.
        """
        uri = f"{self.uri}/withdrawn/{name}"
        fs, path = filesystem(uri)
        with reading(fs, path, name=uri) as handle:
            return decode(Withdrawal, parse_json(handle.read(), where=uri), where=uri)

    def remove(self, name: str) -> None:
        """Remove a snapshot, but not the data files that others may refer to; safe to repeat after a kill.

        Its marks go first: what is listed as published is always there.
        """
        for path in (f"published/{name}", f"{name}{SNAPSHOT}", f"withdrawn/{name}"):
            _remove(f"{self.uri}/{path}")

    def unused_files(self, *, before: datetime) -> tuple[str, ...]:
        """The URIs of data files that no snapshot refers to and that were written before a moment.

        Younger ones may belong to a snapshot that is on its way.
        """
        files = [file for file in self._listed("/data") if is_data(file)]
        used = {file.path for name in self.names() for file in self.get(name).files}
        unused = [f"{self.uri}/data/{file}" for file in files if f"data/{file}" not in used]
        return tuple(uri for uri in unused if (at := _modified(uri)) is not None and at < before)

    def remove_files(self, uris: Iterable[str]) -> None:
        """Remove data files."""
        for uri in uris:
            _remove(uri)

    def move_latest(self) -> None:
        """Let ``latest.snapshot`` be the newest published snapshot that nobody took back."""
        # Another writer may publish a newer one, and may have copied an older one since; whoever writes looks again.
        while (newest := self._newest()) is not None and newest != read_snapshot(f"{self.uri}/{LATEST}"):
            with writing(f"{self.uri}/{LATEST}") as handle:
                handle.write(canonical_json(encode(newest)))

    def _newest(self) -> Snapshot | None:
        published = self.published()
        return self.get(published[-1]) if published else None

    def ref(self, snapshot: Snapshot) -> DatasetRef:
        """The pinned reference of a snapshot."""
        return DatasetRef(uri=self.uri_of(snapshot.name), fingerprint=snapshot.fingerprint, rows=snapshot.rows)


def folders_within(uri: str) -> tuple[SnapshotFolder, ...]:
    """The folders of snapshots at or below ``uri``; none where there is nothing.

    :raises BackendError: when they cannot be listed.
    """
    fs, path = filesystem(uri)
    fs.invalidate_cache()
    try:
        files = [str(file) for file in fs.find(path)]
    except Exception as error:  # every remote filesystem raises a family of its own
        raise BackendError(f"{uri} cannot be listed: {one_line(error)}") from error
    start = len(path.rstrip("/"))
    found = {file[start:].rpartition("/")[0] for file in files if file.endswith(SNAPSHOT)}
    return tuple(SnapshotFolder(f"{uri.rstrip('/')}{relative}") for relative in sorted(found))


def _remove(uri: str) -> None:
    fs, path = filesystem(uri)
    try:
        with suppress(FileNotFoundError):
            fs.rm_file(path)
    except Exception as error:  # as above
        raise BackendError(f"{uri} cannot be removed: {one_line(error)}") from error


def _modified(uri: str) -> datetime | None:
    """When a file was written; ``None`` when it is gone."""
    fs, path = filesystem(uri)
    try:
        at: datetime = fs.modified(path)
    except FileNotFoundError:
        return None
    except Exception as error:  # as above
        raise BackendError(f"{uri} cannot be looked at: {one_line(error)}") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _written(write: object, batches: Iterable[pa.RecordBatch]) -> Iterator[int]:
    for batch in batches:
        write(batch)  # type: ignore[operator]
        yield batch.num_rows
