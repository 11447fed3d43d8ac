"""Which checks are about which model: told by the index, and by the evidence itself as far as it was read."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.decision_record import DecisionRecord
from airflow_mlops_provider.records.evidence_name import name_of, stem_of
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.stores.evidence.catalogue import STEM, Catalogue, IndexFolder
from airflow_mlops_provider.stores.evidence.index import IndexEntry, parse_entry, short
from airflow_mlops_provider.ui.auth import Reader
from airflow_mlops_provider.ui.chains import ModelDecisions
from airflow_mlops_provider.ui.entries import Entry, indexed

NEWEST = 60
"""How many pieces of evidence of each kind are shown of a model; of all models together as many are always read."""
_URI = attrgetter("uri")
_MOST_MADE = 65_536
"""Entries that are kept as the index tells them: about 50 MB."""


class Subject(StrEnum):
    """What a group of checks is about."""

    MODEL = "model"
    DAG = "dag"
    DATASET = "dataset"


Key = tuple[Subject, str]
Uses = Mapping[str, set[str]]
"""Fingerprints of data, stems of evidence and Dags, to the names of the models that used or are checked by them."""


Groups = Mapping[Key, Mapping[Kind, tuple[Entry, ...]]]
"""The newest entries by what they are about and by kind, in the order of the lifecycle; oldest first."""


class Grouping:
    """How one person sees the evidence of a root.

    :param root: as a URI.
    :param catalogue: all evidence and what the index tells of it.
    :param decisions: about every model, as far as this person may read them.
    :param reader: who asks.
    """

    def __init__(
        self, *, root: str, catalogue: Catalogue, decisions: Mapping[str, ModelDecisions], reader: Reader
    ) -> None:
        self._root, self._decisions, self._reader = root.rstrip("/"), decisions, reader
        self._folders = [folder for folder in catalogue.folders if self._may_read(folder.first)]
        self._loose = [indexed(f"{self._root}/{entry.evidence}", entry) for entry in catalogue.loose]
        self._by_place = {folder.place: folder for folder in catalogue.folders}
        self._lacking = frozenset(catalogue.lacking)

    def of(self, read: Mapping[str, Entry]) -> Groups:
        """The newest entries of every model, and of every Dag or dataset that no model is known to have used.

        :param read: what was read, by its name; of that the index is not asked.
        """
        stems = set(map(stem_of, read))
        unread = (entry for entry in self._loose if stem_of(entry.uri) not in stems)
        alone = [
            (entry, entry.facts) for entry in (*read.values(), *unread) if entry.facts and self._may_read(entry.facts)
        ]
        otherwise = set(self._indexed_otherwise(read))
        folders = [kept for folder in self._folders if (kept := folder.without(otherwise) if otherwise else folder)]
        uses = self._uses([facts for _, facts in alone], folders)
        self._add_dags(uses, [facts for _, facts in alone], folders)
        made: dict[Key, dict[Kind, list[Entry]]] = defaultdict(lambda: defaultdict(list))
        for entry, facts in alone:
            for key in _keys(facts, (stem_of(facts.evidence), *facts.data), uses):
                made[key][facts.kind].append(entry)
        for folder in folders:
            for key, entry in self._spread(folder, uses, stems):
                made[key][folder.first.kind].append(entry)
        return {
            # Within a kind the URI begins to differ with the time.
            key: {kind: tuple(sorted(kinds[kind], key=_URI)[-NEWEST:]) for kind in Kind if kind in kinds}
            for key, kinds in made.items()
        }

    def _may_read(self, facts: IndexEntry) -> bool:
        return self._reader.may_read({"dag_id": facts.dag_id} if facts.dag_id else {})

    def _indexed_otherwise(self, read: Mapping[str, Entry]) -> Iterator[str]:
        """What was read and found broken, or about something else than the index says."""
        for name, entry in read.items():
            if name not in self._lacking and not (entry.facts and self._is_indexed(entry.facts.place)):
                yield stem_of(name)

    def _is_indexed(self, place: str) -> bool:
        where, _, last = place.rpartition("/")
        folder = self._by_place.get(where)
        at = bisect_left(folder.names, last) if folder else 0
        return "~" in place or (folder is not None and folder.names[at : at + 1] == (last,))

    def _uses(self, alone: Iterable[IndexEntry], folders: Iterable[IndexFolder]) -> dict[str, set[str]]:
        uses: dict[str, set[str]] = defaultdict(set)
        judged: list[tuple[str | None, Iterable[str]]] = [(facts.model, facts.data) for facts in alone]
        judged += [(folder.first.model, folder.fingerprints) for folder in folders]
        for model, fingerprints in judged:
            if model:
                for fingerprint in fingerprints:
                    uses[fingerprint].add(model)
        for name, known in self._decisions.items():
            for link in known.links:
                for used in _used_by(link.record):
                    uses[used].add(name)
        return uses

    def _add_dags(self, uses: dict[str, set[str]], alone: Iterable[IndexEntry], folders: Iterable[IndexFolder]) -> None:
        """Add the models that each Dag's checks are about: a batch that it refused was used by nobody."""
        told = [(facts, facts.data) for facts in alone] + [(folder.first, folder.fingerprints) for folder in folders]
        known = dict(uses)
        for facts, data in told:
            if facts.dag_id:
                used = set[str]().union(*(known[key] for key in data if key in known))
                models = {facts.model} if facts.model else used
                if models:
                    uses.setdefault(_dag_key(facts.dag_id), set()).update(models)

    def _spread(self, folder: IndexFolder, uses: Uses, read: set[str]) -> Iterator[tuple[Key, Entry]]:
        """The newest entries of a folder for each that they are about."""
        first, known, count = folder.first, dict[str, tuple[Key, ...]](), Counter[Key]()
        for at in range(len(folder.names) - 1, -1, -1):
            stem, data = folder.names[at][:STEM], folder.data[at]
            if stem in read:
                continue
            keys = known.get(data)
            if keys is None or stem in uses:
                found = _keys(first, [stem, *data.split(",")], uses)
                keys = found if stem in uses else known.setdefault(data, found)
            for key in keys:
                if count[key] < NEWEST:
                    count[key] += 1
                    yield key, _made(self._root, folder.place, folder.names[at])
            if first.model and count[keys[0]] >= NEWEST:
                return


@lru_cache(maxsize=_MOST_MADE)
def _made(root: str, place: str, name: str) -> Entry:
    entry = parse_entry(f"{place}/{name}")
    if entry is None:
        raise BadInputError(f"{place}/{name} is no entry of an index")
    return indexed(f"{root}/{entry.evidence}", entry)


def _keys(facts: IndexEntry, used: Iterable[str], uses: Uses) -> tuple[Key, ...]:
    """What an entry is about, the first that is known: its model, the models that used its data, the models that its
    Dag's other checks are about, its Dag, its dataset.
    """
    if facts.model:
        return ((Subject.MODEL, facts.model),)
    models = sorted(set().union(*(uses[key] for key in used if key in uses)))
    if not models and facts.dag_id:
        models = sorted(uses.get(_dag_key(facts.dag_id), ()))
    if models:
        return tuple((Subject.MODEL, name) for name in models)
    if facts.dag_id:
        return ((Subject.DAG, facts.dag_id),)
    return ((Subject.DATASET, facts.dataset_uri or "outside Airflow"),)


def _dag_key(dag_id: str) -> str:
    """Among fingerprints and stems, which hold no space."""
    return f"dag {dag_id}"


def _used_by(record: DecisionRecord) -> list[str]:
    fingerprints = [short(ref.fingerprint) for ref in record.datasets.values() if ref.fingerprint]
    return [*fingerprints, *(stem_of(name_of(uri)) for uri in record.evidence)]
