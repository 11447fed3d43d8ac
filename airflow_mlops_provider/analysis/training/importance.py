"""Permutation importance on held-out rows (Breiman 2001; Fisher, Rudin & Dominici 2019)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from airflow_mlops_provider.analysis.evaluation.declared_metrics import metric_of
from airflow_mlops_provider.analysis.training.cross_validation import FoldResult, predictions_of
from airflow_mlops_provider.analysis.training.data import TrainingData
from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.records.reports.training import Importance

REPEATS = 3
"""Shuffles of each feature in each fold."""
MAX_ROWS = 5_000
"""Test rows of a fold that are used at most, and rows of one prediction call at most."""
MAX_SHUFFLED_ROWS = 1_000_000
"""Shuffled rows to predict in all; with many features, each fold uses fewer rows, but at least :data:`MIN_ROWS`."""
MIN_ROWS = 50
"""Test rows of a fold that are used at least."""


def measure_importance(results: Sequence[FoldResult], data: TrainingData, spec: ModelSpec) -> tuple[Importance, ...]:
    """Measure how much the deciding metric gets worse on each fold's test rows when one feature is shuffled.

    Correlated features share their importance, so each of them looks unimportant. At most :data:`MAX_ROWS` test rows
    of a fold are used, and fewer when there are so many features that more than :data:`MAX_SHUFFLED_ROWS` rows would
    have to be predicted.

    :param results: the folds with their fitted estimators.
    :param data: the checked rows.
    :param spec: the declaration of the model.
    :returns: one entry a feature, the largest mean loss first; empty when the metric is not defined in any fold.
    """
    rng = np.random.default_rng(spec.seed)
    rows = min(MAX_ROWS, max(MIN_ROWS, MAX_SHUFFLED_ROWS // max(1, len(results) * REPEATS * len(spec.features))))
    losses = [_losses(result, data, spec, rng, rows=rows) for result in results]
    found = [_importance(name, [fold[name] for fold in losses if fold]) for name in spec.features if any(losses)]
    return tuple(sorted(found, key=lambda each: -each.mean))


def _importance(feature: str, losses: list[list[float]]) -> Importance:
    return Importance(feature=feature, mean=float(np.mean(losses)), std=float(np.std(losses)))


def _losses(
    result: FoldResult, data: TrainingData, spec: ModelSpec, rng: np.random.Generator, *, rows: int
) -> dict[str, list[float]]:
    """Return the losses of each feature, one a repeat; empty when the metric is not defined in the fold."""
    metric = metric_of(spec)
    chosen = result.test if len(result.test) <= rows else rng.choice(result.test, rows, replace=False)
    held_out = data.at(chosen)
    intact = predictions_of(result.estimator, held_out, spec, metric=metric)
    if not metric.applies_to(intact):
        return {}
    losses: dict[str, list[float]] = {name: [] for name in spec.features}
    repeats = [name for name in spec.features for _ in range(REPEATS)]
    at_once = max(1, MAX_ROWS // len(chosen))  # several features a call, because a call on few rows is slow
    for start in range(0, len(repeats), at_once):
        names = repeats[start : start + at_once]
        predictions = predictions_of(result.estimator, _shuffled(held_out, names, rng), spec, metric=metric)
        for i, name in enumerate(names):
            shuffled = predictions.at(np.arange(i * len(chosen), (i + 1) * len(chosen)))
            losses[name].append((metric.of(intact) - metric.of(shuffled)) * metric.direction.sign)
    return losses


def _shuffled(held_out: TrainingData, names: Sequence[str], rng: np.random.Generator) -> TrainingData:
    """Return all rows once for each of ``names``, with that feature shuffled; columns keep their types."""
    frames = []
    for name in names:
        frame = held_out.features.copy(deep=False)
        frame[name] = frame[name].array.take(rng.permutation(len(frame)))
        frames.append(frame)
    return TrainingData(features=pd.concat(frames, ignore_index=True), target=pd.concat([held_out.target] * len(names)))
