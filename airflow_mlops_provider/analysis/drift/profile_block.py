"""Write and read the profile of a block of files as bytes, without its edges, which all blocks have in common."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.drift.profile import LevelProfile, NumericProfile
from airflow_mlops_provider.analysis.drift.scan import Profiles
from airflow_mlops_provider.exceptions import BadInputError

FORMAT = "airflow-mlops-provider kept profile 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileBlock:
    """The profile of the rows of some files together.

    :param files: what the files are known by.
    :param profiles: column to its profile.
    """

    files: tuple[str, ...]
    profiles: Profiles


def encode_block(block: ProfileBlock) -> bytes:
    """Return the block as bytes of a compressed ``npz`` file: a header, and the counts of all cells in a row."""
    numeric = [each for each in block.profiles.values() if isinstance(each, NumericProfile)]
    counts = np.concatenate([np.zeros(0, dtype=np.int64), *(each.counts for each in numeric)])
    header = {
        "format": FORMAT,
        "files": block.files,
        "columns": [_header(name, profile) for name, profile in block.profiles.items()],
    }
    target = io.BytesIO()
    text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    np.savez_compressed(target, header=text, counts=counts.astype(np.min_scalar_type(int(counts.max(initial=0)))))
    return target.getvalue()


def _header(name: str, profile: NumericProfile | LevelProfile) -> dict[str, Any]:
    common = {"column": name, "rows": profile.rows, "missing": profile.missing}
    if isinstance(profile, LevelProfile):
        return common | {"counts": profile.counts, "grouped": profile.grouped}
    ends = [None if np.isnan(end) else end for end in (profile.minimum, profile.maximum)]
    levels = None if profile.levels is None else profile.levels.counts
    return common | {"ends": ends, "infinite": profile.infinite, "rises": profile.rises, "levels": levels}


def decode_block(data: bytes, edges: Mapping[str, NDArray[np.float64]], *, name: str) -> ProfileBlock:
    """Read a block from the bytes of :func:`encode_block`.

    :param data: the bytes.
    :param edges: column to the edges that its cells were counted with.
    :param name: of the block, for errors.
    :raises BadInputError: when the bytes are no block of this format, or one with other edges.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            header, counts = json.loads(arrays["header"].tobytes()), arrays["counts"].astype(np.int64)
        sizes = [edges[entry["column"]].size + 1 if "ends" in entry else 0 for entry in header["columns"]]
        parts = np.split(counts, np.cumsum(sizes))
        profiles = {
            entry["column"]: _profile(entry, edges, part)
            for entry, part in zip(header["columns"], parts[:-1], strict=True)
        }
    except Exception as error:  # zip, json and numpy each have errors of their own for damaged bytes
        raise BadInputError(f"{name} is no block of profiles: {type(error).__name__}: {error}") from error
    if header["format"] != FORMAT or parts[-1].size:
        raise BadInputError(f"{name} is a {header['format']!r} with counts of other cells")
    return ProfileBlock(files=tuple(header["files"]), profiles=profiles)


def _profile(
    entry: Mapping[str, Any], edges: Mapping[str, NDArray[np.float64]], counts: NDArray[np.int64]
) -> NumericProfile | LevelProfile:
    if "ends" not in entry:
        return _level_profile(entry, entry["counts"], grouped=entry["grouped"])
    return _numeric_profile(entry, edges[entry["column"]], np.cumsum(counts)[:-1])


def _level_profile(entry: Mapping[str, Any], counts: dict[str, int], *, grouped: bool = False) -> LevelProfile:
    return LevelProfile(rows=entry["rows"], missing=entry["missing"], counts=counts, grouped=grouped)


def _numeric_profile(entry: Mapping[str, Any], edges: NDArray[np.float64], below: NDArray[np.int64]) -> NumericProfile:
    low, high = (np.nan if end is None else float(end) for end in entry["ends"])
    return NumericProfile(
        rows=entry["rows"],
        missing=entry["missing"],
        edges=edges,
        below=below,
        minimum=low,
        maximum=high,
        infinite=entry["infinite"],
        rises=entry["rises"],
        levels=None if entry["levels"] is None else _level_profile(entry, entry["levels"]),
    )


def merge_blocks(blocks: Sequence[ProfileBlock]) -> ProfileBlock:
    """Return one block of the files of several, at least one, with the same columns and edges."""
    first, *others = blocks
    profiles: dict[str, Any] = dict(first.profiles)
    for block in others:
        profiles = {name: profile.merge(block.profiles[name]) for name, profile in profiles.items()}
    return ProfileBlock(files=tuple(file for block in blocks for file in block.files), profiles=profiles)
