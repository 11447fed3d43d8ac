"""Profiles that are kept: of the files of a dataset, in blocks, so that only new files are read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import pyarrow as pa

from airflow_mlops_provider.analysis.drift.profile import NumericProfile
from airflow_mlops_provider.analysis.drift.profile_block import (
    ProfileBlock,
    decode_block,
    encode_block,
    merge_blocks,
)
from airflow_mlops_provider.analysis.drift.profile_file import (
    FORMAT,
    ProfiledDataset,
    decode_profile,
    encode_profile,
)
from airflow_mlops_provider.analysis.drift.scan import edges_of, profile_rows, sample_edges
from airflow_mlops_provider.exceptions import AlreadyExistsError, BadInputError
from airflow_mlops_provider.records.codec import digest
from airflow_mlops_provider.records.evidence_name import profile_folder
from airflow_mlops_provider.stores.datasets.dataset import Dataset
from airflow_mlops_provider.stores.datasets.fingerprints import content_fingerprint
from airflow_mlops_provider.stores.evidence.kept_blocks import KeptBlocks, to_merge
from airflow_mlops_provider.stores.evidence.store import EvidenceStore

BLOCK_FILES = 256
"""Largest number of files in a block: when one of them changes, the others are read again as well."""
SAMPLED_FILES = 200
"""Number of files, at equal distances, from which edges are chosen."""


def stored_profile(
    dataset: Dataset,
    columns: Sequence[str],
    store: EvidenceStore,
    *,
    by_content: bool = False,
    by_level: Collection[str] = (),
    edges: Mapping[str, Any] | None = None,
) -> tuple[ProfiledDataset, int]:
    """The profile of ``dataset``, of which only the files that are new since an earlier call are read.

    :param columns: what to profile.
    :param store: keeps the profiles below ``profiles/``, those of several files together in a block.
    :param by_content: take a file as unchanged when its bytes are, for which it is hashed; otherwise when its name,
        size and time of modification are.
    :param by_level: columns that are counted by level whatever their type.
    :param edges: column to its edges; by default they are chosen from the rows once, and kept.
    :returns: the profile of all files together and how many of them were read.
    """
    read_as = [] if dataset.source.csv is None else [dataset.source.csv]
    given = [] if edges is None else [{name: values.tolist() for name, values in edges.items()}]
    made = digest([FORMAT, dataset.uri, str(dataset.schema), list(columns), sorted(by_level), *read_as, *given])
    place = profile_folder(dataset.uri, made)
    numbers = [name for name in columns if name not in by_level]
    edges = edges_of(_edges(dataset, numbers, store, place).profiles) if edges is None else edges
    kept = _Kept(dataset, columns, edges, store=store, place=place)
    marks = _marks(dataset, by_content=by_content)
    blocks, fresh = kept.completed(marks, by_level)
    whole = merge_blocks(blocks)
    rows = next(iter(whole.profiles.values())).rows
    found = ProfiledDataset(uri=dataset.uri, schema=_schema(dataset, columns), rows=rows, profiles=whole.profiles)
    return found, fresh


def _marks(dataset: Dataset, *, by_content: bool) -> dict[str, str]:
    """What each file is known by, to the file; files of one content are told apart by their number."""
    # A table has no marks that tell of a change; it is one part, known by its rows or its version.
    if dataset.source.identified_by is not None:
        return {dataset.fingerprint.removeprefix("sha256:"): dataset.uri}
    if not by_content:
        return dict(zip(dataset.stamps(), dataset.files, strict=True))
    found: dict[str, str] = {}
    times: dict[str, int] = {}
    for file in dataset.files:
        mark = content_fingerprint([dataset.digest_of(file)]).removeprefix("sha256:")
        times[mark] = times.get(mark, 0) + 1
        found[mark if times[mark] == 1 else f"{mark}-{times[mark]}"] = file
    return found


class _Kept:
    """What is kept of a dataset under one set of columns and edges.

    :param edges: column to its edges.
    :param place: folder of the evidence root.
    """

    def __init__(
        self, dataset: Dataset, columns: Sequence[str], edges: Mapping[str, Any], *, store: EvidenceStore, place: str
    ) -> None:
        self._dataset, self._columns, self._edges = dataset, columns, edges
        self._store, self._place = store, place
        # After a purge other edges may be chosen, and counts of different cells do not add up.
        named = digest([[name, values.tolist()] for name, values in edges.items()])
        self._blocks = KeptBlocks(store, f"{place}/{named.removeprefix('sha256:')[:16]}")

    def completed(self, marks: Mapping[str, str], by_level: Collection[str]) -> tuple[list[ProfileBlock], int]:
        """The blocks that hold each file once, after what is missing was read and kept; and how many files were read.

        :param marks: what each file is known by, to the file.
        :param by_level: columns that are counted by level whatever their type.
        """
        standing = dict(self._standing(marks))
        known = {file for block in standing.values() for file in block.files}
        left = [mark for mark in marks if mark not in known]
        former = self._former(left)
        fresh = [mark for mark in left if mark not in former]
        new = list(_in_blocks(list(former.values())))
        for start in range(0, len(fresh), BLOCK_FILES):
            some = fresh[start : start + BLOCK_FILES]
            part = self._dataset.only([marks[mark] for mark in some])
            profiles = profile_rows(part, self._columns, self._edges, by_level=by_level)
            new.append(ProfileBlock(files=tuple(some), profiles=profiles))
        blocks = standing | {f"new {number}": block for number, block in enumerate(new)}
        for names in to_merge({name: len(block.files) for name, block in blocks.items()}, at_most=BLOCK_FILES):
            blocks[f"merged {names[0]}"] = merge_blocks([blocks.pop(name) for name in names])
        self._blocks.write(
            [name for name in blocks if name in standing],
            [encode_block(block) for name, block in blocks.items() if name not in standing],
        )
        order = {mark: number for number, mark in enumerate(marks)}
        return sorted(blocks.values(), key=lambda block: min(order[file] for file in block.files)), len(fresh)

    def _standing(self, marks: Mapping[str, str]) -> Iterator[tuple[str, ProfileBlock]]:
        """The blocks that were kept, all files of which are still there; none of them in two blocks."""
        taken: set[str] = set()
        for name, data in self._blocks.read().items():
            with suppress(BadInputError):
                block = decode_block(data, self._edges, name=name)
                if list(block.profiles) == list(self._columns) and all(
                    file in marks and file not in taken for file in block.files
                ):
                    taken.update(block.files)
                    yield name, block

    def _former(self, marks: Collection[str]) -> dict[str, ProfileBlock]:
        """What version 0.1.0 kept, a file for each file of the dataset."""
        found: dict[str, ProfileBlock] = {}
        there = set(self._store.files.names(self._place)) if marks else set()
        for mark in marks:
            name = f"{self._place}/{mark}"
            profile = read_kept_profile(self._store, name) if name in there else None
            if profile is not None and _has_edges(profile, self._edges):
                found[mark] = ProfileBlock(files=(mark,), profiles=profile.profiles)
        return found


def _has_edges(profile: ProfiledDataset, edges: Mapping[str, Any]) -> bool:
    own = edges_of(profile.profiles)
    return all(values.tolist() == edges[name].tolist() for name, values in own.items())


def _in_blocks(blocks: Sequence[ProfileBlock]) -> Iterator[ProfileBlock]:
    for start in range(0, len(blocks), BLOCK_FILES):
        yield merge_blocks(blocks[start : start + BLOCK_FILES])


def _edges(dataset: Dataset, columns: Sequence[str], store: EvidenceStore, place: str) -> ProfiledDataset:
    """A profile without rows that holds the edges; chosen once, because only profiles with equal edges add up."""
    kept = read_kept_profile(store, f"{place}/edges")
    if kept is not None:
        return kept
    step = -(-len(dataset.files) // SAMPLED_FILES) or 1
    empty: dict[str, Any] = {
        name: NumericProfile(rows=0, missing=0, edges=edges, below=(edges * 0).astype("int64"))
        for name, edges in sample_edges(dataset.only(dataset.files[::step]), columns).items()
    }
    found = ProfiledDataset(uri=dataset.uri, schema=_schema(dataset, columns), rows=0, profiles=empty)
    with suppress(AlreadyExistsError):
        store.attach(f"{place}/edges", encode_profile(found))
    # Of two that chose at once, the first one's stand.
    return read_kept_profile(store, f"{place}/edges") or found


def _schema(dataset: Dataset, columns: Sequence[str]) -> pa.Schema:
    return pa.schema([dataset.schema.field(name) for name in columns])


def read_kept_profile(store: EvidenceStore, name: str) -> ProfiledDataset | None:
    """The profile that is kept under a name; ``None`` when there is none that this version can read."""
    uri = f"{store.root}/{name}"
    try:
        return decode_profile(store.read_bytes(uri), uri=uri)
    except BadInputError:
        return None  # not there yet, or of another version: made anew
