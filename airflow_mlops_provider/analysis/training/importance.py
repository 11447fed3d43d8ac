"""Permutation importance on held-out rows (Breiman 2001; Fisher, Rudin & Dominici 2019)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from airflow_mlops_provider.analysis.training.cross_validation import FoldResult, answers, metrics_of
from airflow_mlops_provider.analysis.training.data import TrainingData
from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.records.reports.training import Importance

REPEATS = 3
MAX_ROWS = 5_000


def measure_importance(results: Sequence[FoldResult], data: TrainingData, spec: ModelSpec) -> tuple[Importance, ...]:
    """How much the deciding metric loses on each fold's held-out rows when one feature is shuffled.

    At most :data:`MAX_ROWS` rows a fold are used. Features that say the same share their importance: each looks small.

    :returns: one entry a feature, the largest mean loss first; empty when no fold can be judged.
    """
    rng = np.random.default_rng(spec.seed)
    losses = [_losses(result, data, spec, rng) for result in results]
    found = [_importance(name, [fold[name] for fold in losses if fold]) for name in spec.features if any(losses)]
    return tuple(sorted(found, key=lambda each: -each.mean))


def _importance(feature: str, losses: list[list[float]]) -> Importance:
    return Importance(feature=feature, mean=float(np.mean(losses)), std=float(np.std(losses)))


def _losses(
    result: FoldResult, data: TrainingData, spec: ModelSpec, rng: np.random.Generator
) -> dict[str, list[float]]:
    """Feature to one loss a repeat; empty when the fold cannot be judged."""
    metric = metrics_of(spec)[0]
    rows = result.test if len(result.test) <= MAX_ROWS else rng.choice(result.test, MAX_ROWS, replace=False)
    held_out = data.at(rows)
    whole = answers(result.estimator, held_out, spec, metric=metric)
    if not metric.applies_to(whole):
        return {}
    losses: dict[str, list[float]] = {name: [] for name in spec.features}
    for name in spec.features:
        for _ in range(REPEATS):
            shuffled = held_out.features.copy()
            shuffled[name] = shuffled[name].to_numpy()[rng.permutation(len(shuffled))]
            rest = TrainingData(features=shuffled, target=held_out.target)
            without = answers(result.estimator, rest, spec, metric=metric)
            losses[name].append((metric.of(whole) - metric.of(without)) * metric.direction.sign)
    return losses
