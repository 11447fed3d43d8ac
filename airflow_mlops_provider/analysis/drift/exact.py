"""Compute distances exactly, one column at a time, for the few columns whose intervals do not decide the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.drift.arrays import sorted_values
from airflow_mlops_provider.analysis.drift.columns import Plan, Rows
from airflow_mlops_provider.analysis.drift.comparison import QUANTILES, numeric_statement
from airflow_mlops_provider.analysis.drift.effective_sample_size import Weights
from airflow_mlops_provider.analysis.drift.profile import NumericProfile
from airflow_mlops_provider.analysis.drift.tolerance import robust_distance
from airflow_mlops_provider.analysis.stats.distances import ks_distance, ks_distance_beyond, wasserstein
from airflow_mlops_provider.analysis.stats.two_sample import ks_p_value
from airflow_mlops_provider.records.reports.drift import ColumnDrift, Measure, Shift

Floats = NDArray[np.float64]


def read_sorted(rows: Rows, column: str, *, role: str) -> Floats:
    """Read all values of one column, sorted, without missing ones.

    :param rows: the dataset.
    :param column: name of the column.
    :param role: ``reference`` or ``current``, for errors.
    :raises BadInputError: when a value is infinite.
    """
    batches = [batch.column(0) for batch in rows.batches([column])]
    data = pa.chunked_array(batches, type=rows.schema.field(column).type)
    return sorted_values(data, where=f"{role} {rows.uri}: column {column!r}")


def may_change_verdict(
    shift: Shift, *, limits: Sequence[float], levels: tuple[float, float], rows: tuple[float, float]
) -> bool:
    """Return whether the interval of a KS distance does not decide the verdict on it.

    :param shift: the shift of the KS distance, with intervals.
    :param limits: effect limits that the verdict compares it with.
    :param levels: the smallest and the largest level that Holm's correction may compare its p-value with.
    :param rows: effective sample sizes of both sides.
    """
    if spans_limit(shift, limits):
        return True
    smallest, largest = ks_p_value(shift.effect_high, *rows), shift.p_value
    return smallest <= levels[1] and largest > levels[0]


def spans_limit(shift: Shift, limits: Sequence[float]) -> bool:
    """Return whether one of the limits is inside the interval of the robust KS distance."""
    low, high = shift.robust, shift.robust_high
    return low is not None and high is not None and any(low < limit <= high for limit in limits)


def with_exact_statement(
    plan: Plan, drift: ColumnDrift, reference: NumericProfile, current: NumericProfile, rows: Rows
) -> ColumnDrift:
    """Return the column with its sentence made from the exact quantiles of the current batch.

    :param plan: plan of the column.
    :param drift: the measured column.
    :param reference: its profile in the reference.
    :param current: its profile in the current batch.
    :param rows: the current batch.
    """
    values = read_sorted(rows, plan.column, role="current")
    text = numeric_statement(plan, reference, current, np.quantile(values, QUANTILES))
    shifts = (replace(shift, statement=text) if shift.measure is Measure.KS_D else shift for shift in drift.shifts)
    return replace(drift, shifts=tuple(shifts))


def exact_column(
    drift: ColumnDrift, reference: Rows, current: Rows, weights: Weights, *, by: float, with_wasserstein: bool = False
) -> ColumnDrift:
    """Return the column with its KS distance computed from all values.

    :param drift: the measured column.
    :param reference: rows of the reference.
    :param current: rows of the current batch.
    :param weights: effective sample size per row of each side.
    :param by: tolerated move of a value, in the units of the values.
    :param with_wasserstein: whether to compute the Wasserstein distance too.
    """
    a = read_sorted(reference, drift.column, role="reference")
    b = read_sorted(current, drift.column, role="current")
    distance = ks_distance(a, b, presorted=True)
    robust = robust_distance(distance, ks_distance_beyond(a, b, by, presorted=True))
    p_value = ks_p_value(distance, a.size * weights.reference, b.size * weights.current)

    def with_exact_distance(shift: Shift) -> Shift:
        if shift.measure is not Measure.KS_D:
            return shift
        exact = replace(shift, effect=distance, effect_high=distance, robust=robust, robust_high=robust)
        return replace(exact, p_value=p_value, adjusted_p_value=p_value)

    drift = replace(drift, shifts=tuple(map(with_exact_distance, drift.shifts)))
    if not with_wasserstein:
        return drift
    # In standard deviations of the reference, but at least 0.001, as Evidently does.
    moved = wasserstein(a, b, presorted=True) / max(float(a.std()), 1e-3)
    return replace(drift, distances=drift.distances | {"wasserstein": moved})
