"""One column against its reference: the tests and distances, from sorted numbers or from counts of levels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.drift import words
from airflow_mlops_provider.analysis.drift.columns import Plan
from airflow_mlops_provider.analysis.drift.values import Levels, Numbers
from airflow_mlops_provider.analysis.stats.distances import jensen_shannon, ks_distance, psi, total_variation
from airflow_mlops_provider.analysis.stats.two_sample import chi_squared, ks_p_value, pool_rare, two_proportion
from airflow_mlops_provider.records.reports.drift import ColumnDrift, ColumnKind, Measure, Problem, Shift

Floats = NDArray[np.float64]

MIN_VALUES = 20
"""With fewer values than this on a side, a column's distribution is not judged."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
DECILES = np.arange(1, 10) / 10
"""Inner edges of the cells of binned distances of numeric columns: the reference's deciles, as is customary for PSI."""


def compare_numbers(plan: Plan, reference: Numbers, current: Numbers) -> ColumnDrift:
    """A numeric or time column: KS distance, missing share, binned distances."""
    a, b = reference.values, current.values
    shifts = [missing_shift(plan, reference, current)]
    if min(a.size, b.size) < MIN_VALUES:
        return _too_few(plan, plan.kind, reference, current, shifts)
    distance = ks_distance(a, b)
    change = words.numeric_change(
        plan.column,
        np.quantile(a, QUANTILES),
        np.quantile(b, QUANTILES),
        time=plan.kind is ColumnKind.TIME,
        sensitive=plan.sensitive,
    )
    edges = np.unique(np.quantile(a, DECILES))
    return _drift(
        plan,
        plan.kind,
        reference,
        current,
        [shift(Measure.KS_D, distance, ks_p_value(distance, a.size, b.size), change), *shifts],
        table=(cell_counts(a, edges), cell_counts(b, edges)),
    )


def cell_counts(values: Floats, edges: Floats) -> Floats:
    """How many of the sorted ``values`` lie in each cell between ``edges``; an edge belongs to the cell above it."""
    below = np.concatenate([[0], np.searchsorted(values, edges, side="left"), [values.size]])
    return np.diff(below).astype(np.float64)


def compare_levels(plan: Plan, reference: Levels, current: Levels) -> ColumnDrift:
    """A categorical column: total variation, unseen levels, missing share, distances of the shares."""
    n, m = reference.rows - reference.missing, current.rows - current.missing
    shifts = [missing_shift(plan, reference, current)]
    if min(n, m) < MIN_VALUES:
        return _too_few(plan, ColumnKind.CATEGORICAL, reference, current, shifts)
    levels = sorted(reference.counts | current.counts, reverse=True)
    table = (
        np.array([reference.counts.get(level, 0) for level in levels], dtype=np.float64),
        np.array([current.counts.get(level, 0) for level in levels], dtype=np.float64),
    )
    moved = int(np.abs(table[1] / m - table[0] / n).round(12).argmax())
    change = words.level_change(
        plan.column, levels[moved], table[0][moved] / n, table[1][moved] / m, sensitive=plan.sensitive
    )
    cells = pool_rare(*table)
    distance = total_variation(cells[0], cells[1]) if cells.shape[1] > 1 else 0.0
    shifts = [shift(Measure.TVD, distance, chi_squared(*table).p_value, change), *shifts]
    return _drift(
        plan, ColumnKind.CATEGORICAL, reference, current, [*shifts, unseen_shift(plan, reference, current)], table=table
    )


def unseen_shift(plan: Plan, reference: Levels, current: Levels) -> Shift:
    """The share of current values whose level the reference never held, beyond what its own rare levels lead to expect.

    Among the reference's own values, those whose level occurs once would be unseen by the others (Good 1953): for
    free text or identifiers that is most of them, for a short list of codes none. The two shares are compared.
    """
    n, m = reference.rows - reference.missing, current.rows - current.missing
    unseen = {level: count for level, count in current.counts.items() if level not in reference.counts}
    singles = sum(count == 1 for count in reference.counts.values())
    total = sum(unseen.values())
    examples = dict(sorted(unseen.items(), key=lambda item: -item[1])[:3])
    return shift(
        Measure.UNSEEN_SHARE,
        max(0.0, total / m - singles / n),
        two_proportion(total, m, singles, n, alternative="greater").p_value,
        words.unseen_levels(plan.column, total / m, singles / n, examples, sensitive=plan.sensitive),
    )


def missing_shift(plan: Plan, reference: Numbers | Levels, current: Numbers | Levels) -> Shift:
    """The change of the share of missing values, either way."""
    before, after = reference.missing / reference.rows, current.missing / current.rows
    return shift(
        Measure.MISSING_CHANGE,
        abs(after - before),
        two_proportion(reference.missing, reference.rows, current.missing, current.rows).p_value,
        words.missing_change(plan.column, before, after),
    )


def shift(measure: Measure, effect: float, p_value: float, statement: str) -> Shift:
    """An exactly known shift, not yet corrected for the others."""
    return Shift(
        measure=measure,
        effect=effect,
        effect_high=effect,
        p_value=p_value,
        adjusted_p_value=p_value,
        statement=statement,
    )


def all_missing(plan: Plan, reference: Numbers | Levels) -> ColumnDrift:
    """A column that lost every value."""
    return ColumnDrift(
        column=plan.column,
        role=plan.role,
        kind=plan.kind,
        reference_values=reference.rows - reference.missing,
        problem=Problem.ALL_MISSING,
        statement=f"{plan.column}: every value is missing from the current batch",
    )


def _too_few(
    plan: Plan, kind: ColumnKind, reference: Numbers | Levels, current: Numbers | Levels, shifts: list[Shift]
) -> ColumnDrift:
    n, m = reference.rows - reference.missing, current.rows - current.missing
    return ColumnDrift(
        column=plan.column,
        role=plan.role,
        kind=kind,
        reference_values=n,
        current_values=m,
        shifts=tuple(shifts),
        problem=Problem.TOO_FEW_VALUES,
        statement=f"{plan.column}: {n:,} values in the reference and {m:,} now; {MIN_VALUES} are needed to compare",
    )


def _drift(
    plan: Plan,
    kind: ColumnKind,
    reference: Numbers | Levels,
    current: Numbers | Levels,
    shifts: list[Shift],
    *,
    table: tuple[Floats, Floats],
) -> ColumnDrift:
    return ColumnDrift(
        column=plan.column,
        role=plan.role,
        kind=kind,
        reference_values=reference.rows - reference.missing,
        current_values=current.rows - current.missing,
        shifts=tuple(shifts),
        distances={"psi": psi(*table), "jensen_shannon": jensen_shannon(*table)},
        p_values={"chi_squared": chi_squared(*table).p_value},
    )
