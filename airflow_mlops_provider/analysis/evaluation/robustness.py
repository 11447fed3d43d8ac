"""Measure how much a model's metric gets worse when one feature is corrupted, as a broken upstream job does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from airflow_mlops_provider.analysis.evaluation.metrics import Metric, Predictions
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.reports.evaluation import Corruption, Damage

MAX_ROWS = 2000
"""From more rows than this a sample is drawn, in which relevant losses still show."""

MAX_FEATURES = 50
"""Features that are corrupted at most."""


def measure_robustness(
    predict: Callable[[pd.DataFrame], Predictions],
    frame: pd.DataFrame,
    features: Sequence[str],
    metric: Metric,
    *,
    seed: int = 0,
) -> tuple[Damage, ...]:
    """Measure the metric with each feature shuffled among the rows, and with each feature missing.

    :param predict: returns the model's predictions for the rows of a frame, with their truth.
    :param frame: the rows with features and truth.
    :param features: columns to corrupt, one at a time; only the first :data:`MAX_FEATURES` are.
    :param metric: what to measure.
    :param seed: seed of the sampling and the shuffling.
    :returns: the largest loss first; corruptions that the model refuses come before all others. Empty when the metric
        cannot be measured without corruption.
    """
    rows = frame.sample(min(len(frame), MAX_ROWS), random_state=seed)
    clean = _measured(predict, rows, metric)
    if clean is None:
        return ()  # for example, a sample with one class only
    found = []
    for feature in features[:MAX_FEATURES]:
        for corruption, damaged in _corrupted(rows, feature, seed):
            value = _measured(predict, damaged, metric)
            loss = None if value is None else metric.direction.sign * (clean - value)
            found.append(Damage(feature=feature, corruption=corruption, value=value, loss=loss))
    return tuple(sorted(found, key=lambda each: -np.inf if each.loss is None else -each.loss))


def _corrupted(rows: pd.DataFrame, feature: str, seed: int) -> Iterator[tuple[Corruption, pd.DataFrame]]:
    shuffled = rows[feature].sample(frac=1, random_state=seed).set_axis(rows.index)
    yield Corruption.SHUFFLED, rows.assign(**{feature: shuffled})
    is_number = pd.api.types.is_numeric_dtype(rows[feature]) and not pd.api.types.is_bool_dtype(rows[feature])
    yield Corruption.MISSING, rows.assign(**{feature: np.nan if is_number else None})


def _measured(predict: Callable[[pd.DataFrame], Predictions], rows: pd.DataFrame, metric: Metric) -> float | None:
    try:
        value = metric.of(predict(rows))
    except (BadInputError, ValueError, TypeError):
        return None  # the model refuses such rows, which is better than a wrong prediction
    return value if np.isfinite(value) else None
