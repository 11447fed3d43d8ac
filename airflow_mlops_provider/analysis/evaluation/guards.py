"""Measure the metrics that have limits of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from numpy.typing import ArrayLike

from airflow_mlops_provider.analysis.evaluation.comparison import measure_bounds
from airflow_mlops_provider.analysis.evaluation.metrics import Metric, Predictions
from airflow_mlops_provider.records.metric_limits import MetricLimits
from airflow_mlops_provider.records.reports.evaluation import GuardedMetric


def levels_of_guards(limits: Mapping[str, MetricLimits], alpha: float) -> list[float]:
    """Return the one-sided level at which a limit fails a candidate: ``alpha`` shared over all limits, if any."""
    count = sum((each.value_limit is not None) + (each.largest_loss is not None) for each in limits.values())
    return [alpha / count] if count else []


def measure_guards(
    candidate: Predictions,
    metrics: Iterable[Metric],
    limits: Mapping[str, MetricLimits],
    *,
    alphas: Sequence[float],
    groups: ArrayLike | None = None,
    seed: int = 0,
) -> tuple[GuardedMetric, ...]:
    """Measure each metric that has limits, with bounds at several levels.

    :param candidate: predictions of the candidate.
    :param metrics: those with limits.
    :param limits: by the name of the metric.
    :param alphas: one-sided levels of the bounds, in (0, 1).
    :param groups: group of each row, shape ``(n,)``; the rows of a group are resampled together.
    :param seed: seed of the bootstraps.
    :raises BadInputError: for a limit that means nothing for its metric, such as ``min`` of a loss.
    """
    found = []
    for metric in metrics:
        of_metric = limits[metric.name]
        of_metric.require_fit(metric.name, metric.direction)
        known = GuardedMetric(name=metric.name, direction=metric.direction, limits=of_metric)
        if metric.applies_to(candidate):
            bounds, method, units = measure_bounds(metric, candidate, alphas=alphas, groups=groups, seed=seed)
            known = replace(known, value=metric.of(candidate), bounds=bounds, method=method, units=units)
        found.append(known)
    return tuple(found)
