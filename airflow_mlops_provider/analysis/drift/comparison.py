"""Compare one column with its reference, by tests and distances of the two profiles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.drift import descriptions
from airflow_mlops_provider.analysis.drift.aligned_levels import aligned_counts
from airflow_mlops_provider.analysis.drift.columns import Plan, ValueFormat, no_reference_values
from airflow_mlops_provider.analysis.drift.effective_sample_size import Weights
from airflow_mlops_provider.analysis.drift.profile import (
    GROUPS,
    MAX_LEVELS,
    LevelProfile,
    NumericProfile,
    ks_interval,
)
from airflow_mlops_provider.analysis.drift.shifts import missing_shift, shift, unseen_shift
from airflow_mlops_provider.analysis.drift.tolerance import ks_beyond_interval, robust_distance, tolerance_of
from airflow_mlops_provider.analysis.stats.distances import jensen_shannon, psi, total_variation
from airflow_mlops_provider.analysis.stats.two_sample import (
    chi_squared,
    ks_p_value,
    pool_rare,
)
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.reports.drift import ColumnDrift, ColumnKind, Measure, Problem, Shift

Floats = NDArray[np.float64]
Profile = NumericProfile | LevelProfile

MIN_VALUES = 20
"""Smallest number of values on each side for comparing the distributions of a column."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
DECILES = tuple(i / 10 for i in range(1, 10))
"""Quantiles of the reference at which numeric columns are cut for binned distances, as is usual for PSI."""


def compare(plan: Plan, reference: Profile, current: Profile, weights: Weights) -> ColumnDrift:
    """Compare one column by every test and distance that its two profiles allow.

    :param plan: plan of the column.
    :param reference: its profile in the reference.
    :param current: its profile in the current batch, with the same edges.
    :param weights: effective sample size per row of each side, for the tests; distances do not depend on it.
    :raises BadInputError: when one side was profiled as numbers and the other as levels.
    """
    found = _problem(plan, reference, current)
    if found is not None:
        return replace(_without_shifts(plan, plan.kind, reference, current), problem=found[0], statement=found[1])
    if isinstance(reference, NumericProfile) and isinstance(current, NumericProfile):
        as_levels = _as_levels(plan, reference, current)
        if as_levels is None:
            return _compare_numbers(plan, reference, current, weights)
        reference, current = as_levels
    if isinstance(reference, LevelProfile) and isinstance(current, LevelProfile):
        return _compare_levels(plan, reference, current, weights)
    raise BadInputError(
        f"column {plan.column!r} was profiled as numbers on one side and as levels on the other; profile it again"
    )


def _problem(plan: Plan, reference: Profile, current: Profile) -> tuple[Problem, str] | None:
    """Return why the values of a column cannot be compared, with a sentence; ``None`` when they can."""
    if not reference.values and not _infinite(reference):
        return Problem.REFERENCE_MISSING, no_reference_values(plan.column)
    for side, where in ((reference, "the reference"), (current, "the current batch")):
        if _infinite(side):
            count = f"{_infinite(side):,} of {side.rows:,} values of {where} are infinite"
            return Problem.INFINITE, f"{plan.column}: {count}, from which no distance means anything"
    if not current.values:
        return Problem.ALL_MISSING, f"{plan.column}: every value is missing from the current batch"
    if not plan.is_declared and plan.kind is ColumnKind.NUMERIC and _are_keys(reference, current):
        return Problem.KEY, (
            f"{plan.column}: whole numbers that rise from row to row, as keys and times do, so it is not compared; "
            "'column_kinds' with \"numeric\" compares it"
        )
    return None


def _infinite(profile: Profile) -> int:
    return profile.infinite if isinstance(profile, NumericProfile) else 0


def _are_keys(reference: Profile, current: Profile) -> bool:
    """Return whether a column numbers its rows.

    It must rise from row to row on both sides. The current batch must also continue after the reference's largest
    value, or both sides must have few gaps.
    """
    if not (isinstance(reference, NumericProfile) and isinstance(current, NumericProfile)):
        return False
    if not (reference.rises_throughout and current.rises_throughout):
        return False
    return current.minimum > reference.maximum or (reference.is_dense and current.is_dense)


def lacks_levels(plan: Plan, reference: Profile, current: Profile) -> bool:
    """Return whether a column is to be compared by level and a profile of numbers does not tell its levels.

    Of rows this tells that a value is no whole number. In a profile, it may also be that there were too many of them.
    """
    if not isinstance(reference, NumericProfile) or not isinstance(current, NumericProfile):
        return False
    if not plan.is_by_level and (plan.is_declared or not reference.is_coded):
        return False
    return reference.levels is None or current.levels is None


def levels_unknown(plan: Plan, reference: Profile, current: Profile) -> ColumnDrift:
    """Return the column as one that a profile does not allow to compare."""
    statement = f"{plan.column}: compared by level, and a profile does not tell how often each level occurs"
    drift = _without_shifts(plan, plan.kind, reference, current)
    return replace(drift, problem=Problem.NOT_IN_PROFILE, statement=statement)


def _as_levels(
    plan: Plan, reference: NumericProfile, current: NumericProfile
) -> tuple[LevelProfile, LevelProfile] | None:
    """Return both sides as levels when the column holds codes, or at most two values; else ``None``."""
    if plan.kind is ColumnKind.TIME or (plan.is_declared and plan.kind is ColumnKind.NUMERIC):
        return None
    if (plan.is_by_level or reference.is_coded) and reference.levels is not None and current.levels is not None:
        return reference.levels, current.levels
    if not reference.is_two_level():
        return None
    # All cells with values are atoms, and the lower edge of an atom is its value.
    names = reference.edges[np.flatnonzero(reference.counts) - 1]
    return reference.as_levels(names), current.as_levels(names)


def _compare_numbers(plan: Plan, reference: NumericProfile, current: NumericProfile, weights: Weights) -> ColumnDrift:
    drift, shifts = (
        _without_shifts(plan, plan.kind, reference, current),
        [missing_shift(plan, reference, current, weights)],
    )
    if min(reference.values, current.values) < MIN_VALUES:
        return _too_few(drift, shifts)
    low, high = ks_interval(reference, current)
    change = numeric_statement(plan, reference, current, current.quantiles(QUANTILES))
    p_value = ks_p_value(low, reference.values * weights.reference, current.values * weights.current)
    beyond, beyond_high = ks_beyond_interval(reference, current, tolerance_of(reference))
    ks = shift(Measure.KS_D, low, p_value, change, high=high)
    ks = replace(ks, robust=robust_distance(low, beyond), robust_high=robust_distance(high, beyond_high))
    before, after = decile_table(reference, current)
    binned = chi_squared(before * weights.reference, after * weights.current).p_value
    return _measured(drift, [ks, *shifts], (before, after), binned)


def numeric_statement(plan: Plan, reference: NumericProfile, current: NumericProfile, after: Floats) -> str:
    """Return a sentence on how a numeric or time column changed.

    :param plan: plan of the column.
    :param reference: its profile in the reference.
    :param current: its profile in the current batch.
    :param after: its quantiles :data:`QUANTILES` in the current batch, shape ``(5,)``.
    """
    text, edges = FORMATTERS[plan.value_format], reference.edges
    change = descriptions.numeric_change(
        plan.column, reference.quantiles(QUANTILES), after, text, sensitive=plan.sensitive
    )
    if plan.sensitive:
        return change
    if not reference.knows_quantile(0.5):
        return f"{plan.column}: {descriptions.TOO_COARSE}"
    if not reference.edges.size:
        return change
    before, now = reference.counts / reference.values, current.counts / current.values
    below, above = float(now[0] - before[0]), float(now[-1] - before[-1])
    top = edges[-2] if reference.atoms[-2] else edges[-1]
    ends = (
        descriptions.format_distinct(edges[0], after[0], text)[0],
        descriptions.format_distinct(top, after[-1], text)[0],
    )
    return change + descriptions.outside_change((below, ends[0]), (above, ends[1]))


FORMATTERS: dict[ValueFormat, descriptions.Formatter] = {
    ValueFormat.NUMBER: descriptions.format_number,
    ValueFormat.TIMESTAMP: descriptions.format_timestamp,
    ValueFormat.TIME_OF_DAY: descriptions.format_time_of_day,
    ValueFormat.DURATION: descriptions.format_duration,
}
MAX_STATED_P_VALUE = 0.05
"""P-value above which the quantiles of a sentence need not be exact, because nobody reads it."""
MAX_CELL_SHARE = 0.02
"""Share of the current values in one cell above which a quantile in that cell is too inexact for a sentence."""


def has_inexact_quartiles(drift: ColumnDrift, current: NumericProfile) -> bool:
    """Return whether the quartiles of a column that moved are too inexact for its sentence.

    The edges are quantiles of the reference. Where the reference has few values, a cell may hold many current ones.
    """
    if all(shift.measure is not Measure.KS_D or shift.p_value > MAX_STATED_P_VALUE for shift in drift.shifts):
        return False
    cells = np.clip(np.searchsorted(current.cumulative, QUANTILES[1:4], side="left") - 1, 0, current.counts.size - 1)
    full = current.counts[cells] > MAX_CELL_SHARE * current.values
    return bool(np.any(full & ~current.atoms[cells]))


def decile_table(reference: NumericProfile, current: NumericProfile) -> tuple[Floats, Floats]:
    """Return the counts of both sides in cells cut at the edges next to the reference's deciles, shape ``(cells,)``."""
    if not reference.edges.size:
        return np.array([float(reference.values)]), np.array([float(current.values)])
    cumulative = reference.cumulative[1:-1]
    cuts = np.unique(np.clip(np.searchsorted(cumulative, DECILES), 0, cumulative.size - 1))

    def counts(profile: NumericProfile) -> Floats:
        return np.diff(np.concatenate([[0], profile.below[cuts], [profile.values]])).astype(np.float64)

    before, after = counts(reference), counts(current)
    occurs = before + after > 0
    return before[occurs], after[occurs]


def _compare_levels(plan: Plan, reference: LevelProfile, current: LevelProfile, weights: Weights) -> ColumnDrift:
    drift = _without_shifts(plan, ColumnKind.CATEGORICAL, reference, current)
    shifts = [missing_shift(plan, reference, current, weights)]
    if min(reference.values, current.values) < MIN_VALUES:
        return _too_few(drift, shifts)
    before, after, withheld = aligned_counts(reference, current)
    levels = sorted(before | after, reverse=True)
    table = (
        np.array([before.get(level, 0) for level in levels], dtype=np.float64),
        np.array([after.get(level, 0) for level in levels], dtype=np.float64),
    )
    shares = table[0] / table[0].sum(), table[1] / table[1].sum()
    grouped = reference.grouped or current.grouped
    moves = _largest_moves([descriptions.GROUP_OF_LEVELS] * len(levels) if grouped else levels, *shares)
    change = descriptions.level_changes(plan.column, moves, sensitive=plan.sensitive)
    # Rare levels are pooled as in the test, because chance differences of thousands of them add up.
    effective = table[0] * weights.reference, table[1] * weights.current
    cells = pool_rare(*effective)
    distance = total_variation(cells[0], cells[1]) if cells.shape[1] > 1 else 0.0
    p_value = chi_squared(*effective).p_value
    shifts = [
        shift(Measure.TVD, distance, p_value, change, high=min(1.0, distance + withheld)),
        *shifts,
        unseen_shift(plan, (before, after), (reference, current), weights),
    ]
    return replace(_measured(drift, shifts, table, p_value), statement=_grouping_note(plan, reference, current))


def _largest_moves(levels: list[str], before: Floats, after: Floats) -> list[tuple[str, float, float]]:
    """Return the level whose share changed most, and the one that changed most in the other direction.

    The second is left out when there are two levels, or when its change is small.
    """
    # The changes of two levels are equal only after rounding; the first of them, such as "1", is then returned.
    change = (after - before).round(12)
    first = int(np.abs(change).argmax())
    opposite = int((-np.sign(change[first]) * change).argmax())
    largest = (
        [first]
        if len(levels) < 3 or opposite == first or abs(change[opposite]) < abs(change[first]) / 4
        else [first, opposite]
    )
    return [(levels[i], float(before[i]), float(after[i])) for i in largest]


def _without_shifts(plan: Plan, kind: ColumnKind, reference: Profile, current: Profile) -> ColumnDrift:
    return ColumnDrift(
        column=plan.column,
        role=plan.role,
        kind=kind,
        reference_values=reference.values,
        current_values=current.values,
    )


def _too_few(drift: ColumnDrift, shifts: list[Shift]) -> ColumnDrift:
    statement = (
        f"{drift.column}: {drift.reference_values:,} values in the reference and {drift.current_values:,} now; "
        f"{MIN_VALUES} are needed to compare"
    )
    return replace(drift, shifts=tuple(shifts), problem=Problem.TOO_FEW_VALUES, statement=statement)


def _measured(drift: ColumnDrift, shifts: list[Shift], table: tuple[Floats, Floats], p_value: float) -> ColumnDrift:
    """Return the column with its shifts, and with the distances and the p-value that rules of a policy may name.

    :param table: counts of both sides in cells.
    :param p_value: p-value of the chi-squared test of these counts.
    """
    return replace(
        drift,
        shifts=tuple(shifts),
        distances={"psi": psi(*table), "jensen_shannon": jensen_shannon(*table)},
        p_values={"chi_squared": p_value},
    )


def _grouping_note(plan: Plan, reference: LevelProfile, current: LevelProfile) -> str:
    if not (reference.grouped or current.grouped):
        return ""
    return f"{plan.column}: more than {MAX_LEVELS:,} levels, compared in {GROUPS:,} groups of levels"
