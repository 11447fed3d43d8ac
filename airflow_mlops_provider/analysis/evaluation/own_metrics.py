"""Metrics that a model declares for itself: values of the cells of its confusion matrix, or a function."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

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
from airflow_mlops_provider.exceptions import BadInputError, error_of_user_code
from airflow_mlops_provider.records.metric_limits import Direction, Label
from airflow_mlops_provider.records.model_spec import Task

Cells = Mapping[Label, Mapping[Label, float]]


def metric_of_cells(name: str, cells: Cells, direction: Direction) -> Metric:
    """Return the metric whose value is the mean of what each row is worth, by its true and its predicted class.

    :param name: name of the metric.
    :param cells: true class to predicted class to the value of one such row. Classes are found by their text.
    :param direction: which way the value is better.
    :returns: a metric that raises ``BadInputError`` for a class that the cells do not know.
    """
    by_name = {str(true): {str(guess): float(value) for guess, value in row.items()} for true, row in cells.items()}

    def of_row(p: Predictions) -> Floats:
        worth = np.array([[_cell(name, by_name, true, guess) for guess in p.classes] for true in p.classes])
        if (p.truth < 0).any() or (predicted_of(p) < 0).any():
            raise BadInputError(f"metric {name!r}: the label or the prediction holds a class that is not known")
        return np.asarray(worth[p.truth, predicted_of(p)], dtype=np.float64)

    return _own(name, direction, Task.CLASSIFICATION, mean_sums(of_row))


def _own(name: str, direction: Direction, task: Task, sums: Callable[[Predictions], Floats]) -> Metric:
    return Metric(
        name=name,
        direction=direction,
        task=task,
        limits=(-math.inf, math.inf),
        sums=sums,
        value=mean_of,
        best_constant=task is Task.CLASSIFICATION,
    )


def _cell(name: str, cells: Mapping[str, Mapping[str, float]], true: Any, guess: Any) -> float:
    row = cells.get(str(true))
    if row is None or str(guess) not in row:
        raise BadInputError(f"metric {name!r}: 'cell_values' has no value for true class {true!s}, predicted {guess!s}")
    return row[str(guess)]


def metric_of_function(name: str, function: Callable[..., Any], direction: Direction, task: Task) -> Metric:
    """Return the metric that a function of the user computes.

    :param name: name of the metric.
    :param function: called with ``truth``, ``predicted`` and ``scores`` by name, each an array of one entry a row or
        ``None``. It returns one number a row, whose mean is the metric, or two, whose sums are divided.
    :param direction: which way the metric is better.
    :param task: of the model.
    :returns: a metric that raises ``BadInputError`` when the function returns something else.
    """

    def sums(p: Predictions) -> Floats:
        values = _call(name, function, p)
        return np.column_stack([np.ones(len(values)), values]) if values.ndim == 1 else values[:, ::-1]

    return _own(name, direction, task, sums)


def _call(name: str, function: Callable[..., Any], p: Predictions) -> Floats:
    asked = {"truth": _labels(p.truth, p), "predicted": _labels(p.predicted, p), "scores": p.scores}
    try:
        values = np.asarray(function(**asked), dtype=np.float64)
    except (Exception, SystemExit) as error:  # whatever the user's function raises
        raise error_of_user_code(f"metric {name!r} raises {type(error).__name__}: {error}", error) from error
    rows = len(p.truth)
    if values.shape not in ((rows,), (rows, 2)):
        raise BadInputError(
            f"metric {name!r} returned shape {values.shape} for {rows:,} rows; it must be one number a row, or two"
        )
    if not np.isfinite(values).all():
        raise BadInputError(f"metric {name!r} returned NaN or infinity for {int((~np.isfinite(values)).sum()):,} rows")
    return values


def _labels(codes: NDArray[Any] | None, p: Predictions) -> NDArray[Any] | None:
    """Return classes in place of their codes; values of a regression as they are."""
    if codes is None or p.task is Task.REGRESSION:
        return codes
    labels: NDArray[Any] = np.asarray([*p.classes, None], dtype=object)
    return np.take(labels, codes)
