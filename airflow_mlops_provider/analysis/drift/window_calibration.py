"""Calibration on the reference's own windows: how unusual is this day among the days that the reference holds?

Rows of one day are not independent draws. With weather or weekday columns every test that counts rows alarms on every
ordinary day; the days themselves tell what ordinary is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from airflow_mlops_provider.analysis.drift.columns import Plan, Rows
from airflow_mlops_provider.analysis.drift.profile import NumericProfile
from airflow_mlops_provider.analysis.drift.scan import Profiles
from airflow_mlops_provider.analysis.drift.tolerance import spread_of
from airflow_mlops_provider.analysis.drift.window_counts import CELLS, Cells, WindowCounts, count_windows
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.reports.drift import WindowDrift

Floats = NDArray[np.float64]

MIN_WINDOWS = 30
"""Windows that a reference needs; with fewer, the smallest possible p-value is too large to alarm by."""
REACH = 20.0
"""Robust standard deviations from the median at which distance ends: one outlier must not hide a shift."""
MIN_SPREAD = 0.005
"""Smallest spread of a column's effects between windows, so that a column that never moved does not divide by zero."""
WINDOW_LEVEL = 0.05
"""Share of windows that count as out of the ordinary."""
MISSING = " (missing)"
"""What is added to a column's name for the effect on its share of missing values."""
UNSEEN = " (unseen)"
"""What is added to a column's name for its share of levels that no other window holds."""


def measure_windows(
    plans: Sequence[Plan], profiles: Profiles, reference: Rows, current: Rows, column: str
) -> tuple[WindowDrift | None, str]:
    """The current batch as one more window among those of the reference.

    Each window, the current batch among them, is compared with all others together: by Wasserstein distance in robust
    standard deviations for numbers, by Jensen-Shannon distance for levels, by the change of the missing share, and by
    the share of levels that no other window holds. Each effect is standardised by its median and standard deviation
    over the windows, a window's score is its largest standardised effect, and the p-value is the rank of the current
    score among the windows' own: ``(1 + #{score >= current}) / (windows + 1)``.

    :param plans: the columns to compare.
    :param profiles: of the reference.
    :param column: what tells windows apart.
    :returns: the measurement and an empty note, or nothing and why in words.
    :raises BadInputError: when the reference lacks the column, or it has too many values to be windows.

    Source: permutation p-value after Phipson & Smyth 2010.
    """
    if column not in reference.columns:
        raise BadInputError(
            f"reference {reference.uri} has no column {column!r}; it has {', '.join(reference.columns)}"
        )
    cells = {plan.column: cells_of(profiles[plan.column]) for plan in plans}
    windows = count_windows(reference, cells, column)
    if len(windows.labels) < MIN_WINDOWS:
        return None, f"only {len(windows.labels)} windows in the reference, {MIN_WINDOWS} are needed to calibrate"
    today = count_windows(current, cells, None)
    effects = {
        name: pair for plan in plans for name, pair in _effects(plan.column, cells[plan.column], windows, today).items()
    }
    return _ranked(column, len(windows.labels), effects), ""


def cells_of(profile: object) -> Cells:
    """Where the values of a column are cut: numbers at quantiles of the reference, and beyond them as far as counts."""
    if not isinstance(profile, NumericProfile) or not profile.edges.size or profile.is_coded:
        return Cells()
    middle, scale = profile.quantiles((0.5,))[0], spread_of(profile) or 1.0
    kept = profile.edges[np.unique(np.linspace(0, profile.edges.size - 1, CELLS).astype(np.intp))]
    far = np.geomspace(1, REACH, 12) * scale
    edges = np.unique(np.concatenate([kept, middle - far, middle + far]))
    return Cells(edges=edges[np.abs(edges - middle) <= REACH * scale], scale=scale)


def _effects(name: str, cells: Cells, windows: WindowCounts, today: WindowCounts) -> dict[str, Floats]:
    """Effect of each window, today the last of them, against all others together, of one column."""
    counts = np.vstack([windows.counts[name], today.counts[name]])
    rows = np.concatenate([windows.rows, today.rows])
    missing = rows - counts.sum(axis=1)
    others = (missing.sum() - missing) / np.maximum(rows.sum() - rows, 1)
    rest = counts.sum(axis=0) - counts
    effects = {
        name: distances(cells, counts, rest),
        f"{name}{MISSING}": np.abs(missing / np.maximum(rows, 1) - others),
    }
    if cells.edges is None:
        unseen = np.where(rest == 0, counts, 0).sum(axis=1)
        effects[f"{name}{UNSEEN}"] = unseen / np.maximum(rows, 1)
    return effects


def distances(cells: Cells, windows: Floats, others: Floats) -> Floats:
    """Distance of each window's counts from the others', by row; 1 for a window without any value.

    :param windows: counts, shape ``(windows, cells)``.
    :param others: counts, shape ``(windows, cells)`` or ``(1, cells)``.
    """
    sums = windows.sum(axis=1, keepdims=True), others.sum(axis=1, keepdims=True)
    p, q = windows / np.maximum(sums[0], 1), others / np.maximum(sums[1], 1)
    found = _wasserstein(cells, p, q) if cells.edges is not None else _jensen_shannon(p, q)
    return np.where((sums[0] * sums[1])[:, 0] > 0, found, 1.0)


def _wasserstein(cells: Cells, p: Floats, q: Floats) -> Floats:
    """The area between the distribution functions, which are known at the edges and taken as straight between them."""
    assert cells.edges is not None  # noqa: S101  # for the type checker; the caller looked
    gaps = np.abs(np.cumsum(p - q, axis=1))[:, :-1]
    if cells.edges.size < 2:
        return np.asarray(gaps.max(axis=1, initial=0.0))
    return np.asarray(((gaps[:, 1:] + gaps[:, :-1]) / 2) @ np.diff(cells.edges) / cells.scale)


def _jensen_shannon(p: Floats, q: Floats) -> Floats:
    middle = (p + q) / 2
    divergence = (special.rel_entr(p, middle) + special.rel_entr(q, middle)).sum(axis=1) / (2 * np.log(2))
    return np.asarray(np.sqrt(np.clip(divergence, 0, 1)))


def _ranked(column: str, windows: int, effects: Mapping[str, Floats]) -> WindowDrift:
    names = list(effects)
    found = np.column_stack([effects[name] for name in names])
    # Today is one of the windows throughout: were it standardised by the others alone, it would score too high.
    middle, spread = np.median(found, axis=0), np.maximum(found.std(axis=0, ddof=1), MIN_SPREAD)
    every = (found - middle) / spread
    scores, standardised = every[:-1].max(axis=1), every[-1]
    order = np.argsort(-standardised, kind="stable")
    score = float(standardised[order[0]])
    # So many windows may score higher than one that is still out of the ordinary.
    allowed = int(WINDOW_LEVEL * (windows + 1)) - 1
    return WindowDrift(
        column=column,
        windows=windows,
        score=score,
        p_value=float(1 + (scores >= score).sum()) / (windows + 1),
        worst_column=names[order[0]],
        standardised={names[i]: round(float(standardised[i]), 6) for i in order},
        alarm_score=float(np.sort(scores)[::-1][allowed]),
    )
