"""Calibrate drift on the reference's own windows: how unusual is the current batch among the days of the reference?

The rows of one day are not independent. With columns such as weather or weekday, tests that count rows alarm on every
ordinary day. The differences between the days of the reference show which differences are ordinary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from airflow_mlops_provider.analysis.drift.columns import Plan, Rows
from airflow_mlops_provider.analysis.drift.profile import LevelProfile, NumericProfile
from airflow_mlops_provider.analysis.drift.scan import Profiles
from airflow_mlops_provider.analysis.drift.tolerance import robust_spread
from airflow_mlops_provider.analysis.drift.window_counts import CELLS, Cells, WindowCounts, count_windows
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.reports.drift import WindowDrift

Floats = NDArray[np.float64]

MIN_WINDOWS = 30
"""Smallest number of windows; with fewer, even the smallest possible p-value is too large for an alarm."""
MAX_DEVIATIONS = 20.0
"""Robust standard deviations from the median at which values are cut off, so that an outlier does not hide a shift."""
MIN_SPREAD = 0.005
"""Smallest standard deviation of a column's effects over the windows, which avoids a division by zero."""
WINDOW_LEVEL = 0.05
"""Share of the windows that count as unusual."""
MISSING = " (missing)"
"""Suffix to a column's name for the effect on its share of missing values."""
UNSEEN = " (unseen)"
"""Suffix to a column's name for its share of values with a level that no other window has."""


def count_reference(reference: Rows, cells: Mapping[str, Cells], column: str) -> WindowCounts:
    """Count every column of the reference by window.

    :param reference: rows of the reference.
    :param cells: column to its cells.
    :param column: column of the window of each row.
    :raises BadInputError: when the reference lacks the column, or the column has too many values.
    """
    if column not in reference.columns:
        raise BadInputError(
            f"reference {reference.uri} has no column {column!r}; it has {', '.join(reference.columns)}"
        )
    return count_windows(reference, cells, column)


def too_few(windows: int) -> str:
    """Return the sentence that there are too few windows."""
    return f"only {windows} windows in the reference, {MIN_WINDOWS} are needed to calibrate"


def cells_of(plans: Sequence[Plan], profiles: Profiles) -> dict[str, Cells]:
    """Return the cells of every column."""
    return {plan.column: cells_of_column(profiles[plan.column]) for plan in plans}


def compare_windows(column: str, cells: Mapping[str, Cells], windows: WindowCounts, batch: WindowCounts) -> WindowDrift:
    """Compare a batch with the windows of the reference, as one more window.

    Each window, the current batch included, is compared with all others together. There are four effects: the
    Wasserstein distance of numbers in robust standard deviations, the Jensen-Shannon distance of levels, the change of
    the share of missing values, and the share of values with a level that no other window has. Each effect is
    standardised by its median and standard deviation over the windows. The score of a window is its largest
    standardised effect. The p-value is the rank of the current score:
    ``(1 + #{score >= current}) / (windows + 1)``.

    :param column: column of the window of each row; empty when each window has a profile of its own.
    :param cells: column to its cells.
    :param windows: counts of the windows.
    :param batch: counts of the batch, as of one window.

    Source: Phipson & Smyth 2010, "Permutation p-values should never be zero".
    """
    effects = {
        name: pair for each, cell in cells.items() for name, pair in _effects(each, cell, windows, batch).items()
    }
    return _window_drift(column, len(windows.labels), effects)


def cells_of_column(profile: object) -> Cells:
    """Return the cells of a column: for numbers, cut at quantiles of the reference and at distances beyond them."""
    if not isinstance(profile, NumericProfile):
        return _cells_of_levels(profile)
    if profile.is_coded or not profile.edges.size:
        return _cells_of_levels(profile.levels)
    middle, scale = profile.quantiles((0.5,))[0], robust_spread(profile) or 1.0
    kept = profile.edges[np.unique(np.linspace(0, profile.edges.size - 1, CELLS).astype(np.intp))]
    distances_from_middle = np.geomspace(1, MAX_DEVIATIONS, 12) * scale
    edges = np.unique(np.concatenate([kept, middle - distances_from_middle, middle + distances_from_middle]))
    return Cells(edges=edges[np.abs(edges - middle) <= MAX_DEVIATIONS * scale], scale=scale)


def _cells_of_levels(profile: object) -> Cells:
    """Return cells of the most frequent levels; the others share one, with what room is left for new ones."""
    if not isinstance(profile, LevelProfile):
        return Cells()
    frequent = sorted(profile.counts, key=lambda level: (-profile.counts[level], level))[:CELLS]
    # Levels that are counted in groups are no levels of rows.
    return Cells(levels={} if profile.grouped else {level: cell for cell, level in enumerate(frequent)})


Interval = tuple[Floats, Floats]
"""The smallest and the largest value that an effect may have, for each window; equal where it is known exactly."""


def _effects(name: str, cells: Cells, windows: WindowCounts, batch: WindowCounts) -> dict[str, Interval]:
    """Return the effects of one column for each window against all others together; the current batch is the last."""
    counts = np.vstack([windows.counts[name], batch.counts[name]])
    late = np.vstack([windows.latest(name), batch.latest(name)])
    rows = np.concatenate([windows.rows, batch.rows])
    missing = rows - counts.sum(axis=1)
    others = (missing.sum() - missing) / np.maximum(rows.sum() - rows, 1)
    rest = counts.sum(axis=0) - counts
    exact = distances(cells, counts, rest)
    moved = np.abs(missing / np.maximum(rows, 1) - others)
    effects = {
        name: (exact, exact) if np.array_equal(counts, late) else _wasserstein_interval(cells, counts, late),
        f"{name}{MISSING}": (moved, moved),
    }
    if cells.edges is None:
        unseen = np.where(rest == 0, counts, 0).sum(axis=1) / np.maximum(rows, 1)
        effects[f"{name}{UNSEEN}"] = unseen, unseen
    return effects


def distances(cells: Cells, windows: Floats, others: Floats) -> Floats:
    """Return the distance of each window's counts from those of the others, shape ``(windows,)``.

    It is the Wasserstein distance in units of the scale when there are edges, else the Jensen-Shannon distance. The
    distance of a window without any value is 1.

    :param cells: the cells of the column.
    :param windows: counts of each window, shape ``(windows, cells)``.
    :param others: counts to compare with, shape ``(windows, cells)`` or ``(1, cells)``.
    """
    sums = windows.sum(axis=1, keepdims=True), others.sum(axis=1, keepdims=True)
    p, q = windows / np.maximum(sums[0], 1), others / np.maximum(sums[1], 1)
    found = _wasserstein(cells, p, q) if cells.edges is not None else _jensen_shannon(p, q)
    return np.where((sums[0] * sums[1])[:, 0] > 0, found, 1.0)


def _wasserstein(cells: Cells, p: Floats, q: Floats) -> Floats:
    """Return the area between the distribution functions, which are interpolated linearly between the edges."""
    assert cells.edges is not None  # noqa: S101  # for the type checker; the caller has checked
    return _area(cells, np.abs(np.cumsum(p - q, axis=1))[:, :-1])


def _area(cells: Cells, gaps: Floats) -> Floats:
    assert cells.edges is not None  # noqa: S101  # for the type checker; the callers have checked
    if cells.edges.size < 2:
        return np.asarray(gaps.max(axis=1, initial=0.0))
    return np.asarray(((gaps[:, 1:] + gaps[:, :-1]) / 2) @ np.diff(cells.edges) / cells.scale)


def _wasserstein_interval(cells: Cells, early: Floats, late: Floats) -> Interval:
    """Return the smallest and the largest distance of each window from the others.

    :param early: counts with every value in the first cell that it may be in, shape ``(windows, cells)``.
    :param late: the same with the last cell.
    """
    own_high, own_low = _cumulative(early), _cumulative(late)
    others_high, others_low = _cumulative(early.sum(axis=0) - early), _cumulative(late.sum(axis=0) - late)
    ends = own_low - others_high, own_high - others_low
    least = np.maximum(0.0, np.maximum(ends[0], -ends[1]))
    found = _area(cells, least), _area(cells, np.maximum(-ends[0], ends[1]))
    sums = early.sum(axis=1)
    is_known = (sums > 0) & (sums.sum() > sums)
    return np.where(is_known, found[0], 1.0), np.where(is_known, found[1], 1.0)


def _cumulative(counts: Floats) -> Floats:
    """Return the share of values below each edge, shape ``(windows, edges)``."""
    return np.asarray(np.cumsum(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), axis=1)[:, :-1])


def _jensen_shannon(p: Floats, q: Floats) -> Floats:
    middle = (p + q) / 2
    divergence = (special.rel_entr(p, middle) + special.rel_entr(q, middle)).sum(axis=1) / (2 * np.log(2))
    return np.asarray(np.sqrt(np.clip(divergence, 0, 1)))


def _window_drift(column: str, windows: int, effects: Mapping[str, Interval]) -> WindowDrift:
    names = list(effects)
    low, high = (np.column_stack([effects[name][end] for name in names]) for end in (0, 1))
    found = (low + high) / 2
    # The current batch is standardised as one of the windows. By the others alone, its score would be too high.
    middle, spread = np.median(found, axis=0), np.maximum(found.std(axis=0, ddof=1), MIN_SPREAD)
    scores_of_effects = (found - middle) / spread
    scores, standardised = scores_of_effects[:-1].max(axis=1), scores_of_effects[-1]
    order = np.argsort(-standardised, kind="stable")
    score = float(standardised[order[0]])
    # This many windows may score higher than a window that is unusual.
    allowed = int(WINDOW_LEVEL * (windows + 1)) - 1
    p_values = (None, None) if np.array_equal(low, high) else _p_values(low, high)
    return WindowDrift(
        column=column,
        windows=windows,
        score=score,
        p_value=float(1 + (scores >= score).sum()) / (windows + 1),
        worst_column=names[order[0]],
        standardised={names[i]: round(float(standardised[i]), 6) for i in order},
        alarm_score=float(np.sort(scores)[::-1][allowed]),
        p_value_low=p_values[0],
        p_value_high=p_values[1],
    )


def _p_values(low: Floats, high: Floats) -> tuple[float, float]:
    """Return the smallest and the largest p-value that the intervals of the effects allow.

    A median lies between those of the ends. A standard deviation differs from that of the middles by at most that of
    the distances from them.

    :param low: smallest effects, shape ``(windows, effects)``; the current batch is the last window.
    :param high: largest effects.
    """
    ends = np.median(low, axis=0), np.median(high, axis=0)
    spread = ((low + high) / 2).std(axis=0, ddof=1)
    off = np.linalg.norm((high - low) / 2, axis=0) / np.sqrt(low.shape[0] - 1)
    narrow, wide = np.maximum(spread - off, MIN_SPREAD), np.maximum(spread + off, MIN_SPREAD)
    least, most = low - ends[1], high - ends[0]
    lows = (least / np.where(least > 0, wide, narrow)).max(axis=1)
    highs = (most / np.where(most > 0, narrow, wide)).max(axis=1)
    count = low.shape[0]
    return float(1 + (lows[:-1] >= highs[-1]).sum()) / count, float(1 + (highs[:-1] >= lows[-1]).sum()) / count
