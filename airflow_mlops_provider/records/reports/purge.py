"""What a purge of old evidence removes, and what it leaves in its place."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_mlops_provider.records.codec import OMIT_NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """Stands for a removed file.

    :param name: below the evidence root, such as ``drift/20260131T....json``.
    :param written_at: ISO 8601, UTC: when it was written.
    :param sha256: hash of the bytes it was written with.
    """

    name: str
    written_at: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotTombstone:
    """Stands for a removed snapshot of data.

    :param uri: of the snapshot's file.
    :param fingerprint: of its rows, as references have it.
    :param rows: number of rows.
    :param created_at: ISO 8601, UTC: when it was made.
    """

    uri: str
    fingerprint: str
    rows: int
    created_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotsPurged:
    """What a purge did to snapshots of data.

    :param folders: how many folders of snapshots it looked at.
    :param tombstones: what is removed, folder by folder, the oldest first.
    :param reasons: why snapshots past their time stay, to how many.
    :param finished: snapshots that an earlier purge had recorded and was stopped before it removed them.
    :param files: data files that no snapshot refers to any more, and that are removed.
    """

    folders: int
    tombstones: tuple[SnapshotTombstone, ...] = ()
    reasons: dict[str, int] = field(default_factory=dict)
    finished: int = 0
    files: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeReport:
    """The facts of one purge.

    :param purged_at: ISO 8601, UTC: the age of a file is counted to this moment.
    :param tombstones: what is removed, oldest first.
    :param kept: files past their time that stay.
    :param reasons: why they stay, to how many files; a file that stays for two reasons counts for the first.
    :param finished: files that an earlier purge had recorded and was stopped before it removed them.
    :param swept: files that writers left behind half written when they were killed.
    :param profiles: kept profiles of datasets, in files, that nothing needs any more and that are removed.
    :param outcomes: Outcomes kept under their requests that are past their time and are removed.
    :param datasets: how many datasets are still referred to; they are listed in an attachment.
    :param dry_run: whether this only says what would be removed.
    :param snapshots: what was done to snapshots of data; ``None`` where none were asked for.
    """

    purged_at: str
    tombstones: tuple[Tombstone, ...]
    kept: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    finished: int = 0
    swept: int = 0
    profiles: int = 0
    outcomes: int = 0
    datasets: int = 0
    dry_run: bool = False
    snapshots: SnapshotsPurged | None = field(default=None, metadata=OMIT_NONE)
