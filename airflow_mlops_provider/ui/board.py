"""What the page shows: who is in force and what the latest checks of every model say.

The index tells which evidence is about which model, by names alone. What is shown as a verdict is read from the
evidence, and so is what the index lacks: a missing, stale or forged entry costs time and nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.decision_record import DecisionRecord
from airflow_mlops_provider.records.evidence_name import name_of, parse_evidence
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.evidence.index import IndexEntry, short
from airflow_mlops_provider.stores.evidence.store import EvidenceStore
from airflow_mlops_provider.stores.specs import local_path
from airflow_mlops_provider.ui.auth import Reader
from airflow_mlops_provider.ui.chains import ModelDecisions, read_decisions
from airflow_mlops_provider.ui.entries import AT_ONCE, Entry, indexed, read_all

NEWEST = 60
"""How many pieces of evidence of each kind are shown of a model; of all models together as many are always read."""
NEWEST_IN_TRENDS = 24
"""How many checks stand side by side in a trend, whose numbers are in the evidence alone."""
MOST_IN_TRENDS = 600
"""How many pieces are read for all trends of the page together; with many models each trend is shorter."""
MOST_READ = 1000
"""How many pieces that the index lacks are read, the newest first; the page says how many more there are."""

TREND_KINDS = (Kind.DRIFT, Kind.BIAS)


class Subject(StrEnum):
    """What a group of checks is about."""

    MODEL = "model"
    DAG = "dag"
    DATASET = "dataset"


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
        return tuple(check.latest.status for check in self.checks)


@dataclass(frozen=True, kw_only=True)
class Board:
    """Everything that the overview shows.

    :param root: the evidence root.
    :param models: by name.
    :param datasets: checks of data that no model is known to have used.
    :param broken: evidence that cannot be read or was changed after it was written.
    :param unread: how many older pieces the index lacks and nobody read, so that they are not shown.
    """

    root: str
    models: tuple[Group, ...]
    datasets: tuple[Group, ...]
    broken: tuple[Entry, ...]
    unread: int = 0

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
    decisions = read_decisions(store, reader)
    entries, unread = _found(store)
    while True:
        about, rest = _by_model(_visible(entries.values(), reader), decisions)
        models = {name: _checks(found) for name, found in about.items()}
        datasets = [(*origin, _checks(found)) for origin, found in _by_origin(rest)]
        unknown = _to_read([*models.values(), *(checks for _, _, checks in datasets)])
        if not unknown:
            break
        # What is read may turn out broken or about something else, so that other entries come forward.
        entries.update((entry.uri, entry) for entry in read_all(unknown))
    broken = sorted((entry for entry in entries.values() if entry.fault), key=_age, reverse=True)
    return Board(
        root=store.root,
        models=tuple(
            Group(subject=Subject.MODEL, name=name, checks=models.get(name, ()), decisions=decisions.get(name))
            for name in sorted({*models, *decisions})
        ),
        datasets=tuple(Group(subject=subject, name=name, checks=checks) for subject, name, checks in datasets),
        broken=tuple(broken),
        unread=unread,
    )


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


def _found(store: EvidenceStore) -> tuple[dict[str, Entry], int]:
    """All evidence by URI, as the index tells it or, where it must be, as it was read; and how many were left out."""
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        listing = pool.submit(store.index.entries)
        names = list(pool.map(store.names, Kind))
    told: dict[str, list[IndexEntry]] = defaultdict(list)
    for entry in listing.result():
        told[entry.evidence].append(entry)
    # Two entries of one piece contradict each other: it is read.
    known = {name: found[0] for name, found in told.items() if len(found) == 1}
    recent = {name for of_kind in names for name in of_kind[-NEWEST:]}
    lacking = sorted((name for of_kind in names for name in of_kind if name not in known), key=_stamp, reverse=True)
    must_read = recent.union(lacking[:MOST_READ])
    entries = {entry.uri: entry for entry in read_all(map(store.uri_of, sorted(must_read)))}
    for name in (name for of_kind in names for name in of_kind if name in known and name not in must_read):
        uri = store.uri_of(name)
        entries[uri] = indexed(uri, known[name])
    return entries, len(set(lacking) - must_read)


def _stamp(name: str) -> str:
    return name.split("/", 1)[-1] if parse_evidence(name) else ""


def _age(entry: Entry) -> tuple[object, str]:
    return entry.written_at, entry.uri


def _visible(entries: Iterable[Entry], reader: Reader) -> list[Entry]:
    """What is not broken and may be read, oldest first."""
    found = [entry for entry in entries if entry.facts and reader.may_read(_origin(entry.facts))]
    return sorted(found, key=_age)


def _origin(facts: IndexEntry) -> dict[str, str]:
    return {"dag_id": facts.dag_id} if facts.dag_id else {}


def _to_read(groups: Iterable[tuple[Check, ...]]) -> list[str]:
    """The latest of every check, and what trends are drawn from, as far as nobody has read it."""
    checks = [check for group in groups for check in group]
    trends = sum(check.kind in TREND_KINDS for check in checks)
    depth = max(2, min(NEWEST_IN_TRENDS, MOST_IN_TRENDS // max(1, trends)))
    shown = (entry for check in checks for entry in check.history[-depth if check.kind in TREND_KINDS else -1 :])
    return [entry.uri for entry in shown if not entry.is_known]


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
    """Fingerprints of data, and names of evidence, to the names of the models that used them."""
    uses: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        if entry.facts and entry.facts.model:
            for fingerprint in entry.facts.data:
                uses[fingerprint].add(entry.facts.model)
    for name, known in decisions.items():
        for link in known.links:
            for key in _used_by(link.record):
                uses[key].add(name)
    return uses


def _used_by(record: DecisionRecord) -> list[str]:
    fingerprints = [short(ref.fingerprint) for ref in record.datasets.values() if ref.fingerprint]
    return [*fingerprints, *map(name_of, record.evidence)]


def _models_of(entry: Entry, uses: Mapping[str, set[str]]) -> list[str]:
    if entry.facts is None:
        return []
    if entry.facts.model:
        return [entry.facts.model]
    return sorted(set().union(*(uses.get(key, ()) for key in (entry.facts.evidence, *entry.facts.data))))


def _by_origin(entries: list[Entry]) -> Iterator[tuple[tuple[Subject, str], list[Entry]]]:
    groups: dict[tuple[Subject, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        groups[_origin_of(entry)].append(entry)
    yield from sorted(groups.items())


def _origin_of(entry: Entry) -> tuple[Subject, str]:
    facts = entry.facts
    if facts and facts.dag_id:
        return Subject.DAG, facts.dag_id
    return Subject.DATASET, (facts.dataset_uri if facts else None) or "outside Airflow"


def _checks(entries: Iterable[Entry]) -> tuple[Check, ...]:
    kinds: dict[Kind, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.kind:
            kinds[entry.kind].append(entry)
    return tuple(Check(kind=kind, history=tuple(kinds[kind][-NEWEST:])) for kind in Kind if kind in kinds)
