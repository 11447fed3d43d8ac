"""Compare slices in metrics that are not functions of sums, by the influence of each row."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.evaluation.metric import Floats, Metric, Predictions
from airflow_mlops_provider.analysis.stats.paired import by_group


class SliceValues(NamedTuple):
    """Slices compared with the rest of the rows, one entry a slice; NaN where the metric is undefined on a side.

    :ivar trials: rows of the slice.
    :ivar rest_trials: all other rows.
    :ivar values: the metric in the slice.
    :ivar errors: standard errors of ``values``.
    :ivar rest_values: the metric in the rest of the rows.
    :ivar p_values: one-sided, of the hypothesis that the slice is not worse.
    """

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


def influence_contrasts(
    metric: Metric, predictions: Predictions, members: Iterable[NDArray[np.bool_]], groups: NDArray[np.intp] | None
) -> SliceValues:
    """Test for each slice whether the metric is worse there than in the rest of the rows, one-sided.

    The metric is computed in the slice and in the rest; its variance follows from the influence of each row.

    :param metric: a metric whose sums are a first-order expansion.
    :param predictions: of all ``n`` rows.
    :param members: a mask of the rows of each slice, shape ``(n,)``.
    :param groups: group of each row, shape ``(n,)``; the rows of a group count as one unit, also where the group has
        rows both in the slice and outside. ``None`` when rows are independent.

    Source: the infinitesimal jackknife, Efron 1982.
    """
    rows = [_contrast(metric, predictions, inside, groups) for inside in members]
    return SliceValues(*np.array(rows, dtype=np.float64).reshape(-1, 6).T)


def _contrast(
    metric: Metric, predictions: Predictions, inside: NDArray[np.bool_], groups: NDArray[np.intp] | None
) -> tuple[float, ...]:
    slice_side, rest_side = (_side(metric, predictions, rows) for rows in (inside, ~inside))
    trials = float(inside.sum())
    gap = metric.direction.sign * (rest_side.value - slice_side.value)
    variance = slice_side.variance + rest_side.variance
    if groups is not None:
        influence = np.zeros(len(inside))
        influence[inside], influence[~inside] = slice_side.influence, -rest_side.influence
        variance = float((by_group(influence[:, None], groups) ** 2).sum())
    p = math.erfc(gap / math.sqrt(2 * variance)) / 2 if variance > 0 else 1.0 if gap <= 0 else np.nan
    return trials, len(inside) - trials, slice_side.value, math.sqrt(slice_side.variance), rest_side.value, p


def _side(metric: Metric, predictions: Predictions, rows: NDArray[np.bool_]) -> _Side:
    """Return the metric of the rows of one side, its variance, and the influence of each of these rows."""
    part, n = predictions.at(rows), int(rows.sum())
    if n < 2 or not metric.applies_to(part):
        return _Side(np.nan, 0.0, np.zeros(n))
    pseudo = metric.sums(part)[:, 1]
    value = float(pseudo.mean())
    influence = (pseudo - value) / n
    return _Side(value, float((influence**2).sum()), influence)
