"""The decision record of a model: a hash-chained list whose next number is created exclusively.

Creating record ``N+1`` **is** the commit of a promotion or rollback. Registry aliases follow from the record and can
always be made to follow again; nobody reads them to find out what was decided.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from airflow_mlops_provider.exceptions import BadInputError, IntegrityError
from airflow_mlops_provider.records.codec import canonical_json, decode, sha256
from airflow_mlops_provider.records.decision_record import TRAINING, DecisionKind, DecisionRecord
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.stores.evidence.store import EvidenceStore

CHAMPION = "champion"
FOLDER = "decisions"


@dataclass(frozen=True, kw_only=True)
class Link:
    """A record as it lies in the store.

    :param record: what was decided.
    :param uri: where it lies.
    :param digest: SHA-256 of its bytes, which the next record carries as ``previous``.
    """

    record: DecisionRecord
    uri: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something wrong with a chain.

    :param subject: the record's number and place, for a person.
    :param measure: ``record_edited``, ``record_missing``, ``record_misplaced`` or ``record_unreadable``.
    :param detail: one sentence.
    """

    subject: str
    measure: str
    detail: str


class DecisionChain:
    """The decisions about one model.

    :param store: the evidence root that holds the chain.
    :param name: the model's registered name.
    :param folder: where such chains lie; that of decisions about models by default.
    :raises BadInputError: for a name that no model can have; it becomes part of a path.
    """

    def __init__(self, store: EvidenceStore, name: str, *, folder: str = FOLDER) -> None:
        if not name.strip(". ") or set(name) & set("/\\:\0"):
            raise BadInputError(f"{name!r} is no model's name")
        self.name = name
        self._store = store
        self._path = f"{folder}/{name}"

    @property
    def place(self) -> str:
        """Where the chain lies, for messages."""
        return f"{self._store.root}/{self._path}"

    def links(self) -> tuple[Link, ...]:
        """Every record, oldest first.

        :raises IntegrityError: when a record was edited, removed or reordered, naming it.
        """
        links, faults = self.examine()
        if faults:
            raise IntegrityError(f"decision record {faults[0].subject} {faults[0].detail}")
        return links

    def examine(self) -> tuple[tuple[Link, ...], tuple[Fault, ...]]:
        """The records that can be read and what is wrong with the chain; nothing is raised for a broken link."""
        links: list[Link] = []
        faults: list[Fault] = []
        for uri, data in self._store.chain(self._path):
            try:
                plain = json.loads(data)
                record = decode(DecisionRecord, plain, where=uri)
                if canonical_json(plain) != data:
                    faults.append(Fault(subject=uri, measure="record_edited", detail="is not canonical JSON"))
            except (ValueError, BadInputError) as error:
                faults.append(Fault(subject=uri, measure="record_unreadable", detail=f"cannot be read: {error}"))
                continue
            links.append(Link(record=record, uri=uri, digest=sha256(data)))
        return tuple(links), (*faults, *_broken_links(self.name, links))

    def commit(self, draft: DecisionRecord, after: Sequence[Link]) -> Link:
        """Create the record that follows ``after``.

        :param draft: the decision; its number and previous hash are filled in here.
        :param after: the chain as the decision was made on it.
        :returns: the link in the chain.
        :raises AlreadyExistsError: when another decision was committed first; look again and decide again.
        """
        record = replace(draft, number=len(after) + 1, previous=after[-1].digest if after else None)
        uri = self._store.append(self._path, record.number, record)
        return Link(record=record, uri=uri, digest=sha256(canonical_json(record)))


def evidence_claim(record: DecisionRecord) -> str:
    """The claim under which the evidence of a decision is written once, however often its task is tried."""
    return f"{record.kind}-{record.name}-{record.number}"


def incident_claims(title: str) -> tuple[str, str]:
    """The claims under which an incident is opened and closed, once each.

    :param title: of the incident: the model's name and the number of the rollback that opened it.
    """
    return f"incident-{title}", f"incident-closed-{title}"


def incident_title(record: DecisionRecord) -> str:
    """What the incident is called that a rollback opens."""
    return f"{record.name}-{record.number}"


def chain_names(store: EvidenceStore) -> list[str]:
    """The models that have a decision record, sorted."""
    return store.chains(FOLDER)


def in_force(links: Iterable[Link], alias: str = CHAMPION) -> tuple[Link, ...]:
    """The decisions that made the versions behind ``alias``, the one in force last.

    A promotion adds itself; a rollback takes away everything after the promotion that it restores.
    """
    stack: list[Link] = []
    for link in links:
        record = link.record
        if not record.moved or record.alias != alias:
            continue
        if record.kind is DecisionKind.ROLLBACK:
            stack = [kept for kept in stack if record.restores is not None and kept.record.number <= record.restores]
        else:
            stack.append(link)
    return tuple(stack)


def champion_of(links: Sequence[Link], alias: str = CHAMPION) -> ModelRef | None:
    """The version in force by the record; ``None`` before the first promotion."""
    moved = [link for link in links if link.record.moved and link.record.alias == alias]
    return moved[-1].record.model if moved else None


def restorable(links: Sequence[Link], alias: str = CHAMPION) -> tuple[tuple[ModelRef, Link | None], ...]:
    """The versions that a rollback can put back, with their promotions; the last one in force first.

    At the end stands the champion that the first promotion replaced, without a promotion of its own, if the registry
    had one before the record began.
    """
    stack = in_force(links, alias)
    found: list[tuple[ModelRef, Link | None]] = [(link.record.model, link) for link in reversed(stack[:-1])]
    if stack and stack[0].record.champion is not None:
        found.append((stack[0].record.champion, None))
    return tuple(found)


def previous_of(links: Sequence[Link], alias: str = CHAMPION) -> ModelRef | None:
    """The version that a rollback would put back; ``None`` when there is nothing to go back to."""
    found = restorable(links, alias)
    return found[0][0] if found else None


def find_request(links: Iterable[Link], request: str | None) -> Link | None:
    """The record that an earlier try of the same request committed."""
    if request is None:
        return None
    return next((link for link in links if link.record.request == request), None)


def reference_dataset(uri: str, evidence_root: str) -> DatasetRef:
    """The dataset that a version in force was trained on, as its promotion recorded it.

    :param uri: ``models:/name@champion``, or another alias that promotions use, or ``models:/name@previous``.
    :param evidence_root: where the decision record lies.
    :returns: the pinned training dataset: the reference that new data are held against.
    :raises BadInputError: when ``uri`` has another form or nothing has been promoted yet.
    :raises IntegrityError: when the record was tampered with.
    """
    name, alias = parse_alias_uri(uri)
    chain = DecisionChain(EvidenceStore(evidence_root), name)
    links = chain.links()
    moved = [link for link in links if link.record.moved and link.record.alias == alias]
    if alias == "previous":
        stack = in_force(links)
        moved = list(stack[-2:-1])
    if not moved:
        raise BadInputError(f"reference {uri}: no promotion to {alias!r} is recorded in {chain.place}")
    found = moved[-1].record.datasets.get(TRAINING)
    if found is None:
        raise BadInputError(f"reference {uri}: record {moved[-1].uri} names no training dataset")
    return found


def is_model_uri(uri: str) -> bool:
    """Whether a dataset URI stands for the training data of a model: ``models:/...``."""
    return uri.startswith("models:/")


def parse_alias_uri(uri: str) -> tuple[str, str]:
    """Name and alias of ``models:/name@alias``; raises ``BadInputError`` for anything else."""
    name, at, alias = uri.removeprefix("models:/").partition("@")
    if not is_model_uri(uri) or not at or not name or not alias:
        raise BadInputError(f"{uri!r} is not of the form models:/name@alias")
    return name, alias


def _broken_links(name: str, links: Sequence[Link]) -> Iterable[Fault]:
    """What is wrong between readable records, by their own numbers, places and hashes."""
    before: Link | None = None
    for link in links:
        record, place = link.record, _number_in(link.uri)
        label = f"{place} ({link.uri})"
        expected = before.record.number + 1 if before else 1
        if record.name != name:
            yield Fault(subject=label, measure="record_misplaced", detail=f"speaks of model {record.name}, not {name}")
        if record.number != place:
            yield Fault(
                subject=label, measure="record_misplaced", detail=f"calls itself number {record.number}: reordered"
            )
        elif place != expected:
            yield Fault(
                subject=f"{expected} of {name}",
                measure="record_missing",
                detail=f"is missing: {link.uri} " + (f"follows {before.uri}" if before else "is the first one there"),
            )
        elif record.previous != (before.digest if before else None):
            culprit = before.uri if before else "the first record"
            yield Fault(
                subject=f"{expected - 1} ({culprit})",
                measure="record_edited",
                detail=f"was changed after record {place} was written, which carries another hash of it",
            )
        before = link


def _number_in(uri: str) -> int:
    return int(uri.rsplit("/", 1)[-1].removesuffix(".json"))


def record_json(link: Link) -> dict[str, Any]:
    """The record as plain JSON, for evidence and for people."""
    found: dict[str, Any] = json.loads(canonical_json(link.record))
    return found
