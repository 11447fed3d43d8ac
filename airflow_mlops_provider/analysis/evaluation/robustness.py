"""What a model's metric loses when one feature at a time is corrupted, as broken upstream jobs do it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from airflow_mlops_provider.analysis.evaluation.metrics import Metric, Predictions
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.reports.evaluation import Corruption, Damage

MAX_ROWS = 2000
"""More rows than this are sampled: a loss worth knowing shows in fewer."""

MAX_FEATURES = 50


def measure_robustness(
    answer: Callable[[pd.DataFrame], Predictions],
    frame: pd.DataFrame,
    features: Sequence[str],
    metric: Metric,
    *,
    seed: int = 0,
) -> tuple[Damage, ...]:
    """Shuffle each feature among the rows, then take it away, and measure again.

    :param answer: lets the model answer rows, against their truth.
    :param frame: the rows with features and truth.
    :param features: which columns to corrupt, one at a time; the first :data:`MAX_FEATURES`.
    :param seed: of the sampling and the shuffles.
    :returns: worst first; corruptions that the model refuses come before those that it takes.
    """
    rows = frame.sample(min(len(frame), MAX_ROWS), random_state=seed)
    clean = _measured(answer, rows, metric)
    if clean is None:
        return ()  # such as a sample with one class only
    found = []
    for feature in features[:MAX_FEATURES]:
        for corruption, damaged in _corrupted(rows, feature, seed):
            value = _measured(answer, damaged, metric)
            loss = None if value is None else metric.direction.sign * (clean - value)
            found.append(Damage(feature=feature, corruption=corruption, value=value, loss=loss))
    return tuple(sorted(found, key=lambda each: -np.inf if each.loss is None else -each.loss))


def _corrupted(rows: pd.DataFrame, feature: str, seed: int) -> Iterator[tuple[Corruption, pd.DataFrame]]:
    shuffled = rows[feature].sample(frac=1, random_state=seed).set_axis(rows.index)
    yield Corruption.SHUFFLED, rows.assign(**{feature: shuffled})
    is_number = pd.api.types.is_numeric_dtype(rows[feature]) and not pd.api.types.is_bool_dtype(rows[feature])
    yield Corruption.MISSING, rows.assign(**{feature: np.nan if is_number else None})


def _measured(answer: Callable[[pd.DataFrame], Predictions], rows: pd.DataFrame, metric: Metric) -> float | None:
    try:
        value = metric.of(answer(rows))
    except (BadInputError, ValueError, TypeError):
        return None  # the model refuses such rows, which is better than a wrong answer
    return value if np.isfinite(value) else None
