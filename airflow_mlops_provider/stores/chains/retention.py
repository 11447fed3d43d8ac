"""What may go from an evidence root, what must stay, and what has gone, by the tombstones in its chains.

The tombstone of evidence that decisions rest on is a record in the chain of those decisions. The others lie in a chain
of their own, ``retention/evidence``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import decode
from airflow_mlops_provider.records.decision_record import DecisionKind, Effect
from airflow_mlops_provider.records.evidence import Evidence
from airflow_mlops_provider.records.evidence_name import name_of
from airflow_mlops_provider.records.reports.purge import PurgeReport, Tombstone
from airflow_mlops_provider.stores.chains.chain import DecisionChain, Link, chain_names
from airflow_mlops_provider.stores.chains.claim_names import evidence_claim, incident_claims, incident_title
from airflow_mlops_provider.stores.chains.in_force import in_force
from airflow_mlops_provider.stores.evidence.store import EvidenceStore

_FOLDER, _NAME = "retention", "evidence"
_KEPT_PROMOTIONS = 2
"""The one in force and the one that a rollback puts back in force."""


@dataclass(frozen=True, kw_only=True)
class Burial:
    """A tombstone where it stands.

    :param stone: what it stands for.
    :param link: the record that holds it.
    """

    stone: Tombstone
    link: Link


def retention_chain(store: EvidenceStore) -> DecisionChain:
    """The tombstones of evidence that no decision rests on."""
    return DecisionChain(store, _NAME, folder=_FOLDER)


def model_chains(store: EvidenceStore) -> tuple[DecisionChain, ...]:
    """The decisions about every model."""
    return tuple(DecisionChain(store, name) for name in chain_names(store))


def burials(links: Sequence[Link]) -> dict[str, Burial]:
    """Name of each removed file to its tombstone; the earliest, should there be several."""
    found: dict[str, Burial] = {}
    for link in links:
        if link.record.kind is DecisionKind.PURGE:
            report = decode(PurgeReport, link.record.report, where=f"record {link.uri}")
            for stone in report.tombstones:
                found.setdefault(stone.name, Burial(stone=stone, link=link))
    return found


def cited(links: Sequence[Link]) -> set[str]:
    """Names of the evidence that the decisions of a chain rest on."""
    return {name_of(uri) for link in links for uri in link.record.evidence}


class Reason(StrEnum):
    """Why evidence must not go, as a purge says it."""

    IN_FORCE = "a champion or its predecessor rests on them"
    """What the promotions of the version in force and of the one before it rest on, for every alias."""
    AWAITING = "a decision about them waits for a person"
    """What a decision rests on that somebody may still approve."""
    OPEN_INCIDENT = "their incident is still open"
    """Incidents that nobody has closed."""


def kept_for_rollback(store: EvidenceStore, chains: Mapping[str, Sequence[Link]]) -> dict[str, Reason]:
    """Names of the evidence, and of what is attached to it, that must not go, with the first reason why.

    What a decision wrote itself stays with what it rests on.
    """
    kept: dict[str, Reason] = {}
    for links in chains.values():
        for link, reason in _standing(links):
            for name in {*map(name_of, link.record.evidence), *_claimed(store, evidence_claim(link.record))}:
                kept.setdefault(name, reason)
        for link in links:
            opened, closed = incident_claims(incident_title(link.record))
            if link.record.kind is DecisionKind.ROLLBACK and store.claimed(closed) is None:
                for name in _claimed(store, opened):
                    kept.setdefault(name, Reason.OPEN_INCIDENT)
    return {attached: reason for name, reason in kept.items() for attached in _attached(store, name)} | kept


def _standing(links: Sequence[Link]) -> Iterator[tuple[Link, Reason]]:
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
