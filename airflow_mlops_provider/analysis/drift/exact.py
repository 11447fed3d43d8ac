"""The exact path, one column at a time: for the few columns whose interval leaves the verdict open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.drift.arrays import sorted_values
from airflow_mlops_provider.analysis.drift.columns import Plan, Rows
from airflow_mlops_provider.analysis.drift.comparison import QUANTILES, numeric_words
from airflow_mlops_provider.analysis.drift.effective_sample_size import Weights
from airflow_mlops_provider.analysis.drift.profile import NumericProfile
from airflow_mlops_provider.analysis.drift.tolerance import robust
from airflow_mlops_provider.analysis.stats.distances import ks_distance, ks_distance_beyond, wasserstein
from airflow_mlops_provider.analysis.stats.two_sample import ks_p_value
from airflow_mlops_provider.records.reports.drift import ColumnDrift, Measure, Shift

Floats = NDArray[np.float64]


def read_sorted(rows: Rows, column: str, *, role: str) -> Floats:
    """All values of one column, sorted, without missing ones."""
    batches = [batch.column(0) for batch in rows.batches([column])]
    data = pa.chunked_array(batches, type=rows.schema.field(column).type)
    return sorted_values(data, where=f"{role} {rows.uri}: column {column!r}")


def is_open(shift: Shift, *, limits: Sequence[float], levels: tuple[float, float], rows: tuple[float, float]) -> bool:
    """Whether the interval of a KS distance leaves a judgement open.

    :param limits: effect floors that it will be held against.
    :param levels: the smallest and the largest p-value that may decide, whatever the other columns do.
    :param rows: what the values on either side are worth.
    """
    if is_undecided(shift, limits):
        return True
    smallest, largest = ks_p_value(shift.effect_high, *rows), shift.p_value
    return smallest <= levels[1] and largest > levels[0]


def is_undecided(shift: Shift, limits: Sequence[float]) -> bool:
    """Whether the intervals of a KS distance leave open if it reaches one of the limits."""
    low, high = shift.robust, shift.robust_high
    return low is not None and high is not None and any(low < limit <= high for limit in limits)


def exact_words(
    plan: Plan, drift: ColumnDrift, reference: NumericProfile, current: NumericProfile, rows: Rows
) -> ColumnDrift:
    """The same column with the current batch's quantiles, as it is told, computed from all its values.

    :param reference: its profile in the reference, which may be all that is known of it.
    :param current: its profile in the batch.
    :param rows: the batch.
    """
    values = read_sorted(rows, plan.column, role="current")
    told = numeric_words(plan, reference, current, np.quantile(values, QUANTILES))
    shifts = (replace(shift, statement=told) if shift.measure is Measure.KS_D else shift for shift in drift.shifts)
    return replace(drift, shifts=tuple(shifts))


def exact_column(
    drift: ColumnDrift, reference: Rows, current: Rows, weights: Weights, *, by: float, earth: bool = False
) -> ColumnDrift:
    """The same column with its KS distance computed from all values.

    :param by: how far a value may move for nothing, in the units of the values.
    :param earth: compute the Wasserstein distance too.
    """
    a = read_sorted(reference, drift.column, role="reference")
    b = read_sorted(current, drift.column, role="current")
    distance = ks_distance(a, b, presorted=True)
    counts = robust(distance, ks_distance_beyond(a, b, by, presorted=True))
    p_value = ks_p_value(distance, a.size * weights.reference, b.size * weights.current)

    def sharpened(shift: Shift) -> Shift:
        if shift.measure is not Measure.KS_D:
            return shift
        exact = replace(shift, effect=distance, effect_high=distance, robust=counts, robust_high=counts)
        return replace(exact, p_value=p_value, adjusted_p_value=p_value)

    drift = replace(drift, shifts=tuple(map(sharpened, drift.shifts)))
    if not earth:
        return drift
    # In standard deviations of the reference, as Evidently has it; a constant counts as a thousandth.
    moved = wasserstein(a, b, presorted=True) / max(float(a.std()), 1e-3)
    return replace(drift, distances=drift.distances | {"wasserstein": moved})
