"""Metrics of predicted classes, metrics of probabilities, and rates."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.evaluation.metric import (
    Floats,
    Metric,
    Predictions,
    mean_of,
    mean_sums,
    predicted_of,
    ratio_of,
    scores_of,
)
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.metric_limits import Direction


def _confusion_sums(p: Predictions) -> Floats:
    """Return, for each class that counts: hit, predicted, true. With two classes only the positive one counts."""
    counted = [1] if p.is_binary else range(len(p.classes))
    predicted, columns = predicted_of(p), []
    for code in counted:
        in_class, true = predicted == code, p.truth == code
        columns += [in_class & true, in_class, true]
    return np.column_stack(columns).astype(np.float64)


def _mean_over_classes(of_class: Callable[[Floats, Floats, Floats], Floats]) -> Callable[[Floats], Floats]:
    def value(sums: Floats) -> Floats:
        return np.asarray(np.mean([of_class(*sums.T[i : i + 3]) for i in range(0, sums.shape[1], 3)], axis=0))

    return value


def _recall_sums(p: Predictions) -> Floats:
    """Return, for each class: hit, true."""
    predicted, columns = predicted_of(p), []
    for code in range(max(2, len(p.classes))):
        true = p.truth == code
        columns += [(predicted == code) & true, true]
    return np.column_stack(columns).astype(np.float64)


def _mean_recall(sums: Floats) -> Floats:
    """Return the mean recall of the classes that occur (scikit-learn's ``balanced_accuracy_score``)."""
    hits, true = sums[:, 0::2], sums[:, 1::2]
    return ratio_of(ratio_of(hits, true).sum(axis=1), (true > 0).sum(axis=1).astype(np.float64))


def _correlation_sums(p: Predictions) -> Floats:
    """Return 1, correct, and for each class: predicted, true."""
    predicted = predicted_of(p)
    columns = [np.ones(len(predicted)), predicted == p.truth]
    for code in range(max(2, len(p.classes))):
        columns += [predicted == code, p.truth == code]
    return np.column_stack(columns).astype(np.float64)


def _matthews(sums: Floats) -> Floats:
    """Return Matthews' correlation of any number of classes (Gorodkin 2004); 0 when one side is constant."""
    n, correct, predicted, true = sums[:, 0], sums[:, 1], sums[:, 2::2], sums[:, 3::2]
    covariance = correct * n - (predicted * true).sum(axis=1)
    spread = (n**2 - (predicted**2).sum(axis=1)) * (n**2 - (true**2).sum(axis=1))
    return ratio_of(covariance, np.sqrt(np.maximum(spread, 0.0)))


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


CLASS_METRICS = (
    Metric(
        name="accuracy",
        direction=Direction.HIGHER,
        sums=mean_sums(lambda p: predicted_of(p) == p.truth),
        value=mean_of,
        ratio=(1, 0),
        binary_ratio=False,
    ),
    Metric(
        name="precision",
        direction=Direction.HIGHER,
        sums=_confusion_sums,
        value=_mean_over_classes(lambda hit, predicted, _true: ratio_of(hit, predicted)),
        ratio=(0, 1),
    ),
    Metric(
        name="recall",
        direction=Direction.HIGHER,
        sums=_confusion_sums,
        value=_mean_over_classes(lambda hit, _predicted, true: ratio_of(hit, true)),
        ratio=(0, 2),
    ),
    Metric(
        name="f1",
        direction=Direction.HIGHER,
        sums=_confusion_sums,
        value=_mean_over_classes(lambda hit, predicted, true: ratio_of(2 * hit, predicted + true)),
    ),
    Metric(name="balanced_accuracy", direction=Direction.HIGHER, sums=_recall_sums, value=_mean_recall),
    Metric(name="mcc", direction=Direction.HIGHER, limits=(-1.0, 1.0), sums=_correlation_sums, value=_matthews),
)
"""Metrics of predicted classes."""

PROBABILITY_METRICS = (
    Metric(
        name="log_loss",
        direction=Direction.LOWER,
        limits=(0.0, math.inf),
        of_scores=True,
        needs_probabilities=True,
        sums=mean_sums(_log_losses),
        value=mean_of,
    ),
    Metric(
        name="brier",
        direction=Direction.LOWER,
        limits=(0.0, 2.0),
        of_scores=True,
        needs_probabilities=True,
        sums=mean_sums(_brier_losses),
        value=mean_of,
    ),
)
"""Metrics of probabilities."""


def _two_classes(p: Predictions, name: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    if not p.is_binary:
        raise BadInputError(f"metric {name!r} needs a label of two classes, and it has {len(p.classes)}")
    return np.asarray(predicted_of(p) == 1), np.asarray(p.truth == 1)


def _selection_sums(p: Predictions) -> Floats:
    predicted, _ = _two_classes(p, "selection_rate")
    return np.column_stack([np.ones(len(predicted)), predicted]).astype(np.float64)


def _fpr_sums(p: Predictions) -> Floats:
    predicted, true = _two_classes(p, "fpr")
    return np.column_stack([predicted & ~true, ~true]).astype(np.float64)


def _fnr_sums(p: Predictions) -> Floats:
    predicted, true = _two_classes(p, "fnr")
    return np.column_stack([~predicted & true, true]).astype(np.float64)


RATES = (
    Metric(name="selection_rate", direction=Direction.HIGHER, sums=_selection_sums, value=mean_of, ratio=(1, 0)),
    Metric(
        name="fpr",
        direction=Direction.LOWER,
        sums=_fpr_sums,
        value=lambda sums: ratio_of(sums[:, 0], sums[:, 1]),
        ratio=(0, 1),
    ),
    Metric(
        name="fnr",
        direction=Direction.LOWER,
        sums=_fnr_sums,
        value=lambda sums: ratio_of(sums[:, 0], sums[:, 1]),
        ratio=(0, 1),
    ),
)
"""Rates that measure how rows are treated, not how good the model is."""
