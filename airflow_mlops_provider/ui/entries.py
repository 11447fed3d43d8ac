"""One piece of evidence in a list: what the index tells of it and, once it is read, what it says itself.

Evidence never changes under its name, so what was read once is kept; a local file that was touched since is read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache

from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.records.evidence import Evidence
from airflow_mlops_provider.records.evidence_name import kind_in, name_of, parse_evidence
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.chains.retention import RecordedTombstone
from airflow_mlops_provider.stores.evidence.index import IndexEntry, entry_of, facts_of
from airflow_mlops_provider.stores.evidence.store import read_evidence
from airflow_mlops_provider.stores.specs import local_path
from airflow_mlops_provider.ui.auth import Reader

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
        evidence, facts = _read_light(uri, _stamp_of(uri))
    except (BadInputError, BackendError) as error:
        return replace(made, fault=str(error))
    return replace(made, evidence=evidence, facts=facts)


def read_all(uris: Iterable[str]) -> list[Entry]:
    """Entries of given evidence, in the order given."""
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        return list(pool.map(read_entry, uris))


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
    _read_light.cache_clear()


@lru_cache(maxsize=8192)
def _read_light(uri: str, _stamp: tuple[int, int]) -> tuple[Evidence, IndexEntry]:
    evidence = read_evidence(uri, at_most=LARGEST_SHOWN)
    facts = entry_of(facts_of(name_of(uri), evidence))
    return replace(evidence, report=None, policy=None, versions={}, details={}), facts


def _stamp_of(uri: str) -> tuple[int, int]:
    """What changes when a local file is changed; objects on S3 are taken at their name."""
    if not uri.startswith("file:"):
        return (0, 0)
    try:
        state = local_path(uri).stat()
    except (OSError, ValueError) as error:
        raise BadInputError(f"evidence {uri} cannot be read: {getattr(error, 'strerror', error)}") from error
    return (state.st_mtime_ns, state.st_size)
