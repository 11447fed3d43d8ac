"""Estimate a metric with its interval, and compare two models on the same rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from airflow_mlops_provider.analysis.evaluation.metrics import (
    METRICS,
    Metric,
    Predictions,
    predicted_of,
    scores_of,
)
from airflow_mlops_provider.analysis.stats.intervals import wilson
from airflow_mlops_provider.analysis.stats.paired import REPLICATES, bootstrap, by_group, delong, mcnemar_midp
from airflow_mlops_provider.records.reports.evaluation import Bound, Comparison, MetricEstimate

Floats = NDArray[np.float64]

_NORMAL = NormalDist()

ALPHAS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.0125, 0.05 / 3, 0.025, 0.05, 0.1)
"""One-sided levels whose bounds every comparison holds, so that a policy of another confidence can be applied later."""

MIN_TAIL_DRAWS = 20
"""With fewer draws beyond a percentile, it is not known well enough, and the bootstrap's standard error is used too."""


def estimate_all(
    predictions: Predictions,
    *,
    groups: ArrayLike | None = None,
    seed: int = 0,
    metrics: Iterable[Metric] = tuple(METRICS.values()),
) -> tuple[MetricEstimate, ...]:
    """Estimate every metric that applies to ``predictions``, with 95 % intervals.

    :param predictions: of one model.
    :param groups: group of each row, shape ``(n,)``; the rows of a group are resampled together.
    :param seed: seed of the bootstraps.
    :param metrics: the metrics to consider.
    """
    return tuple(estimate(m, predictions, groups=groups, seed=seed) for m in metrics if m.applies_to(predictions))


def estimate(
    metric: Metric, predictions: Predictions, *, groups: ArrayLike | None = None, seed: int = 0
) -> MetricEstimate:
    """Estimate one metric with its 95 % interval: Wilson's for a proportion, DeLong's for an area, else a bootstrap.

    :param metric: what to estimate.
    :param predictions: of one model.
    :param groups: group of each row, shape ``(n,)``; the rows of a group are resampled together.
    :param seed: seed of the bootstrap.

    Source: Wilson 1927; DeLong, DeLong & Clarke-Pearson 1988; percentile bootstrap, Efron 1979.
    """
    value, ratio = metric.of(predictions), metric.ratio
    if groups is None and ratio is not None and metric.is_proportion(predictions):
        sums = metric.sums(predictions).sum(axis=0)
        (low, high), method = wilson(sums[ratio[0]], sums[ratio[1]]), "wilson"
    elif groups is None and metric.name == "roc_auc" and predictions.is_binary:
        (low, high), method = _area_interval(predictions), "delong"
    else:
        draws = bootstrap(by_group(metric.sums(predictions), groups), metric.value, seed=seed)
        low, high = np.quantile(draws, [0.025, 0.975])
        method = _bootstrap_name(groups)
    # The percentiles of a skewed bootstrap may exclude the estimate, which would mislead a reader.
    low, high = min(float(low), value), max(float(high), value)
    return MetricEstimate(name=metric.name, value=value, low=low, high=high, direction=metric.direction, method=method)


def measure_bounds(
    metric: Metric,
    predictions: Predictions,
    *,
    alphas: Sequence[float] = (),
    groups: ArrayLike | None = None,
    seed: int = 0,
) -> tuple[tuple[Bound, ...], str, int]:
    """Return one-sided bounds of one metric at :data:`ALPHAS` and ``alphas``, their method and the units resampled.

    :param metric: what to bound.
    :param predictions: of one model.
    :param alphas: further one-sided levels, in (0, 1).
    :param groups: group of each row, shape ``(n,)``; the rows of a group are resampled together.
    :param seed: seed of the bootstrap.

    Source: as of :func:`estimate`; beyond the draws of a bootstrap, Student's t with its standard error.
    """
    levels, ratio, rows = sorted({*ALPHAS, *alphas}), metric.ratio, len(predictions.truth)
    if groups is None and ratio is not None and metric.is_proportion(predictions):
        sums = metric.sums(predictions).sum(axis=0)
        ends = [wilson(sums[ratio[0]], sums[ratio[1]], confidence=1 - 2 * alpha) for alpha in levels]
        return _bounds(levels, ends), "wilson", rows
    if groups is None and metric.name == "roc_auc" and predictions.is_binary:
        areas = [_area_interval(predictions, confidence=1 - 2 * alpha) for alpha in levels]
        return _bounds(levels, areas), "delong", rows
    units = by_group(metric.sums(predictions), groups)
    draws, value = bootstrap(units, metric.value, seed=seed), metric.of(predictions)
    bounds = tuple(_bound_of_draws(draws, value, alpha, len(units)) for alpha in levels)
    return bounds, _bootstrap_name(groups), len(units)


def _bounds(levels: Sequence[float], ends: Sequence[tuple[float, float]]) -> tuple[Bound, ...]:
    return tuple(
        Bound(alpha=alpha, lower=float(low), upper=float(high)) for alpha, (low, high) in zip(levels, ends, strict=True)
    )


def _area_interval(predictions: Predictions, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return DeLong's interval on the logit scale, which keeps it inside [0, 1]."""
    result = delong(predictions.truth == 1, scores_of(predictions)[:, None])
    area, error = float(result.areas[0]), float(np.sqrt(result.covariance[0, 0]))
    if not 0 < area < 1 or not error:
        return area, area
    half = _NORMAL.inv_cdf(0.5 + confidence / 2) * error / (area * (1 - area))
    middle = math.log(area / (1 - area))
    return 1 / (1 + math.exp(half - middle)), 1 / (1 + math.exp(-half - middle))


def compare(
    metric: Metric,
    candidate: Predictions,
    other: Predictions,
    *,
    name: str,
    alphas: Sequence[float] = (),
    groups: ArrayLike | None = None,
    seed: int = 0,
) -> Comparison:
    """Compare the candidate with another model on the same rows.

    :param metric: what to compare.
    :param candidate: predictions of the candidate.
    :param other: predictions of the other model on the same rows, in the same order.
    :param name: name of the other model in the report: ``champion`` or ``dummy``.
    :param alphas: one-sided levels of bounds besides :data:`ALPHAS`, in (0, 1).
    :param groups: group of each row, shape ``(n,)``; the rows of a group are resampled together.
    :param seed: seed of the bootstrap.
    :returns: the gain is positive when the candidate is better, whatever the metric's direction.

    Source: DeLong, DeLong & Clarke-Pearson 1988 for areas; paired percentile bootstrap, Efron 1979, else; p-value of
    accuracy by McNemar's mid-p, Fagerland, Lydersen & Laake 2013.
    """
    levels = sorted({*ALPHAS, *alphas})
    if groups is None and metric.name == "roc_auc" and candidate.is_binary:
        found, method = _by_delong(candidate, other, levels, against_constant=name == "dummy"), "delong"
    else:
        found = _by_bootstrap(metric, candidate, other, groups=groups, levels=levels, seed=seed)
        method = _bootstrap_name(groups)
        if min(alphas, default=1.0) * REPLICATES < MIN_TAIL_DRAWS:
            method += " with Student's t in the far tail"
        if metric.name == "accuracy" and groups is None:
            found, method = found._replace(p_value=_mcnemar(candidate, other)), f"{method}, mcnemar mid-p"
    return Comparison(other=name, metric=metric.name, method=method, rows=len(candidate.truth), **found._asdict())


class _Paired(NamedTuple):
    """The fields of a Comparison that depend on the method."""

    value: float
    other_value: float
    gain: float
    bounds: tuple[Bound, ...]
    p_value: float
    units: int


def _by_delong(
    candidate: Predictions, other: Predictions, levels: Sequence[float], *, against_constant: bool
) -> _Paired:
    positive, scores = candidate.truth == 1, scores_of(candidate)
    result = delong(positive, np.column_stack([scores, scores_of(other)]))
    value, other_value = map(float, result.areas)
    gain, contrast = value - other_value + 0.0, np.array([1.0, -1.0])
    error = float(np.sqrt(max(0.0, contrast @ result.covariance @ contrast)))
    p_value = math.erfc(gain / error / math.sqrt(2)) / 2 if error else float(gain <= 0)
    if against_constant:
        # Against constant scores the null distribution is known, and it holds for few rows; DeLong's does not.
        from scipy import stats

        found = stats.mannwhitneyu(scores[positive], scores[~positive], alternative="greater").pvalue
        p_value = float(found) if np.isfinite(found) else 1.0
    bounds = tuple(_normal_bound(gain, error, alpha) for alpha in levels)
    return _Paired(value, other_value, gain, bounds, p_value, len(positive))


def _normal_bound(gain: float, error: float, alpha: float) -> Bound:
    reach = -_NORMAL.inv_cdf(alpha) * error
    return Bound(alpha=alpha, lower=gain - reach, upper=gain + reach)


def _by_bootstrap(
    metric: Metric,
    candidate: Predictions,
    other: Predictions,
    *,
    groups: ArrayLike | None,
    levels: Sequence[float],
    seed: int,
) -> _Paired:
    candidate_terms, other_terms = metric.sums(candidate), metric.sums(other)
    width, sign = candidate_terms.shape[1], metric.direction.sign

    def both(sums: Floats) -> tuple[Floats, Floats]:
        return metric.value(sums[:, :width]), metric.value(sums[:, width:])

    def gains(sums: Floats) -> Floats:
        value, other_value = both(sums)
        return np.asarray(sign * (value - other_value))

    units = by_group(np.hstack([candidate_terms, other_terms]), groups)
    total = units.sum(axis=0, keepdims=True)
    draws = bootstrap(units, gains, seed=seed)
    value, other_value = (float(each[0]) for each in both(total))
    gain = sign * (value - other_value) + 0.0  # no minus before a zero
    bounds = tuple(_bound_of_draws(draws, gain, alpha, len(units)) for alpha in levels)
    return _Paired(value, other_value, gain, bounds, _p_value_of_draws(draws, gain, len(units)), len(units))


def _bound_of_draws(draws: Floats, gain: float, alpha: float, units: int) -> Bound:
    """Return percentiles of the draws, widened to those of Student's t where too few draws lie beyond them.

    :param units: number of units that were resampled; the degrees of freedom are one less.
    """
    lower, upper = map(float, np.quantile(draws, [alpha, 1 - alpha]))
    if alpha * len(draws) < MIN_TAIL_DRAWS:
        from scipy import special  # costs a fifth of a second to import

        reach = -float(special.stdtrit(max(1, units - 1), alpha)) * float(draws.std(ddof=1))
        lower, upper = min(lower, gain - reach), max(upper, gain + reach)
    return Bound(alpha=alpha, lower=lower + 0.0, upper=upper + 0.0)


def _p_value_of_draws(draws: Floats, gain: float, units: int) -> float:
    """Return the share of draws without a gain; when they are few, at least the p-value of Student's t."""
    without, error = int((draws <= 0).sum()), float(draws.std(ddof=1))
    if without >= MIN_TAIL_DRAWS or not error > 0:  # also true when the error is NaN
        return (1 + without) / (len(draws) + 1)
    from scipy import special

    return max(without / len(draws), float(special.stdtr(max(1, units - 1), -gain / error)))


def _mcnemar(candidate: Predictions, other: Predictions) -> float:
    candidate_correct, other_correct = predicted_of(candidate) == candidate.truth, predicted_of(other) == other.truth
    return mcnemar_midp(
        int(np.sum(candidate_correct & ~other_correct)), int(np.sum(~candidate_correct & other_correct))
    )


def _bootstrap_name(groups: ArrayLike | None) -> str:
    return "bootstrap" if groups is None else "group bootstrap"
