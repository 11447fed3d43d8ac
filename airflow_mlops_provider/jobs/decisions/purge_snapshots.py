"""Snapshots of data that are past their time go, except those that something still needs.

The tombstones are committed first, as those of evidence. Then a snapshot's marks and its file go, and last the data
files that no snapshot refers to. A purge that is killed in between leaves what the next one removes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property

from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.reports.purge import SnapshotsPurged, SnapshotTombstone
from airflow_mlops_provider.records.snapshot import Snapshot
from airflow_mlops_provider.stores.chains.retention import Reason
from airflow_mlops_provider.stores.datasets.snapshots import SnapshotFolder, folders_within

_KEPT_NEWEST = 2
"""The one that ``latest`` points at, and the one that it is moved back to by a rollback."""
_UNFINISHED = timedelta(days=1)
"""How long a data file may lie there before the snapshot that refers to it is made."""


@dataclass(frozen=True, kw_only=True)
class SnapshotPurge:
    """One purge of snapshots.

    :param roots: folders of snapshots, or folders in which such lie.
    :param limit: what was made until then is past its time.
    :param refs: what something still needs, with the reason; asked again before anything is removed.
    """

    roots: tuple[str, ...]
    limit: datetime
    refs: Callable[[], Mapping[DatasetRef, Reason]]

    @cached_property
    def folders(self) -> tuple[SnapshotFolder, ...]:
        """The folders, each once."""
        found = {folder.uri: folder for root in self.roots for folder in folders_within(root)}
        return tuple(found.values())

    def preview(self) -> SnapshotsPurged:
        """What would go, and why the others that are past their time stay."""
        due: list[SnapshotTombstone] = []
        staying: Counter[Reason] = Counter()
        for folder, snapshot, reason in self._standing():
            if datetime.fromisoformat(snapshot.created_at) > self.limit:
                continue
            if reason is None:
                due.append(_tombstone(folder, snapshot))
            else:
                staying[reason] += 1
        reasons = {str(reason): staying[reason] for reason in Reason if staying[reason]}
        return SnapshotsPurged(folders=len(self.folders), tombstones=tuple(due), reasons=reasons)

    def carry_out(self, commit: Callable[[SnapshotsPurged], frozenset[SnapshotTombstone]]) -> SnapshotsPurged:
        """Remove what is past its time, and what an earlier purge had recorded.

        :param commit: records tombstones before anything goes; returns all that are recorded.
        """
        planned = self.preview()
        recorded, gone = commit(planned), []
        # Looked at once more, because a decision may have come in between; a tombstone too many does no harm.
        for folder, snapshot, reason in list(self._standing()):
            tombstone = _tombstone(folder, snapshot)
            if reason is None and tombstone in recorded:
                folder.remove(snapshot.name)
                gone.append(tombstone)
        return replace(
            planned,
            tombstones=tuple(each for each in planned.tombstones if each in gone),
            finished=sum(each not in planned.tombstones for each in gone),
            files=sum(map(self._sweep, self.folders)),
        )

    def _standing(self) -> Iterator[tuple[SnapshotFolder, Snapshot, Reason | None]]:
        """All snapshots with the reason why each must stay; ``None`` for those that need not."""
        needed = {place: reason for ref, reason in self.refs().items() for place in (ref.uri, ref.fingerprint) if place}
        for folder in self.folders:
            newest = folder.published()[-_KEPT_NEWEST:]
            for snapshot in filter(None, map(folder.find, folder.names())):
                asked = needed.get(folder.uri_of(snapshot.name)) or needed.get(snapshot.fingerprint)
                yield folder, snapshot, asked or (Reason.NEWEST if snapshot.name in newest else None)

    def _sweep(self, folder: SnapshotFolder) -> int:
        unused = folder.unused_files(before=min(self.limit, datetime.now(UTC) - _UNFINISHED))
        folder.remove_files(unused)
        return len(unused)


def _tombstone(folder: SnapshotFolder, snapshot: Snapshot) -> SnapshotTombstone:
    return SnapshotTombstone(
        uri=folder.uri_of(snapshot.name),
        fingerprint=snapshot.fingerprint,
        rows=snapshot.rows,
        created_at=snapshot.created_at,
    )
