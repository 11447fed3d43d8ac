"""What may go from an evidence root, what must stay, and what has gone, by the tombstones in its chains.

The tombstone of evidence that decisions rest on is a record in the chain of those decisions. The others lie in a chain
of their own, ``retention/evidence``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property

from airflow_mlops_provider.exceptions import BadInputError, IntegrityError
from airflow_mlops_provider.records.codec import decode
from airflow_mlops_provider.records.decision_record import DecisionKind, Effect
from airflow_mlops_provider.records.evidence import Evidence
from airflow_mlops_provider.records.evidence_name import name_of, parse_evidence, profiles_of
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.reports.purge import PurgeReport, SnapshotTombstone, Tombstone
from airflow_mlops_provider.stores.aws_access import as_here
from airflow_mlops_provider.stores.chains.claim_names import evidence_claim, incident_claims, incident_title
from airflow_mlops_provider.stores.chains.decision_chain import DecisionChain, Fault, Link, chain_names
from airflow_mlops_provider.stores.chains.in_force import in_force
from airflow_mlops_provider.stores.evidence.index import EvidenceFacts
from airflow_mlops_provider.stores.evidence.store import EvidenceStore, read_evidence

_FOLDER, _NAME = "retention", "evidence"
_AT_ONCE = 8
"""Reads at a time: on S3 each is a request."""
_KEPT_PROMOTIONS = 2
"""The one in force and the one that a rollback puts back in force."""


@dataclass(frozen=True, kw_only=True)
class RecordedTombstone:
    """A tombstone where it stands.

    :param tombstone: names what was removed.
    :param link: the record that holds it.
    """

    tombstone: Tombstone
    link: Link


def retention_chain(store: EvidenceStore) -> DecisionChain:
    """The tombstones of evidence that no decision rests on."""
    return DecisionChain(store, _NAME, folder=_FOLDER)


def model_chains(store: EvidenceStore) -> tuple[DecisionChain, ...]:
    """The decisions about every model."""
    return tuple(DecisionChain(store, name) for name in chain_names(store))


def tombstones_in(links: Sequence[Link]) -> dict[str, RecordedTombstone]:
    """Name of each removed file to its tombstone; the earliest, should there be several.

    :raises IntegrityError: for a record of a purge that is none of ours, naming it.
    """
    found, faults = examine_tombstones(links)
    if faults:
        raise IntegrityError(f"decision record {faults[0].subject} {faults[0].detail}")
    return found


def examine_tombstones(links: Sequence[Link]) -> tuple[dict[str, RecordedTombstone], tuple[Fault, ...]]:
    """The tombstones that can be read, by the name of the removed file, and what is wrong with the others."""
    found: dict[str, RecordedTombstone] = {}
    faults: list[Fault] = []
    for link in links:
        if link.record.kind is not DecisionKind.PURGE:
            continue
        try:
            report = decode(PurgeReport, link.record.report, where="its report")
        except BadInputError as error:
            detail = f"cannot be read: {error}"
            faults.append(
                Fault(subject=f"{link.record.number} ({link.uri})", measure="record_unreadable", detail=detail)
            )
            continue
        for tombstone in report.tombstones:
            found.setdefault(tombstone.name, RecordedTombstone(tombstone=tombstone, link=link))
    return found, tuple(faults)


def snapshot_tombstones_in(links: Sequence[Link]) -> frozenset[SnapshotTombstone]:
    """The tombstones of snapshots of data; raises ``IntegrityError`` for a record of a purge that is none of ours."""
    tombstones_in(links)
    reports = (decode(PurgeReport, link.record.report) for link in links if link.record.kind is DecisionKind.PURGE)
    return frozenset(each for report in reports if report.snapshots for each in report.snapshots.tombstones)


def cited(links: Sequence[Link]) -> set[str]:
    """Names of the evidence that the decisions of a chain rest on."""
    return {name_of(uri) for link in links for uri in link.record.evidence}


class Reason(StrEnum):
    """Why something must not go, as a purge says it."""

    IN_FORCE = "a champion or its predecessor rests on them"
    """What the promotions of the version in force and of the one before it rest on, for every alias."""
    AWAITING = "a decision about them waits for a person"
    """What a decision rests on that somebody may still approve."""
    OPEN_INCIDENT = "their incident is still open"
    """Incidents that nobody has closed, and what the version that was taken back had been promoted on."""
    IN_TERM = "a record in its term refers to them"
    """What decisions and evidence refer to that are not past their own time."""
    NEWEST = "they are the newest of their folder"
    """The snapshot that ``latest`` points at, and the one that it can be moved back to."""


@dataclass(frozen=True)
class Needs:
    """What of an evidence root, and of the data that it speaks of, something still rests on.

    :param store: the root.
    :param chains: the decisions of every model, by its name.
    :param since: what was written later is in its term.
    """

    store: EvidenceStore
    chains: Mapping[str, Sequence[Link]]
    since: datetime

    @cached_property
    def evidence(self) -> dict[str, Reason]:
        """Names of evidence, and of what is attached to it, with the first reason; what is in its term stays anyway.

        What a decision wrote itself stays with what it rests on.
        """
        kept: dict[str, Reason] = {}
        for link, reason in self._decisions:
            for name in {*map(name_of, link.record.evidence), *_claimed(self.store, evidence_claim(link.record))}:
                kept.setdefault(name, reason)
        for link in self._open_incidents:
            for name in _claimed(self.store, incident_claims(incident_title(link.record))[0]):
                kept.setdefault(name, Reason.OPEN_INCIDENT)
        return {attached: reason for name, reason in kept.items() for attached in _attached(self.store, name)} | kept

    @cached_property
    def datasets(self) -> dict[DatasetRef, Reason]:
        """Datasets with the first reason. They are the user's: nothing here removes them, and nobody else should."""
        kept: dict[DatasetRef, Reason] = {}
        for link, reason in self._decisions:
            for ref in link.record.datasets.values():
                kept.setdefault(ref, reason)
        for name, reason in self.evidence.items():  # also what a champion's data were made from
            for ref in _refs_of(self.store.uri_of(name)) if parse_evidence(name) else ():
                kept.setdefault(ref, reason)
        for ref in _datasets_of_evidence_since(self.store, self.since):
            kept.setdefault(ref, Reason.IN_TERM)
        return kept

    @cached_property
    def profiles(self) -> dict[str, Reason]:
        """Names of the kept profiles of those datasets, with the first reason."""
        kept: dict[str, Reason] = {}
        standing = self.store.profiles()
        for ref, reason in self.datasets.items():
            prefix = profiles_of(ref.uri)
            for name in standing:
                if name.startswith(prefix):
                    kept.setdefault(name, reason)
        return kept

    @cached_property
    def _decisions(self) -> list[tuple[Link, Reason]]:
        """The decisions that must stay explainable; a decision that must for two reasons stands with both."""
        found = [standing for links in self.chains.values() for standing in _needed_decisions(links)]
        for link in self._open_incidents:
            found += [(each, Reason.OPEN_INCIDENT) for each in (link, self._reverted_promotion(link)) if each]
        for links in self.chains.values():
            found += [(link, Reason.IN_TERM) for link in links if _is_after(link, self.since)]
        return found

    @cached_property
    def _open_incidents(self) -> list[Link]:
        """The rollbacks whose incident nobody has closed."""
        return [link for links in self.chains.values() for link in links if self._is_open(link)]

    def _is_open(self, link: Link) -> bool:
        if link.record.kind is not DecisionKind.ROLLBACK or not link.record.moved:
            return False
        return self.store.claimed(incident_claims(incident_title(link.record))[1]) is None

    def _reverted_promotion(self, rollback: Link) -> Link | None:
        """The promotion that a rollback took back."""
        links = self.chains[rollback.record.name]
        before = [link for link in links if link.record.number < rollback.record.number]
        standing = in_force(before, rollback.record.alias)
        return standing[-1] if standing else None


def still_needed(store: EvidenceStore, *, since: datetime) -> Needs:
    """Which evidence, datasets and kept profiles must not go, and why.

    A champion, the one before it, a decision that awaits a person, an open incident and every record in its term need
    what they rest on.

    :param since: what was written later is in its term.
    :raises IntegrityError: when a chain does not hold: what must stay could not be told.
    """
    return Needs(store, {chain.name: chain.links() for chain in model_chains(store)}, since)


def _is_after(link: Link, since: datetime) -> bool:
    created_at = datetime.fromisoformat(link.record.created_at).astimezone(UTC)
    return link.record.kind is not DecisionKind.PURGE and created_at > since


def _datasets_of_evidence_since(store: EvidenceStore, since: datetime) -> Iterator[DatasetRef]:
    """The datasets of all evidence that was written after ``since``: by the index, or by reading what it lacks."""
    entries = store.index.entries()
    lacking = store.evidence_names() - {entry.evidence for entry in entries}
    newer = [entry for entry in entries if entry.written_at > since]
    unindexed = [name for name in sorted(lacking) if (parsed := parse_evidence(name)) and parsed.written_at > since]
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        for refs in pool.map(lambda entry: _refs(lambda: store.index.facts(entry)), newer):
            yield from refs
        for refs in pool.map(as_here(_refs_of), map(store.uri_of, unindexed)):
            yield from refs


def _refs_of(uri: str) -> list[DatasetRef]:
    return _refs(lambda: read_evidence(uri))


def _refs(read: Callable[[], EvidenceFacts | Evidence]) -> list[DatasetRef]:
    try:
        found = read()
    except BadInputError:
        return []  # purged meanwhile, or damaged, which is for verify to say
    return [ref for ref in (found.dataset, *found.inputs.values()) if ref is not None]


def _needed_decisions(links: Sequence[Link]) -> Iterator[tuple[Link, Reason]]:
    for alias in {link.record.alias for link in links if link.record.moved}:
        for link in in_force(links, alias)[-_KEPT_PROMOTIONS:]:
            yield link, Reason.IN_FORCE
    for link in reversed(links):
        if link.record.moved:
            return
        if link.record.effect is Effect.AWAITING_APPROVAL:
            yield link, Reason.AWAITING


def _claimed(store: EvidenceStore, name: str) -> set[str]:
    claim = store.claimed(name)
    return {name_of(claim["evidence_uri"])} if claim else set()


def _attached(store: EvidenceStore, name: str) -> list[str]:
    try:
        evidence = decode(Evidence, store.read(store.uri_of(name)), where=f"evidence {name}")
    except BadInputError:
        return []  # it lies in another root or was tampered with, which is for verify to say
    return [name_of(uri) for uri in evidence.attachments.values()]
