"""What the page shows: who is in force and what the latest checks of every model say.

The index tells which evidence is about which model, by names alone. What is shown as a verdict is read from the
evidence, and so is what the index lacks: a missing, stale or forged entry costs time and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.evidence_name import name_of, parse_evidence
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.evidence.file_cache import Kept
from airflow_mlops_provider.stores.evidence.index import IndexEntry
from airflow_mlops_provider.stores.evidence.store import EvidenceStore
from airflow_mlops_provider.stores.specs import local_path
from airflow_mlops_provider.ui.auth import Reader
from airflow_mlops_provider.ui.chains import ModelDecisions, read_decisions
from airflow_mlops_provider.ui.entries import Entry, read_named
from airflow_mlops_provider.ui.grouping import NEWEST, Grouping, Groups, Subject
from airflow_mlops_provider.ui.live_version import speaks_of_live
from airflow_mlops_provider.ui.undelivered import Undelivered, list_undelivered

NEWEST_IN_TRENDS = 24
"""How many checks stand side by side in a trend, whose numbers are in the evidence alone."""
MOST_IN_TRENDS = 600
"""How many pieces are read for all trends of the page together; with many models each trend is shorter."""
MOST_READ = 1000
"""How many pieces that the index lacks are read, the newest first; the page says how many more there are."""

TREND_KINDS = (Kind.DRIFT, Kind.BIAS)
_SHOWN: Kept[frozenset[str]] = Kept(most=8)
"""By root: what was read for the page the last time, which is read at once as long as no name came or went."""


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
    :param root: the evidence root that it lies in.
    :param checks: in the order of the lifecycle; of a model, those of the version in force while there is one.
    :param others: the same of candidates and former versions.
    :param of_all: those of all versions together.
    :param decisions: the model's decision record; ``None`` when it has none or this person may not read it.
    """

    subject: Subject
    name: str
    root: str
    checks: tuple[Check, ...]
    others: tuple[Check, ...] = ()
    of_all: tuple[Check, ...] = ()
    decisions: ModelDecisions | None = None

    @property
    def statuses(self) -> tuple[Status, ...]:
        """The latest status of every check; those of other versions than the one in force do not count."""
        return tuple(check.latest.status for check in self.checks)


@dataclass(frozen=True, kw_only=True)
class Board:
    """Everything that the overview shows.

    :param root: the evidence root.
    :param models: by name.
    :param datasets: checks of data that no model is known to have used.
    :param broken: evidence that cannot be read or was changed after it was written.
    :param undelivered: alerts that their channel did not take.
    :param unread: by root, how many older pieces the index lacks and nobody read, so that they are not shown.
    :param others: the roots beside ``root`` that are shown too.
    :param unreadable: what keeps further roots from being shown.
    """

    root: str
    models: tuple[Group, ...]
    datasets: tuple[Group, ...]
    broken: tuple[Entry, ...]
    undelivered: tuple[Undelivered, ...] = ()
    unread: Mapping[str, int] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show at all."""
        return not (self.models or self.datasets or self.broken or self.undelivered or self.unreadable)

    def count(self, status: Status) -> int:
        """How many latest checks have this status."""
        return sum(group.statuses.count(status) for group in (*self.models, *self.datasets))


def read_board(root: str, reader: Reader) -> Board:
    """The overview for one person.

    :param root: evidence root.
    :param reader: who asks; what they may not read is left out.
    """
    store = EvidenceStore(root)
    catalogue = store.catalogue()
    decisions = read_decisions(store, reader)
    grouping = Grouping(root=store.root, catalogue=catalogue, decisions=decisions, reader=reader)
    shown = _SHOWN.get(store.root, catalogue) or frozenset()
    read = read_named(store, {*catalogue.newest(NEWEST), *catalogue.lacking[:MOST_READ], *shown})
    while unknown := _to_read(groups := grouping.of(read), decisions):
        # What is read may turn out broken or about something else, so that other entries come forward.
        read |= read_named(store, unknown)
    _SHOWN.put(store.root, catalogue, frozenset(name for name, entry in read.items() if not entry.fault))
    models = {name for subject, name in groups if subject is Subject.MODEL}
    unread = len(catalogue.lacking) - sum(name in read for name in catalogue.lacking)
    return Board(
        root=store.root,
        models=tuple(
            _group(store.root, Subject.MODEL, name, groups.get((Subject.MODEL, name), {}), decisions.get(name))
            for name in sorted({*models, *decisions})
        ),
        datasets=tuple(
            _group(store.root, subject, name, kinds, None)
            for (subject, name), kinds in sorted(groups.items())
            if subject is not Subject.MODEL
        ),
        broken=tuple(sorted((entry for entry in read.values() if entry.fault), key=_age, reverse=True)),
        undelivered=list_undelivered(root, reader),
        unread={store.root: unread} if unread else {},
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


def _age(entry: Entry) -> tuple[object, str]:
    return entry.written_at, entry.uri


def _to_read(groups: Groups, decisions: Mapping[str, ModelDecisions]) -> list[str]:
    """Names of the latest of every check, and of what trends are drawn from, as far as nobody has read them."""
    made = [
        _group("", subject, name, kinds, decisions.get(name) if subject is Subject.MODEL else None)
        for (subject, name), kinds in groups.items()
    ]
    drawn = [check.history for group in made for check in group.of_all if check.kind in TREND_KINDS]
    depth = max(2, min(NEWEST_IN_TRENDS, MOST_IN_TRENDS // max(1, len(drawn))))
    shown = [entry for history in drawn for entry in history[-depth:]]
    shown += [check.latest for group in made for check in (*group.checks, *group.others)]
    return [name_of(entry.uri) for entry in shown if not entry.is_known]


def _group(
    root: str,
    subject: Subject,
    name: str,
    kinds: Mapping[Kind, tuple[Entry, ...]],
    known: ModelDecisions | None,
) -> Group:
    is_live = speaks_of_live(known)
    live = {kind: tuple(each for each in history if _speaks(each, is_live)) for kind, history in kinds.items()}
    others = {kind: tuple(each for each in history if not _speaks(each, is_live)) for kind, history in kinds.items()}
    return Group(
        subject=subject,
        name=name,
        root=root,
        checks=_checks(live),
        others=_checks(others),
        of_all=_checks(kinds),
        decisions=known,
    )


def _speaks(entry: Entry, is_live: Callable[[IndexEntry], bool]) -> bool:
    return entry.facts is None or is_live(entry.facts)


def _checks(kinds: Mapping[Kind, tuple[Entry, ...]]) -> tuple[Check, ...]:
    return tuple(Check(kind=kind, history=history) for kind, history in kinds.items() if history)
