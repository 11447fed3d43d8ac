"""What a metric is: a function of sums over rows, so that one bootstrap serves them all.

Each metric says what a row adds to its sums and how the sums become its value. An area under a curve or a median is no
function of sums; its first-order expansion (each row's influence) is, and that is what is resampled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.model_spec import Direction, Task

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """What one model said about rows whose truth is known.

    :param task: classification or regression.
    :param truth: class numbers (positions in ``classes``), or values; shape ``(n,)``.
    :param predicted: the same for the model; ``None`` when only scores are known.
    :param scores: probability or score of the positive class, shape ``(n,)``, or of every class, shape ``(n, k)``.
    :param classes: of two, the last is the positive one; empty for regression.
    :param has_probabilities: whether ``scores`` are probabilities; values of a decision function are not, even where
        they lie between 0 and 1.
    """

    task: Task
    truth: NDArray[Any]
    predicted: NDArray[Any] | None = None
    scores: Floats | None = None
    classes: tuple[Any, ...] = ()
    has_probabilities: bool = True

    def at(self, rows: NDArray[Any]) -> Predictions:
        """The predictions of some rows, by positions or by a mask of shape ``(n,)``."""
        return replace(
            self,
            truth=self.truth[rows],
            predicted=None if self.predicted is None else self.predicted[rows],
            scores=None if self.scores is None else self.scores[rows],
        )

    def with_positive(self, positive: Any | None) -> Predictions:
        """The same answers with ``positive`` as the class that rates and scores speak of, of two classes.

        :param positive: one of the classes; ``None`` leaves the order as it is. Where a third class turned up in the
            rows, there is no positive one.
        :raises BadInputError: when it is none of the classes.
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
        """The class that rates and scores speak of, as text; ``None`` unless there are two classes."""
        return str(self.classes[1]) if self.task is Task.CLASSIFICATION and len(self.classes) == 2 else None

    @property
    def is_binary(self) -> bool:
        """Whether there are at most two classes."""
        return self.task is Task.CLASSIFICATION and len(self.classes) <= 2


def _swapped(codes: NDArray[Any]) -> NDArray[Any]:
    """Class 0 as 1 and 1 as 0; a class that is none of the two (-1) stays."""
    return np.where(codes < 0, codes, 1 - codes)


def _mean_value(truth: NDArray[Any]) -> float:
    return float(truth.mean())


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric.

    :param name: as users write it.
    :param direction: which way is better.
    :param task: what it applies to.
    :param of_scores: whether it needs scores rather than predicted classes or values.
    :param sums: what each row adds, shape ``(n, p)``.
    :param value: of sums of shape ``(b, p)``, shape ``(b,)``.
    :param limits: between which its values lie.
    :param ratio: which sum over which other sum the metric is, when it is a proportion of rows; ``None`` otherwise.
    :param binary_ratio: whether it is a proportion only where there are two classes.
    :param is_expansion: whether its sums are a first-order expansion around all rows, so that the rows themselves are
        needed to have its value in a slice.
    :param needs_probabilities: whether its scores must be probabilities.
    :param is_defined: whether it exists for these values; always by default.
    :param constant: the best constant answer of a regression, from the true values of shape ``(n,)``.
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

    def applies_to(self, predictions: Predictions) -> bool:
        """Whether ``predictions`` hold what it needs: classes or values, scores, probabilities, two classes."""
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
        """Whether it is a share of rows here, so that exact laws apply."""
        return self.ratio is not None and (predictions.is_binary or not self.binary_ratio)

    def of(self, predictions: Predictions) -> float:
        """The metric's value."""
        return float(self.value(self.sums(predictions).sum(axis=0, keepdims=True))[0])


def ratio_of(numerator: Floats, denominator: Floats) -> Floats:
    """0 where the denominator is 0, as precision is without a single positive prediction."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator, dtype=np.float64), where=denominator > 0)


def predicted_of(p: Predictions) -> NDArray[Any]:
    """The predicted classes or values; raises ``BadInputError`` when only scores are known."""
    if p.predicted is None:
        raise BadInputError("this metric needs predicted classes, and only scores outside [0, 1] are given")
    return p.predicted


def scores_of(p: Predictions) -> Floats:
    """The scores; raises ``BadInputError`` when only classes are known."""
    if p.scores is None:
        raise BadInputError("this metric needs scores, and the model gives classes only")
    return p.scores


def mean_sums(of_row: Callable[[Predictions], Any]) -> Callable[[Predictions], Floats]:
    """The sums of a mean over rows: 1 and ``of_row``, shape ``(n, 2)``."""

    def sums(p: Predictions) -> Floats:
        values = np.asarray(of_row(p), dtype=np.float64)
        return np.column_stack([np.ones(len(values)), values])

    return sums


def mean_of(sums: Floats) -> Floats:
    """The mean from the sums of :func:`mean_sums`, shape ``(b,)``."""
    return ratio_of(sums[:, 1], sums[:, 0])
