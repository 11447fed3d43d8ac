"""Metrics that are no sums over rows, measured anew in every slice and in the rest of the rows."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.evaluation.metric import Floats, Metric, Predictions
from airflow_mlops_provider.analysis.stats.paired import by_group


class SliceValues(NamedTuple):
    """One entry a slice; NaN where the metric is not defined on a side."""

    trials: Floats
    rest_trials: Floats
    values: Floats
    errors: Floats
    rest_values: Floats
    p_values: Floats


class _Side(NamedTuple):
    value: float
    variance: float
    influence: Floats


def measured_anew(
    metric: Metric, predictions: Predictions, members: Iterable[NDArray[np.bool_]], groups: NDArray[np.intp] | None
) -> SliceValues:
    """Each slice's value against that of the rest, one-sided: is the slice worse?

    :param metric: one whose sums are a first-order expansion.
    :param members: for each slice, which rows belong to it, shape ``(n,)``.
    :param groups: group of each row; rows of one group then count as one unit, also across slice and rest.

    Source: the infinitesimal jackknife, Efron 1982.
    """
    rows = [_contrast(metric, predictions, inside, groups) for inside in members]
    return SliceValues(*np.array(rows, dtype=np.float64).reshape(-1, 6).T)


def _contrast(
    metric: Metric, predictions: Predictions, inside: NDArray[np.bool_], groups: NDArray[np.intp] | None
) -> tuple[float, ...]:
    ours, theirs = (_side(metric, predictions, rows) for rows in (inside, ~inside))
    trials = float(inside.sum())
    gap = metric.direction.sign * (theirs.value - ours.value)
    variance = ours.variance + theirs.variance
    if groups is not None:
        influence = np.zeros(len(inside))
        influence[inside], influence[~inside] = ours.influence, -theirs.influence
        variance = float((by_group(influence[:, None], groups) ** 2).sum())
    p = math.erfc(gap / math.sqrt(2 * variance)) / 2 if variance > 0 else 1.0 if gap <= 0 else np.nan
    return trials, len(inside) - trials, ours.value, math.sqrt(ours.variance), theirs.value, p


def _side(metric: Metric, predictions: Predictions, rows: NDArray[np.bool_]) -> _Side:
    """One side's value and what each of its rows adds to it."""
    part, n = predictions.at(rows), int(rows.sum())
    if n < 2 or not metric.applies_to(part):
        return _Side(np.nan, 0.0, np.zeros(n))
    pseudo = metric.sums(part)[:, 1]
    value = float(pseudo.mean())
    influence = (pseudo - value) / n
    return _Side(value, float((influence**2).sum()), influence)
