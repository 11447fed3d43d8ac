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
from airflow_mlops_provider.records.codec import canonical_json, decode, parse_json, sha256, without_secrets
from airflow_mlops_provider.records.decision_record import DecisionRecord
from airflow_mlops_provider.records.evidence_name import number_in
from airflow_mlops_provider.stores.evidence.store import EvidenceStore

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
        if not name.strip(". ") or set(name) & set("/\\:\0") or not _is_text(name):
            raise BadInputError(f"{name!r} is no model's name")
        self.name = name
        self._store = store
        self._path = f"{folder}/{name}"

    @property
    def place(self) -> str:
        """Where the chain lies, for messages."""
        return f"{self._store.root}/{self._path}"

    def stamps(self) -> dict[str, str]:
        """The records' names, each with what changes when its content does; nothing is read."""
        return self._store.chain_stamps(self._path)

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
                plain = parse_json(data, where=uri)
                record = decode(DecisionRecord, plain, where=uri)
                if canonical_json(plain) != data:
                    faults.append(Fault(subject=uri, measure="record_edited", detail="is not canonical JSON"))
            except BadInputError as error:
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
        record = without_secrets(replace(draft, number=len(after) + 1, previous=after[-1].digest if after else None))
        uri = self._store.append(self._path, record.number, record)
        return Link(record=record, uri=uri, digest=sha256(canonical_json(record)))


def _is_text(name: str) -> bool:
    """Whether the name of a folder is text and not half a character."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def chain_names(store: EvidenceStore) -> list[str]:
    """The models that have a decision record, sorted."""
    return store.chains(FOLDER)


def find_request(links: Iterable[Link], request: str | None) -> Link | None:
    """The record that an earlier try of the same request committed."""
    if request is None:
        return None
    return next((link for link in links if link.record.request == request), None)


def _broken_links(name: str, links: Sequence[Link]) -> Iterable[Fault]:
    """What is wrong between readable records, by their own numbers, places and hashes."""
    before: Link | None = None
    for link in links:
        record, place = link.record, number_in(link.uri)
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


def record_json(link: Link) -> dict[str, Any]:
    """The record as plain JSON, for evidence and for people."""
    found: dict[str, Any] = json.loads(canonical_json(link.record))
    return found
