"""Write and read profiles as bytes, to keep them for the next check or to share them instead of rows."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import pyarrow as pa

from airflow_mlops_provider.analysis.drift.profile import LevelProfile, NumericProfile
from airflow_mlops_provider.analysis.drift.scan import Profiles
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.requests.profile import MIN_SHARED_COUNT

FORMAT = "airflow-mlops-provider drift profile 2"
"""Name of the format; a profile that was kept for the next check is made again when this changes."""
_OLDER_FORMATS = ("airflow-mlops-provider drift profile 1",)
"""Older formats that can be read. They lack levels and rises, so their columns are never taken for codes or keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfiledDataset:
    """A dataset without its rows, of which the profile is known.

    :param uri: address of the profile, or of the data that it was made from.
    :param schema: columns and types of the data.
    :param rows: number of rows.
    :param profiles: column to its profile.
    """

    uri: str
    schema: pa.Schema
    rows: int
    profiles: Profiles

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that were profiled."""
        return tuple(self.schema.names)


def encode_profile(dataset: ProfiledDataset) -> bytes:
    """Return the profile as bytes of a compressed ``npz`` file; equal profiles have equal arrays."""
    arrays: dict[str, Any] = {}
    columns = [_header(i, name, profile, arrays) for i, (name, profile) in enumerate(dataset.profiles.items())]
    header = {"format": FORMAT, "rows": dataset.rows, "columns": columns}
    arrays["schema"] = np.frombuffer(dataset.schema.serialize().to_pybytes(), dtype=np.uint8)
    arrays["header"] = np.frombuffer(json.dumps(header, sort_keys=True).encode(), dtype=np.uint8)
    target = io.BytesIO()
    np.savez_compressed(target, **arrays)
    return target.getvalue()


def _header(i: int, name: str, profile: NumericProfile | LevelProfile, arrays: dict[str, Any]) -> dict[str, Any]:
    common = {"column": name, "rows": profile.rows, "missing": profile.missing}
    if isinstance(profile, NumericProfile):
        arrays |= {f"edges{i}": profile.edges, f"below{i}": profile.below}
        arrays[f"ends{i}"] = np.array([profile.minimum, profile.maximum])
        levels = None if profile.levels is None else _levels(profile.levels)
        return common | {"numeric": True, "infinite": profile.infinite, "rises": profile.rises, "levels": levels}
    return common | {"numeric": False} | _levels(profile)


def _levels(profile: LevelProfile) -> dict[str, Any]:
    counted = {"counts": profile.counts, "grouped": profile.grouped, "single": profile.single}
    return {"withheld": profile.withheld} | counted


def decode_profile(data: bytes, *, uri: str) -> ProfiledDataset:
    """Read a profile from the bytes of :func:`encode_profile`.

    :param data: the bytes.
    :param uri: name of the profile in errors and messages.
    :raises BadInputError: when the bytes are not a profile, or are one of an unknown format.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            header = json.loads(arrays["header"].tobytes())
            schema = pa.ipc.read_schema(pa.py_buffer(arrays["schema"].tobytes()))
            profiles = {entry["column"]: _profile(i, entry, arrays) for i, entry in enumerate(header["columns"])}
    except Exception as error:  # zip, json, numpy and arrow each have errors of their own for damaged bytes
        raise BadInputError(f"{uri} is not a drift profile: {type(error).__name__}: {error}") from error
    if header["format"] not in (FORMAT, *_OLDER_FORMATS):
        raise BadInputError(f"{uri} is a {header['format']!r}; this version reads {FORMAT!r}")
    return ProfiledDataset(uri=uri, schema=schema, rows=header["rows"], profiles=profiles)


def _profile(i: int, entry: Mapping[str, Any], arrays: Any) -> NumericProfile | LevelProfile:
    if entry["numeric"]:
        low, high = arrays[f"ends{i}"].tolist()
        levels = entry.get("levels")
        sizes = {"rows": entry["rows"], "missing": entry["missing"]}
        return NumericProfile(
            rows=entry["rows"],
            missing=entry["missing"],
            edges=arrays[f"edges{i}"],
            below=arrays[f"below{i}"],
            minimum=low,
            maximum=high,
            infinite=entry.get("infinite", 0),
            rises=entry.get("rises", 0),
            levels=None if levels is None else LevelProfile(**levels, **sizes),
        )
    return LevelProfile(**{key: value for key, value in entry.items() if key not in ("column", "numeric")})


def merge_profiles(parts: Sequence[ProfiledDataset], *, uri: str) -> ProfiledDataset:
    """Merge the profiles of several parts of one dataset, such as files or days.

    :param parts: profiles with the same edges, in the order of the rows, at least one.
    :param uri: name of the merged profile in messages.
    :raises BadInputError: when the parts do not hold the same columns or edges, or one withholds rare levels.
    """
    first = parts[0]
    for part in parts:
        if list(part.profiles) != list(first.profiles):
            raise BadInputError(f"{part.uri} and {first.uri} were not profiled over the same columns")
        _require_same_edges(first, part)
    merged = {name: _merged([part.profiles[name] for part in parts]) for name in first.profiles}
    return ProfiledDataset(
        uri=uri, schema=first.schema, rows=sum(part.rows for part in parts), profiles=cast("Profiles", merged)
    )


def _require_same_edges(first: ProfiledDataset, part: ProfiledDataset) -> None:
    for name, profile in part.profiles.items():
        other = first.profiles[name]
        if isinstance(profile, NumericProfile) != isinstance(other, NumericProfile):
            raise BadInputError(f"column {name!r} was counted by level in only one of {part.uri} and {first.uri}")
        levels = profile.levels if isinstance(profile, NumericProfile) else profile
        if levels is not None and levels.withheld:
            raise BadInputError(
                f"column {name!r} of {part.uri} withholds rare levels and cannot be merged; make it with 'shared' false"
            )
        if isinstance(profile, NumericProfile) and isinstance(other, NumericProfile):
            _require_equal_edges(name, profile.edges, other.edges, where=f"in {part.uri} than in {first.uri}")


def _require_equal_edges(name: str, one: Any, other: Any, *, where: str) -> None:
    if not np.array_equal(one, other):
        raise BadInputError(
            f"column {name!r} has other edges {where}; make one by 'edges' of the other, and both with 'shared' false"
        )


def _merged(profiles: Sequence[Any]) -> Any:
    total = profiles[0]
    for profile in profiles[1:]:
        total = total.merge(profile)
    return total


def shareable_profile(dataset: ProfiledDataset, *, min_count: int = MIN_SHARED_COUNT) -> ProfiledDataset:
    """Return a profile that may be shared when rows may not, without extreme values, rare levels and small cells.

    :param dataset: the full profile.
    :param min_count: smallest number of rows of a level or a cell.
    """
    shared: Profiles = {
        name: _without_small_cells(profile, min_count)
        if isinstance(profile, NumericProfile)
        else _without_rare_levels(profile, min_count)
        for name, profile in dataset.profiles.items()
    }
    return replace(dataset, profiles=shared)


def _without_small_cells(profile: NumericProfile, min_count: int) -> NumericProfile:
    """Return the profile without the edges that would show cells of fewer than ``min_count`` values.

    An empty cell may remain beside an atom of at least ``min_count`` values. So flags and constants can still be
    compared value by value, and no cell has between 1 and ``min_count - 1`` values.
    """
    shared = profile.atoms & (profile.counts >= min_count)
    kept, last = [], 0
    for i, below in enumerate(profile.below.tolist()):
        # Edge i is the end of cell i and the start of cell i + 1.
        before, after = below - last, profile.values - below
        if (before >= min_count or (not before and shared[i + 1])) and (
            after >= min_count or (not after and shared[i])
        ):
            kept.append(i)
            last = below
    levels = (
        _without_rare_levels(profile.levels, min_count) if profile.is_coded and profile.levels is not None else None
    )
    coarse = replace(profile, edges=profile.edges[kept], below=profile.below[kept], minimum=np.nan, maximum=np.nan)
    return replace(coarse, levels=levels)


def _without_rare_levels(profile: LevelProfile, min_count: int) -> LevelProfile:
    counts = {level: count for level, count in profile.counts.items() if count >= min_count}
    withheld = profile.withheld + sum(profile.counts.values()) - sum(counts.values())
    return replace(profile, counts=counts, withheld=withheld, single=profile.singles)
