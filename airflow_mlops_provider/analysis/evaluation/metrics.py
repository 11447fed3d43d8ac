"""Metrics as functions of sums over rows, so that one bootstrap serves them all.

Each metric says what a row adds to its sums and how the sums become its value. The area under the ROC curve is no
function of sums; its first-order expansion (each row's influence) is, and that is what is resampled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.stats.paired import delong
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
    :param classes: sorted; of two, the last is the positive one; empty for regression.
    """

    task: Task
    truth: NDArray[Any]
    predicted: NDArray[Any] | None = None
    scores: Floats | None = None
    classes: tuple[Any, ...] = ()

    @property
    def is_binary(self) -> bool:
        """Whether there are at most two classes."""
        return self.task is Task.CLASSIFICATION and len(self.classes) <= 2


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

    def applies_to(self, predictions: Predictions) -> bool:
        """Whether ``predictions`` hold what it needs: classes or values, scores, probabilities, two classes."""
        if self.task is not predictions.task:
            return False
        if not self.of_scores:
            return predictions.predicted is not None
        if predictions.scores is None:
            return False
        if self.name in NEEDS_PROBABILITIES:
            return bool(((predictions.scores >= 0) & (predictions.scores <= 1)).all())
        return bool((predictions.truth != predictions.truth[0]).any())

    def is_proportion(self, predictions: Predictions) -> bool:
        """Whether it is a share of rows here, so that exact laws apply."""
        return self.ratio is not None and (predictions.is_binary or not self.binary_ratio)

    def of(self, predictions: Predictions) -> float:
        """The metric's value."""
        return float(self.value(self.sums(predictions).sum(axis=0, keepdims=True))[0])


def find_metric(name: str, among: Mapping[str, Metric] | None = None) -> Metric:
    """The metric called ``name``; raises ``BadInputError`` listing those there are.

    :param among: where to look; :data:`METRICS` by default.
    """
    known = METRICS if among is None else among
    if name not in known:
        raise BadInputError(f"metric {name!r} is unknown; metrics are {', '.join(known)}")
    return known[name]


def majority_or_mean(predictions: Predictions, metric: Metric) -> Predictions:
    """The dummy: the majority class (with the class shares as scores), the mean, or for ``mae`` the median."""
    truth = predictions.truth
    if predictions.task is Task.REGRESSION:
        constant = float(np.median(truth) if metric.name == "mae" else truth.mean())
        return replace(predictions, predicted=np.full(len(truth), constant))
    shares = np.bincount(truth, minlength=max(2, len(predictions.classes))) / len(truth)
    scores = np.full(len(truth), shares[1]) if predictions.is_binary else np.tile(shares, (len(truth), 1))
    return replace(predictions, predicted=np.full(len(truth), int(shares.argmax())), scores=scores)


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
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


def _mean_sums(of_row: Callable[[Predictions], Any]) -> Callable[[Predictions], Floats]:
    def sums(p: Predictions) -> Floats:
        values = np.asarray(of_row(p), dtype=np.float64)
        return np.column_stack([np.ones(len(values)), values])

    return sums


def _mean(sums: Floats) -> Floats:
    return _ratio(sums[:, 1], sums[:, 0])


def _confusion_sums(p: Predictions) -> Floats:
    """Per judged class: hit, predicted, true. Two classes are judged by the positive one, more by all of them."""
    judged = [1] if p.is_binary else range(len(p.classes))
    predicted, columns = predicted_of(p), []
    for code in judged:
        said, true = predicted == code, p.truth == code
        columns += [said & true, said, true]
    return np.column_stack(columns).astype(np.float64)


def _over_classes(of_class: Callable[[Floats, Floats, Floats], Floats]) -> Callable[[Floats], Floats]:
    def value(sums: Floats) -> Floats:
        return np.asarray(np.mean([of_class(*sums.T[i : i + 3]) for i in range(0, sums.shape[1], 3)], axis=0))

    return value


def _log_losses(p: Predictions) -> Floats:
    tiny = np.finfo(np.float64).eps
    return np.asarray(-np.log(np.clip(_probability_of_truth(p), tiny, 1.0)))


def _probability_of_truth(p: Predictions) -> Floats:
    scores = scores_of(p)
    if scores.ndim == 2:
        return np.asarray(scores[np.arange(len(scores)), p.truth])
    return np.where(p.truth == 1, scores, 1 - scores)


def _brier_losses(p: Predictions) -> Floats:
    scores = scores_of(p)
    if scores.ndim == 1:
        return np.asarray((scores - (p.truth == 1)) ** 2)
    return np.asarray(((scores - np.eye(scores.shape[1])[p.truth]) ** 2).sum(axis=1))


def roc_pseudo_values(p: Predictions) -> Floats:
    """The area plus each row's influence on it; their mean is the area. Several classes: mean of one against the rest.

    :raises BadInputError: when there is one class only.
    """
    scores = scores_of(p)
    if len(np.unique(p.truth)) < 2:
        raise BadInputError("roc_auc needs rows of both classes, and the label has one class only")
    if scores.ndim == 1:
        result = delong(p.truth == 1, scores[:, None])
        return np.asarray(result.areas[0] + result.influence[:, 0])
    present = np.unique(p.truth)
    results = [delong(p.truth == code, scores[:, [code]]) for code in present]
    return np.asarray(np.mean([result.areas[0] + result.influence[:, 0] for result in results], axis=0))


def _errors(p: Predictions) -> Floats:
    return np.asarray(predicted_of(p) - p.truth, dtype=np.float64)


def _r2_sums(p: Predictions) -> Floats:
    truth = p.truth - p.truth.mean()  # r2 does not depend on the origin; near it, the sums keep their digits
    return np.column_stack([np.ones(len(truth)), _errors(p) ** 2, truth, truth**2])


def _r2(sums: Floats) -> Floats:
    n, residual, first, second = sums.T
    total = second - first**2 / n
    return np.where(total > 0, 1 - residual / np.where(total > 0, total, 1), 0.0)


_ALL = (
    Metric(
        name="accuracy",
        direction=Direction.HIGHER,
        sums=_mean_sums(lambda p: predicted_of(p) == p.truth),
        value=_mean,
        ratio=(1, 0),
        binary_ratio=False,
    ),
    Metric(
        name="precision",
        direction=Direction.HIGHER,
        sums=_confusion_sums,
        value=_over_classes(lambda hit, said, _true: _ratio(hit, said)),
        ratio=(0, 1),
    ),
    Metric(
        name="recall",
        direction=Direction.HIGHER,
        sums=_confusion_sums,
        value=_over_classes(lambda hit, _said, true: _ratio(hit, true)),
        ratio=(0, 2),
    ),
    Metric(
        name="f1",
        direction=Direction.HIGHER,
        sums=_confusion_sums,
        value=_over_classes(lambda hit, said, true: _ratio(2 * hit, said + true)),
    ),
    Metric(
        name="roc_auc",
        direction=Direction.HIGHER,
        of_scores=True,
        sums=_mean_sums(roc_pseudo_values),
        value=_mean,
    ),
    Metric(
        name="log_loss",
        direction=Direction.LOWER,
        limits=(0.0, math.inf),
        of_scores=True,
        sums=_mean_sums(_log_losses),
        value=_mean,
    ),
    Metric(
        name="brier",
        direction=Direction.LOWER,
        limits=(0.0, 2.0),
        of_scores=True,
        sums=_mean_sums(_brier_losses),
        value=_mean,
    ),
    Metric(
        name="rmse",
        direction=Direction.LOWER,
        limits=(0.0, math.inf),
        task=Task.REGRESSION,
        sums=_mean_sums(lambda p: _errors(p) ** 2),
        value=lambda sums: np.sqrt(np.maximum(_mean(sums), 0.0)),
    ),
    Metric(
        name="mae",
        direction=Direction.LOWER,
        limits=(0.0, math.inf),
        task=Task.REGRESSION,
        sums=_mean_sums(lambda p: np.abs(_errors(p))),
        value=_mean,
    ),
    Metric(
        name="r2", direction=Direction.HIGHER, limits=(-math.inf, 1.0), task=Task.REGRESSION, sums=_r2_sums, value=_r2
    ),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}
"""Every metric by name. The first of a task is its default."""


def _two_classes(p: Predictions, name: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    if not p.is_binary:
        raise BadInputError(f"metric {name!r} needs a label of two classes, and it has {len(p.classes)}")
    return np.asarray(predicted_of(p) == 1), np.asarray(p.truth == 1)


def _selection_sums(p: Predictions) -> Floats:
    said, _ = _two_classes(p, "selection_rate")
    return np.column_stack([np.ones(len(said)), said]).astype(np.float64)


def _fpr_sums(p: Predictions) -> Floats:
    said, true = _two_classes(p, "fpr")
    return np.column_stack([said & ~true, ~true]).astype(np.float64)


def _fnr_sums(p: Predictions) -> Floats:
    said, true = _two_classes(p, "fnr")
    return np.column_stack([~said & true, true]).astype(np.float64)


_RATES = (
    Metric(name="selection_rate", direction=Direction.HIGHER, sums=_selection_sums, value=_mean, ratio=(1, 0)),
    Metric(
        name="fpr",
        direction=Direction.LOWER,
        sums=_fpr_sums,
        value=lambda sums: _ratio(sums[:, 0], sums[:, 1]),
        ratio=(0, 1),
    ),
    Metric(
        name="fnr",
        direction=Direction.LOWER,
        sums=_fnr_sums,
        value=lambda sums: _ratio(sums[:, 0], sums[:, 1]),
        ratio=(0, 1),
    ),
)

SLICE_METRICS: dict[str, Metric] = METRICS | {metric.name: metric for metric in _RATES}
"""What a slice can be judged by: every metric, and rates that say how a slice is treated, not how good the model is."""

NEEDS_PROBABILITIES = frozenset({"log_loss", "brier"})
"""Metrics whose scores must be probabilities; an area under the ROC curve takes any score."""
