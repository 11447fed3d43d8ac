"""One piece of evidence in a list: what the index tells of it and, once it is read, what it says itself.

Evidence never changes under its name, so what was read once is kept; a local file that was touched since is read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.records.evidence import Evidence
from airflow_mlops_provider.records.evidence_name import kind_in, name_of, parse_evidence
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.aws_access import as_here
from airflow_mlops_provider.stores.chains.retention import RecordedTombstone
from airflow_mlops_provider.stores.evidence.file_cache import Kept
from airflow_mlops_provider.stores.evidence.index import IndexEntry, entry_of, facts_of
from airflow_mlops_provider.stores.evidence.store import EvidenceStore, read_evidence, store_of
from airflow_mlops_provider.ui.auth import Reader

MOST_KEPT = 8192
"""Pieces of evidence that are kept after they were read, without report, policy and details: some 10 KB each."""
LARGEST_SHOWN = 16 * 2**20
"""Bytes of a piece of evidence that the page reads; a larger one is named and left alone."""
AT_ONCE = 8
"""Reads at a time: on S3 each one that is not yet known is a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One piece of evidence in a list.

    :param uri: where it lies.
    :param kind: which check it is, by its folder.
    :param written_at: when, by its name.
    :param facts: what it is about: by the index until it is read, then by itself; ``None`` when broken.
    :param evidence: without report, policy, versions and details, which only its own page shows; ``None`` when it was
        not read or is broken.
    :param fault: why it cannot be shown; empty when it can.
    """

    uri: str
    kind: Kind | None
    written_at: datetime
    facts: IndexEntry | None = None
    evidence: Evidence | None = None
    fault: str = ""

    @property
    def is_known(self) -> bool:
        """Whether nothing more would be found by reading it."""
        return self.evidence is not None or bool(self.fault)

    @property
    def status(self) -> Status:
        """Of its verdict; for entries that are not broken."""
        if self.facts is None:
            raise BadInputError(self.fault)
        return self.facts.status

    @property
    def outcome(self) -> Outcome:
        """The Outcome that points at it; for entries that were read."""
        if self.evidence is None:
            raise BadInputError(self.fault)
        found = self.evidence
        return Outcome(
            kind=found.kind, verdict=found.verdict, evidence_uri=self.uri, dataset=found.dataset, model=found.model
        )


_KEPT: Kept[Entry] = Kept(most=MOST_KEPT)


def indexed(uri: str, facts: IndexEntry) -> Entry:
    """An entry as the index tells it."""
    return Entry(uri=uri, kind=facts.kind, written_at=facts.written_at, facts=facts)


def read_entry(uri: str) -> Entry:
    """An entry as its evidence says it, or why that cannot be told."""
    name = name_of(uri)
    parsed, folder = parse_evidence(name), kind_in(name)
    made = Entry(
        uri=uri,
        kind=Kind(folder) if folder in set(Kind) else None,
        written_at=parsed.written_at if parsed else datetime.fromtimestamp(0, UTC),
    )
    try:
        # Before it is read: what is written in between is then read again.
        store = store_of(uri)
        stamp = store.stamp(store.name_of(uri))
        if kept := _KEPT.get(uri, stamp):
            return kept
        evidence, facts = _read_light(uri)
    except (BadInputError, BackendError) as error:
        return replace(made, fault=str(error))
    found = replace(made, evidence=evidence, facts=facts)
    _KEPT.put(uri, stamp, found)
    return found


def read_named(store: EvidenceStore, names: Iterable[str]) -> dict[str, Entry]:
    """Entries of the evidence of a root by name; what is kept of them and unchanged is not read again."""
    found = {name: _kept_of(store, name) for name in sorted(names)}
    missing = [name for name, entry in found.items() if entry is None]
    read = zip(missing, read_all(map(store.uri_of, missing)), strict=True)
    return {name: entry for name, entry in (found | dict(read)).items() if entry is not None}


def read_all(uris: Iterable[str]) -> list[Entry]:
    """Entries of given evidence, in the order given, as they are now."""
    wanted = list(uris)
    if not wanted:
        return []
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        return list(pool.map(as_here(read_entry), wanted))


def read_entries(uris: Iterable[str], reader: Reader, buried: Mapping[str, RecordedTombstone]) -> tuple[Entry, ...]:
    """Entries of given evidence, in the order given; what may not be read, or is gone, says so instead of its verdict.

    :param uris: as a decision record names them.
    :param buried: what was removed when it was past its time, by name.
    """
    return tuple(_explained(_guarded(entry, reader), buried) for entry in read_all(uris))


def _explained(entry: Entry, buried: Mapping[str, RecordedTombstone]) -> Entry:
    burial = buried.get(name_of(entry.uri))
    if entry.evidence or burial is None:
        return entry
    record = burial.link.record
    return replace(entry, fault=f"removed on {record.created_at[:10]} by decision {record.number}, past its time")


def _guarded(entry: Entry, reader: Reader) -> Entry:
    if entry.evidence is None or reader.may_read(entry.evidence.origin):
        return entry
    return replace(entry, evidence=None, facts=None, fault="made by a Dag that you may not read")


def forget_what_was_read() -> None:
    """Begin anew, as a process does that has just started."""
    _KEPT.forget()


def _kept_of(store: EvidenceStore, name: str) -> Entry | None:
    try:
        return _KEPT.get(store.uri_of(name), store.stamp(name))
    except (BadInputError, BackendError):
        return None  # reading it says why


def _read_light(uri: str) -> tuple[Evidence, IndexEntry]:
    evidence = read_evidence(uri, at_most=LARGEST_SHOWN)
    facts = entry_of(facts_of(name_of(uri), evidence))
    return replace(evidence, report=None, policy=None, versions={}, details={}), facts
