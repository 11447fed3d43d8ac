"""All metrics by name, and the dummy model that they are compared with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from airflow_mlops_provider.analysis.evaluation.classification_metrics import CLASS_METRICS, PROBABILITY_METRICS, RATES
from airflow_mlops_provider.analysis.evaluation.metric import Metric, Predictions, predicted_of, scores_of
from airflow_mlops_provider.analysis.evaluation.ranking_metrics import RANKING_METRICS, roc_pseudo_values
from airflow_mlops_provider.analysis.evaluation.regression_metrics import REGRESSION_METRICS, pinball
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.model_spec import Task

__all__ = [
    "METRICS",
    "SLICE_METRICS",
    "Metric",
    "Predictions",
    "find_metric",
    "majority_or_mean",
    "predicted_of",
    "roc_pseudo_values",
    "scores_of",
    "with_direction",
]

_PINBALL = re.compile(r"pinball_([1-9][0-9]?)")

METRICS: dict[str, Metric] = {
    metric.name: metric for metric in (*CLASS_METRICS, *RANKING_METRICS, *PROBABILITY_METRICS, *REGRESSION_METRICS)
}
"""All metrics by name; the first of a task is its default."""

SLICE_METRICS: dict[str, Metric] = METRICS | {metric.name: metric for metric in RATES}
"""The metrics that slices can be compared in: all metrics, and the rates that measure how a slice is treated."""


def find_metric(name: str, among: Mapping[str, Metric] | None = None) -> Metric:
    """Return the metric called ``name``.

    :param name: name of a metric, or ``pinball_1`` to ``pinball_99``.
    :param among: metrics by name; :data:`METRICS` by default.
    :raises BadInputError: when there is no such metric; the message lists the metrics.
    """
    known = METRICS if among is None else among
    quantile = _PINBALL.fullmatch(name)
    if quantile:
        return pinball(int(quantile[1]))
    if name not in known:
        raise BadInputError(f"metric {name!r} is unknown; metrics are {', '.join(known)}, pinball_1 to pinball_99")
    return known[name]


def with_direction(metric: Metric, direction: Direction | None) -> Metric:
    """Return the metric with ``direction`` as the better one.

    :param metric: one of the rates when its direction is to change.
    :param direction: whether higher or lower is better; ``None`` keeps the metric's direction.
    :raises BadInputError: when the direction is another and the metric is not a rate.
    """
    if direction is None or direction is metric.direction:
        return metric
    two_sided = [rate.name for rate in RATES]
    if metric.name not in two_sided:
        raise BadInputError(
            f"policy key 'direction' is {direction}, and {metric.name} is better {metric.direction}; "
            f"the rates that may be turned round are {', '.join(two_sided)}"
        )
    return replace(metric, direction=direction)


def majority_or_mean(predictions: Predictions, metric: Metric) -> Predictions:
    """Return the predictions of the dummy model for the same rows.

    It predicts the majority class with the shares of the classes as scores, or the best constant value of the metric.
    """
    truth = predictions.truth
    if predictions.task is Task.REGRESSION:
        return replace(predictions, predicted=np.full(len(truth), metric.constant(truth)))
    shares = np.bincount(truth, minlength=max(2, len(predictions.classes))) / len(truth)
    scores = np.full(len(truth), shares[1]) if predictions.is_binary else np.tile(shares, (len(truth), 1))

    def always(code: int) -> Predictions:
        return replace(predictions, predicted=np.full(len(truth), code), scores=scores, has_probabilities=True)

    if metric.best_constant:
        return max(map(always, range(len(predictions.classes))), key=lambda p: metric.direction.sign * metric.of(p))
    return always(int(shares.argmax()))
