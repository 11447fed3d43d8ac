"""Profiles as bytes: kept for the next check, or shared in place of the rows they were made from."""

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
"""Says what a profile holds; one that is kept for the next check is made anew when this changes."""
_OLDER_FORMATS = ("airflow-mlops-provider drift profile 1",)
"""Formats that are read: they hold less, so their whole numbers are never taken for codes or keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfiledDataset:
    """A dataset of which only the profile is known.

    :param uri: where the profile, or the data it was made from, lies.
    :param schema: columns and types of the data.
    :param rows: number of rows.
    :param profiles: column to profile.
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
    """The profile as bytes; equal profiles give equal bytes of content."""
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
    """The inverse of :func:`encode_profile`.

    :param uri: what to call the profile in errors and messages.
    :raises BadInputError: when the bytes are no profile, or one of another version.
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
    """The profile of several parts of one dataset together: files, days, or what other tasks profiled.

    :raises BadInputError: when the parts do not hold the same columns.
    """
    first = parts[0]
    for part in parts:
        if list(part.profiles) != list(first.profiles):
            raise BadInputError(f"{part.uri} and {first.uri} were not profiled over the same columns")
    merged = {name: _merged([part.profiles[name] for part in parts]) for name in first.profiles}
    return ProfiledDataset(
        uri=uri, schema=first.schema, rows=sum(part.rows for part in parts), profiles=cast("Profiles", merged)
    )


def _merged(profiles: Sequence[Any]) -> Any:
    total = profiles[0]
    for profile in profiles[1:]:
        total = total.merge(profile)
    return total


def without_rows(dataset: ProfiledDataset, *, min_count: int = MIN_SHARED_COUNT) -> ProfiledDataset:
    """The profile to share when rows may not be: no extreme value, no level and no cell of fewer than ``min_count``.

    :param min_count: smallest number of rows that anything in it speaks of.
    """
    shared: Profiles = {
        name: _coarse(profile, min_count) if isinstance(profile, NumericProfile) else _common(profile, min_count)
        for name, profile in dataset.profiles.items()
    }
    return replace(dataset, profiles=shared)


def _coarse(profile: NumericProfile, min_count: int) -> NumericProfile:
    """Without the edges that cut off some values, but fewer than ``min_count``, from the edge before or from the end.

    No value at all may be cut off by the edges of a value that ``min_count`` rows share: flags and constants stay
    comparable value by value, and nothing is told of fewer rows.
    """
    shared = profile.atoms & (profile.counts >= min_count)
    kept, last = [], 0
    for i, below in enumerate(profile.below.tolist()):
        # Edge i ends cell i and begins cell i + 1.
        before, after = below - last, profile.values - below
        if (before >= min_count or (not before and shared[i + 1])) and (
            after >= min_count or (not after and shared[i])
        ):
            kept.append(i)
            last = below
    levels = _common(profile.levels, min_count) if profile.is_coded and profile.levels is not None else None
    coarse = replace(profile, edges=profile.edges[kept], below=profile.below[kept], minimum=np.nan, maximum=np.nan)
    return replace(coarse, levels=levels)


def _common(profile: LevelProfile, min_count: int) -> LevelProfile:
    counts = {level: count for level, count in profile.counts.items() if count >= min_count}
    withheld = profile.withheld + sum(profile.counts.values()) - sum(counts.values())
    return replace(profile, counts=counts, withheld=withheld, single=profile.singles)
