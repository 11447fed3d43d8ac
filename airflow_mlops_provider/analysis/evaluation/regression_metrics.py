"""Metrics of regression."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.evaluation.metric import (
    Floats,
    Metric,
    Predictions,
    mean_of,
    mean_sums,
    predicted_of,
)
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.model_spec import Task

_UNLIMITED = (0.0, math.inf)


def _errors(p: Predictions) -> Floats:
    return np.asarray(predicted_of(p) - p.truth, dtype=np.float64)


def _r2_sums(p: Predictions) -> Floats:
    truth = p.truth - p.truth.mean()  # r2 does not depend on the origin; centred sums lose fewer digits
    return np.column_stack([np.ones(len(truth)), _errors(p) ** 2, truth, truth**2])


def _r2(sums: Floats) -> Floats:
    n, residual, first, second = sums.T
    total = second - first**2 / n
    return np.where(total > 0, 1 - residual / np.where(total > 0, total, 1), 0.0)


def _relative_errors(p: Predictions) -> Floats:
    """Return absolute errors relative to the true values; a true 0 counts as machine epsilon, as in scikit-learn."""
    size = np.maximum(np.abs(np.asarray(p.truth, dtype=np.float64)), np.finfo(np.float64).eps)
    return np.asarray(np.abs(_errors(p)) / size)


def _has_logarithms(p: Predictions) -> bool:
    return bool((p.truth > -1).all()) and bool((predicted_of(p) > -1).all())


def _log_errors(p: Predictions) -> Floats:
    return np.asarray(np.log1p(predicted_of(p)) - np.log1p(p.truth), dtype=np.float64)


def _median(truth: NDArray[np.float64]) -> float:
    return float(np.median(truth))


def median_pseudo_values(values: Floats) -> Floats:
    """Return the median plus each value's influence on it, shape ``(n,)``; the mean is the median.

    The influence needs the density at the median. It is estimated from the spacing of the values around the median,
    with Hall and Sheather's bandwidth (Koenker 2005, section 3.4).

    :param values: shape ``(n,)``, at least one.

    >>> float(median_pseudo_values(np.array([1.0, 2.0, 3.0, 4.0, 10.0])).mean())
    3.0
    """
    n, median = len(values), float(np.median(values))
    if n < 3:
        return np.full(n, median)
    normal = NormalDist()
    peak = 1.5 * normal.pdf(0.0) ** 2
    width = min(0.49, n ** (-1 / 3) * normal.inv_cdf(0.975) ** (2 / 3) * peak ** (1 / 3))
    low, high = np.quantile(values, [0.5 - width, 0.5 + width])
    influence = (high - low) / (2 * width) * (0.5 - (values < median) - 0.5 * (values == median))
    return np.asarray(median + influence - influence.mean())


def _absolute_error_pseudo_values(p: Predictions) -> Floats:
    return median_pseudo_values(np.abs(_errors(p)))


def pinball(percent: int) -> Metric:
    """Return the metric of the pinball loss of a predicted quantile (Koenker & Bassett 1978).

    :param percent: which quantile is predicted, in per cent, from 1 to 99. A prediction that is too low costs
        ``percent / 100`` per unit, one that is too high ``1 - percent / 100``.
    """
    share = percent / 100

    def losses(p: Predictions) -> Floats:
        missed = -_errors(p)
        return np.asarray(np.maximum(share * missed, (share - 1) * missed))

    return Metric(
        name=f"pinball_{percent}",
        direction=Direction.LOWER,
        limits=_UNLIMITED,
        task=Task.REGRESSION,
        sums=mean_sums(losses),
        value=mean_of,
        constant=lambda truth: float(np.quantile(truth, share)),
    )


REGRESSION_METRICS = (
    Metric(
        name="rmse",
        direction=Direction.LOWER,
        limits=_UNLIMITED,
        task=Task.REGRESSION,
        sums=mean_sums(lambda p: _errors(p) ** 2),
        value=lambda sums: np.sqrt(np.maximum(mean_of(sums), 0.0)),
    ),
    Metric(
        name="mae",
        direction=Direction.LOWER,
        limits=_UNLIMITED,
        task=Task.REGRESSION,
        constant=_median,
        sums=mean_sums(lambda p: np.abs(_errors(p))),
        value=mean_of,
    ),
    Metric(
        name="r2", direction=Direction.HIGHER, limits=(-math.inf, 1.0), task=Task.REGRESSION, sums=_r2_sums, value=_r2
    ),
    Metric(
        name="median_absolute_error",
        direction=Direction.LOWER,
        limits=_UNLIMITED,
        task=Task.REGRESSION,
        is_expansion=True,
        sums=mean_sums(_absolute_error_pseudo_values),
        value=mean_of,
        constant=_median,
    ),
    Metric(
        name="mape",
        direction=Direction.LOWER,
        limits=_UNLIMITED,
        task=Task.REGRESSION,
        sums=mean_sums(_relative_errors),
        value=mean_of,
        constant=_median,
    ),
    Metric(
        name="rmsle",
        direction=Direction.LOWER,
        limits=_UNLIMITED,
        task=Task.REGRESSION,
        is_defined=_has_logarithms,
        sums=mean_sums(lambda p: _log_errors(p) ** 2),
        value=lambda sums: np.sqrt(np.maximum(mean_of(sums), 0.0)),
        constant=lambda truth: float(np.expm1(np.log1p(truth).mean())),
    ),
)
"""Metrics of regression; the first is the default."""
