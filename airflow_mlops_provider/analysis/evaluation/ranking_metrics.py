"""Metrics of ranked scores: areas under the ROC and the precision-recall curve, with the influence of each row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.evaluation.metric import (
    Floats,
    Metric,
    Predictions,
    mean_of,
    mean_sums,
    scores_of,
)
from airflow_mlops_provider.analysis.stats.paired import delong
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.metric_limits import Direction


def roc_pseudo_values(p: Predictions) -> Floats:
    """Return the area under the ROC curve plus each row's influence on it, shape ``(n,)``; the mean is the area.

    With more than two classes it is the mean of the areas of each class against the rest.

    :raises BadInputError: when there is one class only, or no scores.

    Source: DeLong, DeLong & Clarke-Pearson 1988; pseudo-values after Efron 1982.
    """
    return _one_against_rest(p, "roc_auc", _roc_of)


def average_precision_pseudo_values(p: Predictions) -> Floats:
    """Return average precision plus each row's influence on it, shape ``(n,)``; the mean is the average precision.

    Rows of equal scores share one threshold, as in scikit-learn. With more than two classes it is the mean over the
    classes, each against the rest. The influence is the derivative of the weighted average precision by the weight of
    the row.

    :raises BadInputError: when there is one class only, or no scores.

    Source: the infinitesimal jackknife, Efron 1982.
    """
    return _one_against_rest(p, "average_precision", _average_precision_of)


def _one_against_rest(p: Predictions, name: str, of: Callable[[NDArray[np.bool_], Floats], Floats]) -> Floats:
    scores, present = scores_of(p), np.unique(p.truth)
    if len(present) < 2:
        raise BadInputError(f"{name} needs rows of both classes, and the label has one class only")
    if scores.ndim == 1:
        return of(p.truth == 1, scores)
    return np.asarray(np.mean([of(p.truth == code, scores[:, code]) for code in present], axis=0))


def _roc_of(positive: NDArray[np.bool_], scores: Floats) -> Floats:
    result = delong(positive, scores[:, None])
    return np.asarray(result.areas[0] + result.influence[:, 0])


def _average_precision_of(positive: NDArray[np.bool_], scores: Floats) -> Floats:
    order = np.argsort(-scores, kind="stable")
    ordered, hits = scores[order], positive[order].astype(np.float64)
    ends = np.flatnonzero(np.r_[ordered[1:] != ordered[:-1], True])
    place = np.repeat(np.arange(len(ends)), np.diff(np.r_[-1, ends]))  # the threshold of each row
    hits_at, rows_at = np.cumsum(hits)[ends], (ends + 1).astype(np.float64)
    precision, gained = hits_at / rows_at, np.diff(np.r_[0.0, hits_at])
    positives = hits_at[-1]
    area = float((gained * precision).sum() / positives)
    # A row counts at its own threshold and at every lower one.
    per_hit = np.cumsum((gained * (1 - precision) / rows_at)[::-1])[::-1]
    per_miss = np.cumsum((-gained * precision / rows_at)[::-1])[::-1]
    slopes = np.where(hits > 0, precision[place] - area + per_hit[place], per_miss[place]) / positives
    result = np.empty(len(scores))
    result[order] = area + len(scores) * slopes
    return result


RANKING_METRICS = (
    Metric(
        name="roc_auc",
        direction=Direction.HIGHER,
        of_scores=True,
        is_expansion=True,
        sums=mean_sums(roc_pseudo_values),
        value=mean_of,
    ),
    Metric(
        name="average_precision",
        direction=Direction.HIGHER,
        of_scores=True,
        is_expansion=True,
        sums=mean_sums(average_precision_pseudo_values),
        value=mean_of,
    ),
)
"""Metrics of scores that rank the rows; the scores need not be probabilities."""
