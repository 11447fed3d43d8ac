"""All that evidence and index tell by their names alone, made anew only as far as something changed.

The evidence is the truth here too: an entry without its evidence is left out, and evidence without exactly one entry is
named as lacking, to be read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from airflow_mlops_provider.records.evidence_name import parse_evidence, stem_of
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.stores.evidence.file_cache import Kept
from airflow_mlops_provider.stores.evidence.files import EvidenceFiles
from airflow_mlops_provider.stores.evidence.index import FOLDER, EvidenceIndex, IndexEntry, data_named, parse_entry

AT_ONCE = 8
"""Listings at a time: on S3 each is a request or more."""
MOST_ENTRIES = 500_000
"""Entries that are kept of all roots together: about 100 MB, most of it shared with the listings."""
STEM = len("20260131T000000.000000Z-") + 64
"""Characters of an entry's name that are the evidence's: when it was written, and its hash."""


@dataclass(frozen=True, eq=False, kw_only=True)
class IndexFolder:
    """The entries of one model, kind and origin, oldest first, as far as their names tell all.

    :param place: of the folder, below the root.
    :param first: its oldest entry; model, kind and origin are the same for all of them.
    :param names: last parts of the names of the entries, sorted, which is by time.
    :param data: of each entry, what its name says of the data.
    :param fingerprints: of the data of all entries, by :func:`~.index.short`.
    """

    place: str
    first: IndexEntry
    names: tuple[str, ...]
    data: tuple[str, ...]
    fingerprints: frozenset[str]

    def without(self, stems: set[str]) -> IndexFolder | None:
        """The folder without some entries, by what their names begin with; ``None`` when none is left."""
        kept = [at for at, name in enumerate(self.names) if name[:STEM] not in stems]
        if len(kept) == len(self.names):
            return self
        return _folder(self.place, [self.names[at] for at in kept], [self.data[at] for at in kept])


@dataclass(frozen=True, eq=False, kw_only=True)
class Catalogue:
    """The evidence of a root and what its index tells of it.

    :param names: the last parts of the names of all evidence of each kind, sorted, which is by time.
    :param folders: entries whose names tell all.
    :param loose: entries that had to be read, because a name was too long.
    :param lacking: evidence that has no entry, or several that contradict each other; newest first.
    """

    names: Mapping[Kind, tuple[str, ...]]
    folders: tuple[IndexFolder, ...]
    loose: tuple[IndexEntry, ...]
    lacking: tuple[str, ...]

    def newest(self, count: int) -> Iterator[str]:
        """The names of the newest ``count`` pieces of each kind."""
        for kind, names in self.names.items():
            yield from (f"{kind}/{name}" for name in names[-count:])


@dataclass(frozen=True, kw_only=True)
class _Listed:
    """What the listing of a folder of the index tells, before anybody looked at the evidence."""

    folder: IndexFolder | None
    loose: tuple[IndexEntry, ...]

    def stems(self, kind: Kind) -> list[str]:
        """What the names of evidence of a kind begin with that is told here."""
        found = [stem_of(entry.evidence) for entry in self.loose if entry.kind is kind]
        if self.folder is not None and self.folder.first.kind is kind:
            found += [name[:STEM] for name in self.folder.names]
        return found


_FOLDERS: Kept[_Listed] = Kept(most=MOST_ENTRIES)
_CATALOGUES: Kept[Catalogue] = Kept(most=MOST_ENTRIES)


def read_catalogue(files: EvidenceFiles) -> Catalogue:
    """The catalogue of one evidence root, as it is now; as long as no name comes or goes, the very same object.

    :raises BackendError: when the root cannot be listed.
    """
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        index = pool.submit(files.listings_below, FOLDER)
        evidence = list(pool.map(files.listing, Kind))
    listed = (tuple(evidence), index.result())
    found = _CATALOGUES.get(files.root, listed)
    if found is None:
        found = _made(files, dict(zip(Kind, evidence, strict=True)), index.result())
        _CATALOGUES.put(files.root, listed, found, weight=sum(map(len, evidence)))
    return found


def forget_catalogues() -> None:
    """Begin anew, as a process does that has just started."""
    _FOLDERS.forget()
    _CATALOGUES.forget()


def _made(
    files: EvidenceFiles, listed: Mapping[Kind, tuple[str, ...]], index: Mapping[str, tuple[str, ...]]
) -> Catalogue:
    names = {kind: tuple(name for name in found if name.endswith(".json")) for kind, found in listed.items()}
    places = [_kept(files, place, last) for place, last in index.items()]
    unsound, lacking = _compared(names, places)
    folders = (each.folder.without(unsound) if unsound else each.folder for each in places if each.folder)
    return Catalogue(
        names=names,
        folders=tuple(filter(None, folders)),
        loose=tuple(entry for each in places for entry in each.loose if stem_of(entry.evidence) not in unsound),
        lacking=tuple(sorted(lacking, key=_age, reverse=True)),
    )


def _compared(names: Mapping[Kind, tuple[str, ...]], listed: Sequence[_Listed]) -> tuple[set[str], set[str]]:
    """What unsound entries begin with (no evidence, or two for one piece); and evidence without a sound entry."""
    unsound: set[str] = set()
    lacking: set[str] = set()
    for kind, found in names.items():
        stems = [stem for each in listed for stem in each.stems(kind)]
        once, there = set(stems), {name.removesuffix(".json") for name in found}
        twice = {stem for stem, count in Counter(stems).items() if count > 1} if len(once) < len(stems) else set()
        unsound |= (once - there) | twice
        lacking |= {f"{kind}/{stem}.json" for stem in (there - once) | (there & twice)}
    return unsound, lacking


def _kept(files: EvidenceFiles, place: str, last: tuple[str, ...]) -> _Listed:
    key = f"{files.root}/{place}"
    found = _FOLDERS.get(key, last)
    if found is None:
        found = _listed(files, place, last)
        _FOLDERS.put(key, last, found, weight=len(last))
    return found


def _listed(files: EvidenceFiles, place: str, last: tuple[str, ...]) -> _Listed:
    named = {name: data for name in last if (data := data_named(name)) is not None}
    is_long = {name: "~" in place or "~" in name for name in named}
    plain = [name for name in named if not is_long[name]]
    index = EvidenceIndex(files)
    loose = (index.entry_at(f"{place}/{name}") for name in named if is_long[name])
    return _Listed(
        folder=_folder(place, plain, [named[name] for name in plain]), loose=tuple(entry for entry in loose if entry)
    )


def _folder(place: str, names: Sequence[str], data: Sequence[str]) -> IndexFolder | None:
    first = parse_entry(f"{place}/{names[0]}") if names else None
    if first is None:
        return None
    return IndexFolder(
        place=place,
        first=first,
        names=tuple(names),
        data=tuple(data),
        fingerprints=frozenset(key for each in set(data) for key in each.split(",") if key),
    )


def _age(name: str) -> str:
    return name.rpartition("/")[2] if parse_evidence(name) else ""
