"""Metrics as functions of sums over rows, so that one bootstrap works for all of them.

A metric defines the terms of each row and how their sums become its value. An area under a curve or a median is not a
function of sums. Its first-order expansion, which adds up the influence of each row, is one and is resampled instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.model_spec import Task

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Predictions of one model for ``n`` rows with known truth.

    :param task: classification or regression.
    :param truth: true class codes (positions in ``classes``) or values, shape ``(n,)``.
    :param predicted: predicted class codes or values, shape ``(n,)``; ``None`` when only scores are known.
    :param scores: probability or score of the positive class, shape ``(n,)``, or of every class, shape ``(n, k)``;
        ``None`` when the model has none.
    :param classes: the classes; of two classes the last is the positive one. Empty for regression.
    :param has_probabilities: whether ``scores`` are probabilities. Values of a decision function are not, even when
        they lie between 0 and 1.
    """

    task: Task
    truth: NDArray[Any]
    predicted: NDArray[Any] | None = None
    scores: Floats | None = None
    classes: tuple[Any, ...] = ()
    has_probabilities: bool = True

    def at(self, rows: NDArray[Any]) -> Predictions:
        """Return the predictions of some rows, given as positions or as a mask of shape ``(n,)``."""
        return replace(
            self,
            truth=self.truth[rows],
            predicted=None if self.predicted is None else self.predicted[rows],
            scores=None if self.scores is None else self.scores[rows],
        )

    def with_positive(self, positive: Any | None) -> Predictions:
        """Return the same predictions with ``positive`` as the positive class of two.

        :param positive: one of the classes; ``None`` keeps the order of the classes. With three classes, which the
            rows may hold though the model knows two, nothing changes.
        :raises BadInputError: when ``positive`` is not one of the classes.
        """
        if positive is None or self.task is not Task.CLASSIFICATION:
            return self
        if positive not in self.classes:
            raise BadInputError(f"positive_class {positive!r} is none of the classes")
        if len(self.classes) != 2 or self.classes[1] == positive:
            return self
        return replace(
            self,
            truth=_swapped(self.truth),
            predicted=None if self.predicted is None else _swapped(self.predicted),
            scores=None if self.scores is None else self._swapped_scores(self.scores),
            classes=(self.classes[1], self.classes[0]),
        )

    def _swapped_scores(self, scores: Floats) -> Floats:
        if scores.ndim == 2:
            return scores[:, ::-1]
        return np.asarray(1 - scores if self.has_probabilities else -scores)

    @property
    def positive_class(self) -> str | None:
        """The positive class as text; ``None`` unless there are two classes."""
        return str(self.classes[1]) if self.task is Task.CLASSIFICATION and len(self.classes) == 2 else None

    @property
    def is_binary(self) -> bool:
        """Whether there are at most two classes."""
        return self.task is Task.CLASSIFICATION and len(self.classes) <= 2


def _swapped(codes: NDArray[Any]) -> NDArray[Any]:
    """Return class code 0 as 1 and 1 as 0; the code -1 of unknown classes stays."""
    return np.where(codes < 0, codes, 1 - codes)


def _mean_value(truth: NDArray[Any]) -> float:
    return float(truth.mean())


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric, as a function of sums over rows.

    :param name: name that users write.
    :param direction: whether higher or lower values are better.
    :param task: classification or regression.
    :param of_scores: whether the metric needs scores instead of predicted classes or values.
    :param sums: returns the terms of each row, shape ``(n, p)``.
    :param value: computes values of shape ``(b,)`` from sums of shape ``(b, p)``.
    :param limits: smallest and largest possible value.
    :param ratio: positions of the numerator and the denominator among the sums, when the metric is a proportion of
        rows; ``None`` otherwise.
    :param binary_ratio: whether it is a proportion only when there are two classes.
    :param is_expansion: whether its sums are a first-order expansion around all rows. Its value in a slice must then
        be computed from the rows of the slice.
    :param needs_probabilities: whether its scores must be probabilities.
    :param is_defined: whether the metric is defined for these predictions; ``None`` when it always is.
    :param constant: computes the best constant prediction of a regression from the true values, shape ``(n,)``.
    :param best_constant: whether the dummy predicts the class that is best by this metric, not the most frequent one.
    """

    name: str
    direction: Direction
    task: Task = Task.CLASSIFICATION
    of_scores: bool = False
    sums: Callable[[Predictions], Floats]
    value: Callable[[Floats], Floats]
    limits: tuple[float, float] = (0.0, 1.0)
    ratio: tuple[int, int] | None = None
    binary_ratio: bool = True
    is_expansion: bool = False
    needs_probabilities: bool = False
    is_defined: Callable[[Predictions], bool] | None = None
    constant: Callable[[NDArray[Any]], float] = _mean_value
    best_constant: bool = False

    def applies_to(self, predictions: Predictions) -> bool:
        """Return whether ``predictions`` hold what the metric needs: classes or values, scores, two classes."""
        if self.task is not predictions.task:
            return False
        if not self.of_scores:
            is_known = predictions.predicted is not None
            return is_known and (self.is_defined is None or self.is_defined(predictions))
        if predictions.scores is None:
            return False
        if self.needs_probabilities:
            inside = bool(((predictions.scores >= 0) & (predictions.scores <= 1)).all())
            return predictions.has_probabilities and inside
        return bool((predictions.truth != predictions.truth[0]).any())

    def is_proportion(self, predictions: Predictions) -> bool:
        """Return whether the metric is a proportion of rows for these predictions, so that exact tests apply."""
        return self.ratio is not None and (predictions.is_binary or not self.binary_ratio)

    def of(self, predictions: Predictions) -> float:
        """Return the metric's value for all rows of ``predictions``."""
        return float(self.value(self.sums(predictions).sum(axis=0, keepdims=True))[0])


def ratio_of(numerator: Floats, denominator: Floats) -> Floats:
    """Return the ratio, which is 0 where the denominator is 0, as for precision without a positive prediction."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator, dtype=np.float64), where=denominator > 0)


def predicted_of(p: Predictions) -> NDArray[Any]:
    """Return the predicted classes or values, shape ``(n,)``.

    :raises BadInputError: when only scores are known.
    """
    if p.predicted is None:
        raise BadInputError("this metric needs predicted classes, and only scores outside [0, 1] are given")
    return p.predicted


def scores_of(p: Predictions) -> Floats:
    """Return the scores, shape ``(n,)`` or ``(n, k)``.

    :raises BadInputError: when only classes are known.
    """
    if p.scores is None:
        raise BadInputError("this metric needs scores, and the model gives classes only")
    return p.scores


def mean_sums(of_row: Callable[[Predictions], Any]) -> Callable[[Predictions], Floats]:
    """Return the function of the terms of a mean over rows: 1 and ``of_row``, shape ``(n, 2)``.

    :param of_row: computes the value of each row, shape ``(n,)``.
    """

    def sums(p: Predictions) -> Floats:
        values = np.asarray(of_row(p), dtype=np.float64)
        return np.column_stack([np.ones(len(values)), values])

    return sums


def mean_of(sums: Floats) -> Floats:
    """Return the mean, shape ``(b,)``, from sums of the terms of :func:`mean_sums`, shape ``(b, 2)``."""
    return ratio_of(sums[:, 1], sums[:, 0])
