"""Count every column by window from profiles, one of each window, in place of the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.drift.profile import LevelProfile, NumericProfile, grouped_counts
from airflow_mlops_provider.analysis.drift.scan import Profiles
from airflow_mlops_provider.analysis.drift.window_counts import Cells, WindowCounts
from airflow_mlops_provider.exceptions import BadInputError

Floats = NDArray[np.float64]


def count_profiles(windows: Mapping[str, Profiles], cells: Mapping[str, Cells], reference: Profiles) -> WindowCounts:
    """Count every column of ``cells`` by window, as :func:`~.window_counts.count_windows` counts rows.

    How many values lie below an edge of the cells follows exactly where the profile has that edge, else to an interval.

    :param windows: name of each window to its profiles.
    :param cells: column to its cells.
    :param reference: profiles of the reference, whose levels the windows are counted by.
    :raises BadInputError: when a window lacks a column, or does not tell its levels.
    """
    rows = np.array([next(iter(profiles.values())).rows for profiles in windows.values()], dtype=np.float64)
    counts: dict[str, Floats] = {}
    late: dict[str, Floats] = {}
    for name, cell in cells.items():
        found = [_profile_of(profiles, name, window) for window, profiles in windows.items()]
        if cell.edges is None:
            levels = [_levels(each, name, window) for each, window in zip(found, windows, strict=True)]
            counts[name] = _level_counts(levels, cell, is_grouped=_is_grouped([reference[name], *levels]))
            continue
        sides = [_numeric_counts(each, cell.edges, name) for each in found]
        counts[name], late[name] = (np.vstack(each) for each in zip(*sides, strict=True))
    return WindowCounts(labels=tuple(windows), rows=rows, counts=counts, late=late)


def _profile_of(profiles: Profiles, name: str, window: str) -> NumericProfile | LevelProfile:
    if name not in profiles:
        raise BadInputError(f"the profile of window {window} has no column {name!r}")
    return profiles[name]


def _levels(profile: NumericProfile | LevelProfile, name: str, window: str) -> LevelProfile:
    found = profile if isinstance(profile, LevelProfile) else profile.levels
    if found is None:
        raise BadInputError(f"the profile of window {window} does not tell the levels of column {name!r}")
    return found


def _is_grouped(profiles: Sequence[NumericProfile | LevelProfile]) -> bool:
    return any(isinstance(profile, LevelProfile) and profile.grouped for profile in profiles)


def _level_counts(profiles: Sequence[LevelProfile], cells: Cells, *, is_grouped: bool) -> Floats:
    table = np.zeros((len(profiles), cells.size))
    for i, profile in enumerate(profiles):
        for level, count in (grouped_counts(profile.counts) if is_grouped else profile.counts).items():
            table[i, cells.number(level)] += count
    return table


def _numeric_counts(profile: NumericProfile | LevelProfile, edges: Floats, name: str) -> tuple[Floats, Floats]:
    """Return the counts of each cell with every value in the first, and in the last cell that it may be in."""
    if isinstance(profile, LevelProfile):
        raise BadInputError(f"column {name!r} was profiled as numbers in the reference and as levels in a window")
    below = np.concatenate([[0], profile.below, [profile.values]])
    at = np.searchsorted(profile.edges, edges, side="left")
    known = np.isin(edges, profile.edges)
    low, high = np.where(known, below[at + 1], below[at]), below[at + 1]
    # Withheld extremes are NaN, which compares as false.
    low, high = np.where(edges > profile.maximum, profile.values, low), np.where(edges <= profile.minimum, 0, high)

    def cells(counts: NDArray[np.int64]) -> Floats:
        return np.diff(np.concatenate([[0], counts, [profile.values]])).astype(np.float64)

    return cells(high), cells(low)
