"""Permutation importance on held-out rows (Breiman 2001; Fisher, Rudin & Dominici 2019)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from airflow_mlops_provider.analysis.training.cross_validation import FoldResult, answers, metrics_of
from airflow_mlops_provider.analysis.training.data import TrainingData
from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.records.reports.training import Importance

REPEATS = 3
MAX_ROWS = 5_000
"""Held-out rows a fold that are shuffled at most, and rows that the model is asked about in one call."""
MAX_ASKED = 1_000_000
"""Shuffled rows that the model is asked about in all; a wide table is judged on fewer rows, see :data:`MIN_ROWS`."""
MIN_ROWS = 50


def measure_importance(results: Sequence[FoldResult], data: TrainingData, spec: ModelSpec) -> tuple[Importance, ...]:
    """How much the deciding metric loses on each fold's held-out rows when one feature is shuffled.

    Features that say the same share their importance: each looks small. The work is bounded: at most
    :data:`MAX_ROWS` rows a fold, and fewer where there are so many features that :data:`MAX_ASKED` would be passed.

    :returns: one entry a feature, the largest mean loss first; empty when no fold can be judged.
    """
    rng = np.random.default_rng(spec.seed)
    rows = min(MAX_ROWS, max(MIN_ROWS, MAX_ASKED // max(1, len(results) * REPEATS * len(spec.features))))
    losses = [_losses(result, data, spec, rng, rows=rows) for result in results]
    found = [_importance(name, [fold[name] for fold in losses if fold]) for name in spec.features if any(losses)]
    return tuple(sorted(found, key=lambda each: -each.mean))


def _importance(feature: str, losses: list[list[float]]) -> Importance:
    return Importance(feature=feature, mean=float(np.mean(losses)), std=float(np.std(losses)))


def _losses(
    result: FoldResult, data: TrainingData, spec: ModelSpec, rng: np.random.Generator, *, rows: int
) -> dict[str, list[float]]:
    """Feature to one loss a repeat; empty when the fold cannot be judged."""
    metric = metrics_of(spec)[0]
    chosen = result.test if len(result.test) <= rows else rng.choice(result.test, rows, replace=False)
    held_out = data.at(chosen)
    whole = answers(result.estimator, held_out, spec, metric=metric)
    if not metric.applies_to(whole):
        return {}
    losses: dict[str, list[float]] = {name: [] for name in spec.features}
    tries = [name for name in spec.features for _ in range(REPEATS)]
    at_once = max(1, MAX_ROWS // len(chosen))  # a call costs more than its rows where rows are few
    for start in range(0, len(tries), at_once):
        names = tries[start : start + at_once]
        asked = answers(result.estimator, _shuffled(held_out, names, rng), spec, metric=metric)
        for i, name in enumerate(names):
            without = asked.at(np.arange(i * len(chosen), (i + 1) * len(chosen)))
            losses[name].append((metric.of(whole) - metric.of(without)) * metric.direction.sign)
    return losses


def _shuffled(held_out: TrainingData, names: Sequence[str], rng: np.random.Generator) -> TrainingData:
    """The rows once for each of ``names``, that feature shuffled; every column keeps its type."""
    frames = []
    for name in names:
        frame = held_out.features.copy(deep=False)
        frame[name] = frame[name].array.take(rng.permutation(len(frame)))
        frames.append(frame)
    return TrainingData(features=pd.concat(frames, ignore_index=True), target=pd.concat([held_out.target] * len(names)))
