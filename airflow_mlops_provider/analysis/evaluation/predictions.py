"""Make :class:`Predictions` from columns of a prediction table or from the output of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.evaluation.metrics import (
    METRICS,
    Metric,
    Predictions,
    find_metric,
)
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.model_spec import Task

if TYPE_CHECKING:
    import pandas as pd

MAX_CLASSES = 20
"""A numeric label holds classes when its values are whole numbers and at most this many are different."""

MAX_MEASURED_CLASSES = 1_000
"""Largest number of classes that is measured; a column with more of them is a key rather than a label."""

_SHOWN = 5

THRESHOLD = 0.5
"""A score of at least this is read as the positive class."""


@dataclass(frozen=True, kw_only=True)
class PredictionTable:
    """What was read from a prediction table.

    :param task: the given task, or the one that was recognised.
    :param metric: the given metric, or the default for the columns.
    :param models: the predictions of each column, in the order given.
    :param notes: sentences on how the columns were read.
    """

    task: Task
    metric: Metric
    models: tuple[Predictions, ...]
    notes: tuple[str, ...]


def read_prediction_table(
    frame: pd.DataFrame,
    *,
    label: str,
    columns: Sequence[str],
    metric: str | Metric | None = None,
    task: Task | None = None,
) -> PredictionTable:
    """Read the truth and the predictions of one or more models from columns of ``frame``.

    The metric decides whether a column holds scores or classes. ``roc_auc``, ``average_precision``, ``log_loss`` and
    ``brier`` take scores of the positive class, which is the larger of the two labels. The others take classes or, for
    regression, values.

    :param frame: one row for each prediction.
    :param label: column of the truth.
    :param columns: columns of the predictions, one a model.
    :param metric: the deciding metric. By default it is ``rmse`` for regression, ``roc_auc`` when every prediction
        column holds fractions and the label has two classes, otherwise ``accuracy``.
    :param task: by default classification for text, booleans, and up to :data:`MAX_CLASSES` different whole numbers.
    :raises BadInputError: on missing or infinite values, a wrong type or too few classes; names the column.
    """
    if frame.empty:
        raise BadInputError("the table of predictions has no rows")
    notes: list[str] = []
    if task is None:
        task = _metric(metric).task if metric else recognise_task(frame[label], label)
        source = f"metric {_metric(metric).name!r}" if metric else f"label column {label!r}"
        notes.append(f"task {task} was recognised from {source}")
    _require_no_missing(frame[label], label, "labels")
    for column in columns:
        _require_no_missing(frame[column], column, "predictions")
    if task is Task.REGRESSION:
        chosen = _metric_for(task, metric or "rmse")
        truth = _numbers(frame[label], label)
        models = tuple(Predictions(task=task, truth=truth, predicted=_numbers(frame[c], c)) for c in columns)
        return PredictionTable(task=task, metric=chosen, models=models, notes=tuple(notes))
    fractions = [_holds_fractions(frame[column]) for column in columns]
    two_classes = frame[label].nunique() == 2
    chosen = _metric_for(task, metric or ("roc_auc" if all(fractions) and two_classes else "accuracy"))
    models = tuple(_read_classes(frame, label, column, chosen, notes) for column in columns)
    return PredictionTable(task=task, metric=chosen, models=models, notes=tuple(notes))


def recognise_task(labels: pd.Series[Any], column: str) -> Task:
    """Return classification for text, booleans, categories and few different whole numbers, otherwise regression.

    :param labels: values of the label column; missing ones are ignored.
    :param column: name of the label column, for errors.
    :raises BadInputError: when every label is missing.
    """
    present = labels.dropna()
    if present.empty:
        raise BadInputError(f"label column {column!r} has no value at all")
    if not _types().is_numeric_dtype(present) or _types().is_bool_dtype(present):
        return Task.CLASSIFICATION
    whole = bool((present == np.floor(present)).all())
    return Task.CLASSIFICATION if whole and present.nunique() <= MAX_CLASSES else Task.REGRESSION


def from_model_output(
    task: Task,
    truth: pd.Series[Any],
    predicted: NDArray[Any],
    scores: NDArray[Any] | None,
    classes: Sequence[Any],
    *,
    has_probabilities: bool = True,
    is_sensitive: bool = False,
) -> Predictions:
    """Make predictions from the output of a model and the truth.

    :param task: classification or regression.
    :param truth: true labels or values, without missing ones, ``n`` rows.
    :param predicted: the model's classes or values, shape ``(n,)``.
    :param scores: scores of the positive class, shape ``(n,)``, or of each of ``classes``, shape ``(n, k)``; ``None``
        when the model has none.
    :param classes: the classes of the model in the order of its scores; empty for regression.
    :param has_probabilities: whether the scores are probabilities, and not values of a decision function.
    :param is_sensitive: whether messages must not show the classes.
    :raises BadInputError: when a true value is missing or not a number in a regression, or no true class is known to
        the model.
    """
    column = str(truth.name)
    _require_no_missing(truth, column, "labels")
    if task is Task.REGRESSION:
        return Predictions(task=task, truth=_numbers(truth, column), predicted=np.asarray(predicted, dtype=np.float64))
    labels = _as_array(truth)
    found = _unique(labels, column)
    unseen = [value for value in found if value not in set(classes)]
    if len(unseen) == len(found):
        shown = "" if is_sensitive else f" ({', '.join(map(repr, classes[:_SHOWN]))})"
        raise BadInputError(f"column {column!r} holds none of the classes that the model knows{shown}")
    known = (*classes, *unseen)
    codes = {value: code for code, value in enumerate(known)}
    if scores is not None and unseen:
        scores = _padded_scores(scores, len(unseen), has_probabilities=has_probabilities)
    return Predictions(
        task=task,
        truth=_class_codes(labels, codes),
        predicted=_class_codes(np.asarray(predicted), codes),
        scores=None if scores is None else np.asarray(scores, dtype=np.float64),
        classes=known,
        has_probabilities=has_probabilities,
    )


def _padded_scores(scores: NDArray[Any], more: int, *, has_probabilities: bool) -> NDArray[Any]:
    """Return scores of every class, with the smallest possible score for the last ``more`` classes.

    The model does not know these classes, so it has no scores for them.
    """
    if scores.ndim == 1:
        scores = np.column_stack([1 - scores if has_probabilities else -scores, scores])
    least = 0.0 if has_probabilities else float(scores.min()) - 1
    return np.column_stack([scores, np.full((len(scores), more), least)])


def _read_classes(frame: pd.DataFrame, label: str, column: str, metric: Metric, notes: list[str]) -> Predictions:
    labels = _as_array(frame[label])
    classes = _unique(labels, label)
    if metric.of_scores:
        return _from_scores(frame, label, column, metric)
    if len(classes) == 2 and _holds_fractions(frame[column]):
        note = f"column {column!r} holds fractions: {THRESHOLD} and above was read as class {classes[1]!r}"
        notes.extend([note] if note not in notes else [])
        return _from_scores(frame, label, column, METRICS["roc_auc"])
    answers = _as_array(frame[column])
    if (answers.dtype == object) != (labels.dtype == object):
        raise BadInputError(
            f"column {column!r} holds {frame[column].dtype} and label column {label!r} {frame[label].dtype}: "
            "predicted classes must be of the label's kind"
        )
    if answers.dtype.kind == "f" and labels.dtype.kind != "f" and bool((answers != np.floor(answers)).any()):
        held = "has one class only" if len(classes) == 1 else f"holds {labels.dtype}"
        raise BadInputError(f"column {column!r} holds fractions, which are no classes: label column {label!r} {held}")
    known = tuple(sorted({*classes, *_unique(answers, column)}))
    if len(known) > MAX_MEASURED_CLASSES:
        raise BadInputError(
            f"columns {label!r} and {column!r} hold {len(known):,} classes, "
            f"and at most {MAX_MEASURED_CLASSES:,} are measured"
        )
    codes = {value: code for code, value in enumerate(known)}
    return Predictions(
        task=Task.CLASSIFICATION,
        truth=_class_codes(labels, codes),
        predicted=_class_codes(answers, codes),
        classes=known,
    )


def _from_scores(frame: pd.DataFrame, label: str, column: str, metric: Metric) -> Predictions:
    scores, labels = _numbers(frame[column], column), _as_array(frame[label])
    classes = _unique(labels, label)
    if len(classes) != 2:
        held = "one class only" if len(classes) == 1 else f"{len(classes)} classes"
        raise BadInputError(f"label column {label!r} has {held}: {metric.name} of one score column needs two classes")
    probabilities = bool(((scores >= 0) & (scores <= 1)).all())
    if metric.needs_probabilities and not probabilities:
        raise BadInputError(f"column {column!r} holds values outside [0, 1]: {metric.name} needs probabilities")
    return Predictions(
        task=Task.CLASSIFICATION,
        truth=(labels == classes[1]).astype(np.intp),
        predicted=(scores >= THRESHOLD).astype(np.intp) if probabilities else None,
        scores=scores,
        classes=classes,
    )


def _metric(named: str | Metric) -> Metric:
    return find_metric(named) if isinstance(named, str) else named


def _metric_for(task: Task, named: str | Metric) -> Metric:
    metric = _metric(named)
    if metric.task is not task:
        raise BadInputError(f"metric {metric.name!r} is for {metric.task}, and the task is {task}")
    return metric


def _require_no_missing(values: pd.Series[Any], column: str, what: str) -> None:
    missing = int(values.isna().sum())
    if missing:
        raise BadInputError(f"column {column!r} has {missing:,} missing {what} of {len(values):,} rows")
    if values.dtype == object and isinstance(values.iloc[0], list | tuple | dict | np.ndarray):
        raise BadInputError(f"column {column!r} holds lists or mappings, which are no {what}")
    if _types().is_float_dtype(values):
        _numbers(values, column)


def _numbers(values: pd.Series[Any], column: str) -> NDArray[np.float64]:
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadInputError(f"column {column!r} holds {values.dtype}, and numbers are needed") from error
    broken = int((~np.isfinite(numbers)).sum())
    if broken:
        raise BadInputError(f"column {column!r} has {broken:,} infinite values of {len(numbers):,} rows")
    return numbers


def _holds_fractions(values: pd.Series[Any]) -> bool:
    """Return whether all values are numbers in [0, 1] and some are neither 0 nor 1: scores rather than classes."""
    if not _types().is_float_dtype(values):
        return False
    numbers = np.asarray(values, dtype=np.float64)
    return bool(((numbers >= 0) & (numbers <= 1)).all() and ((numbers != 0) & (numbers != 1)).any())


def _as_array(values: pd.Series[Any]) -> NDArray[Any]:
    """Return integers as they are, booleans and other numbers as floats, and everything else as Python objects."""
    if _types().is_integer_dtype(values):
        return np.asarray(values)  # floats would make some labels beyond 2**53 equal
    if _types().is_numeric_dtype(values):
        return np.asarray(values, dtype=np.float64)
    return np.asarray(values, dtype=object)


def _types() -> Any:
    from pandas.api import types  # takes half a second to import, and plain classes do not need it

    return types


def _unique(values: NDArray[Any], column: str) -> tuple[Any, ...]:
    try:
        return tuple(np.unique(values).tolist())
    except TypeError as error:
        raise BadInputError(f"column {column!r} mixes types that cannot be ordered as classes") from error


def _class_codes(values: NDArray[Any], codes: dict[Any, int]) -> NDArray[np.intp]:
    """Return the code of each value; a class without a code becomes -1, which no prediction equals."""
    found, inverse = np.unique(values, return_inverse=True)
    return np.asarray([codes.get(value, -1) for value in found.tolist()], dtype=np.intp)[inverse]
