"""What the page shows, read cheaply from the evidence store: file names first, then the newest few of each kind.

Evidence never changes under its name, so what was read once is kept; a local file that was touched since is read again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.decision_record import DecisionRecord
from airflow_mlops_provider.records.evidence import Evidence
from airflow_mlops_provider.records.evidence_name import kind_in, name_of, parse_evidence
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.chains.retention import Burial
from airflow_mlops_provider.stores.evidence.store import EvidenceStore, read_evidence
from airflow_mlops_provider.stores.specs import local_path
from airflow_mlops_provider.ui.auth import Reader
from airflow_mlops_provider.ui.chains import ModelDecisions, read_decisions

NEWEST = 60
"""How many pieces of evidence of each kind are read."""


class Subject(StrEnum):
    """What a group of checks is about."""

    MODEL = "model"
    DAG = "dag"
    DATASET = "dataset"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One piece of evidence in a list.

    :param uri: where it lies.
    :param kind: which check it is, by its folder.
    :param written_at: when, by its name.
    :param evidence: without report, policy, versions and details, which only its own page shows; ``None`` when broken.
    :param fault: why it cannot be shown; empty when it can.
    """

    uri: str
    kind: Kind | None
    written_at: datetime
    evidence: Evidence | None
    fault: str = ""

    @property
    def outcome(self) -> Outcome:
        """The Outcome that points at it; for entries that could be read."""
        if self.evidence is None:
            raise BadInputError(self.fault)
        found = self.evidence
        return Outcome(
            kind=found.kind, verdict=found.verdict, evidence_uri=self.uri, dataset=found.dataset, model=found.model
        )


@dataclass(frozen=True, kw_only=True)
class Check:
    """All that is known of one kind of check of one subject.

    :param kind: which check.
    :param history: oldest first; never empty.
    """

    kind: Kind
    history: tuple[Entry, ...]

    @property
    def latest(self) -> Entry:
        """The newest entry."""
        return self.history[-1]


@dataclass(frozen=True, kw_only=True)
class Group:
    """A model with its checks and decisions, or data that no model is known to have used.

    :param subject: model, or the Dag or dataset that the checks were grouped by.
    :param name: its name.
    :param checks: in the order of the lifecycle.
    :param decisions: the model's decision record; ``None`` when it has none or this person may not read it.
    """

    subject: Subject
    name: str
    checks: tuple[Check, ...]
    decisions: ModelDecisions | None = None

    @property
    def statuses(self) -> tuple[Status, ...]:
        """The latest status of every check."""
        return tuple(check.latest.outcome.verdict.status for check in self.checks)


@dataclass(frozen=True, kw_only=True)
class Board:
    """Everything that the overview shows.

    :param root: the evidence root.
    :param models: by name.
    :param datasets: checks of data that no model is known to have used.
    :param broken: evidence that cannot be read or was changed after it was written.
    """

    root: str
    models: tuple[Group, ...]
    datasets: tuple[Group, ...]
    broken: tuple[Entry, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show at all."""
        return not (self.models or self.datasets or self.broken)

    def count(self, status: Status) -> int:
        """How many latest checks have this status."""
        return sum(group.statuses.count(status) for group in (*self.models, *self.datasets))


def read_board(root: str, reader: Reader) -> Board:
    """The overview for one person.

    :param root: evidence root.
    :param reader: who asks; what they may not read is left out.
    """
    store = EvidenceStore(root)
    found = _newest(store)
    visible = [entry for entry in found if entry.evidence is not None and reader.may_read(entry.evidence.origin)]
    decisions = read_decisions(store, reader)
    models, rest = _by_model(visible, decisions)
    return Board(
        root=store.root,
        models=tuple(
            Group(subject=Subject.MODEL, name=name, checks=_checks(models[name]), decisions=decisions.get(name))
            for name in sorted({*models, *decisions})
        ),
        datasets=tuple(_by_origin(rest)),
        broken=tuple(entry for entry in reversed(found) if entry.evidence is None),
    )


def read_entries(uris: Iterable[str], reader: Reader, buried: Mapping[str, Burial]) -> tuple[Entry, ...]:
    """Entries of given evidence, in the order given; what may not be read, or is gone, says so instead of its verdict.

    :param uris: as a decision record names them.
    :param buried: what was removed when it was past its time, by name.
    """
    return tuple(_explained(_guarded(_entry(_kind_of(uri), uri), reader), buried) for uri in uris)


def _explained(entry: Entry, buried: Mapping[str, Burial]) -> Entry:
    burial = buried.get(name_of(entry.uri))
    if entry.evidence or burial is None:
        return entry
    record = burial.link.record
    return replace(entry, fault=f"removed on {record.created_at[:10]} by decision {record.number}, past its time")


def _guarded(entry: Entry, reader: Reader) -> Entry:
    if entry.evidence is None or reader.may_read(entry.evidence.origin):
        return entry
    return replace(entry, evidence=None, fault="made by a Dag that you may not read")


def locate(root: str, uri: str) -> str:
    """The URI of a piece of evidence, refused unless it has the exact form that the store gives out.

    :param uri: as an Outcome carries it, or the plain path of a local root.
    :raises BadInputError: for anything that is not evidence directly below a kind's folder of this root.
    """
    store_root = EvidenceStore(root).root
    canonical = uri if "://" in uri or uri.startswith("file:") else local_path(uri).absolute().as_uri()
    name = canonical.removeprefix(f"{store_root}/")
    if not canonical.startswith(f"{store_root}/") or parse_evidence(name) is None:
        raise BadInputError(f"{uri!r} is not evidence under the evidence root {store_root}")
    return canonical


def _newest(store: EvidenceStore) -> list[Entry]:
    """The newest entries of every kind, oldest first."""
    uris = [(kind, uri) for kind in Kind for uri in store.uris(kind, newest=NEWEST)]
    # On S3 each one that is not yet known is a request, so they go out together.
    with ThreadPoolExecutor(max_workers=8) as pool:
        entries = pool.map(lambda item: _entry(*item), uris)
        return sorted(entries, key=lambda entry: entry.written_at)


def _entry(kind: Kind | None, uri: str) -> Entry:
    try:
        evidence, fault = _read_light(uri, _stamp_of(uri)), ""
    except BadInputError as error:
        evidence, fault = None, str(error)
    return Entry(uri=uri, kind=kind, written_at=_written_at(uri), evidence=evidence, fault=fault)


@lru_cache(maxsize=4096)
def _read_light(uri: str, _stamp: tuple[int, int]) -> Evidence:
    return replace(read_evidence(uri), report=None, policy=None, versions={}, details={})


def _stamp_of(uri: str) -> tuple[int, int]:
    """What changes when a local file is changed; objects on S3 are taken at their name."""
    if not uri.startswith("file:"):
        return (0, 0)
    try:
        state = local_path(uri).stat()
    except OSError as error:
        raise BadInputError(f"evidence {uri} cannot be read: {error.strerror}") from error
    return (state.st_mtime_ns, state.st_size)


def _kind_of(uri: str) -> Kind | None:
    folder = kind_in(name_of(uri))
    return Kind(folder) if folder in set(Kind) else None


def _written_at(uri: str) -> datetime:
    found = parse_evidence(name_of(uri))
    return found.written_at if found else datetime.fromtimestamp(0, UTC)


def _by_model(entries: list[Entry], decisions: dict[str, ModelDecisions]) -> tuple[dict[str, list[Entry]], list[Entry]]:
    """Entries by the models they are about, and those about no known model.

    A check of data belongs to the models that were made from, judged on or decided by that very data.
    """
    uses = _users_of_data(entries, decisions)
    models: dict[str, list[Entry]] = defaultdict(list)
    rest: list[Entry] = []
    for entry in entries:
        about = _models_of(entry, uses)
        for name in about:
            models[name].append(entry)
        if not about:
            rest.append(entry)
    return models, rest


def _users_of_data(entries: list[Entry], decisions: dict[str, ModelDecisions]) -> dict[str, set[str]]:
    """Fingerprints of data, and evidence URIs, to the names of the models that used them."""
    uses: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        if entry.evidence and entry.evidence.model:
            for fingerprint in _fingerprints(entry):
                uses[fingerprint].add(entry.evidence.model.name)
    for name, known in decisions.items():
        for link in known.links:
            for key in _used_by(link.record):
                uses[key].add(name)
    return uses


def _used_by(record: DecisionRecord) -> list[str]:
    fingerprints = [ref.fingerprint for ref in record.datasets.values() if ref.fingerprint]
    return [*fingerprints, *record.evidence]


def _models_of(entry: Entry, uses: dict[str, set[str]]) -> list[str]:
    if entry.evidence and entry.evidence.model:
        return [entry.evidence.model.name]
    return sorted(set().union(*(uses.get(key, ()) for key in (entry.uri, *_fingerprints(entry)))))


def _fingerprints(entry: Entry) -> list[str]:
    if entry.evidence is None:
        return []
    refs = (entry.evidence.dataset, *entry.evidence.inputs.values())
    return [ref.fingerprint for ref in refs if ref and ref.fingerprint]


def _by_origin(entries: list[Entry]) -> Iterator[Group]:
    groups: dict[tuple[Subject, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        groups[_origin_of(entry)].append(entry)
    for (subject, name), found in sorted(groups.items()):
        yield Group(subject=subject, name=name, checks=_checks(found))


def _origin_of(entry: Entry) -> tuple[Subject, str]:
    evidence = entry.evidence
    if evidence and evidence.origin.get("dag_id"):
        return Subject.DAG, evidence.origin["dag_id"]
    return Subject.DATASET, evidence.dataset.uri if evidence and evidence.dataset else "outside Airflow"


def _checks(entries: Iterable[Entry]) -> tuple[Check, ...]:
    kinds: dict[Kind, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.kind:
            kinds[entry.kind].append(entry)
    return tuple(Check(kind=kind, history=tuple(kinds[kind])) for kind in Kind if kind in kinds)
