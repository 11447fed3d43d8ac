"""Areas under the ROC curve, slice by slice; they are no sums over rows, so the rows themselves are needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from airflow_mlops_provider.analysis.evaluation.metrics import Predictions, scores_of
from airflow_mlops_provider.analysis.stats.paired import by_group, delong
from airflow_mlops_provider.exceptions import BadInputError

Floats = NDArray[np.float64]


class Areas(NamedTuple):
    """One entry a slice; NaN where a side lacks one of the classes.

    :ivar trials: twice the rows of the rarer class: what an area rests on.
    """

    trials: Floats
    rest_trials: Floats
    values: Floats
    errors: Floats
    rest_values: Floats
    p_values: Floats


def areas_worse(
    predictions: Predictions, members: Sequence[NDArray[np.bool_]], groups: NDArray[np.intp] | None
) -> Areas:
    """Each slice's area against that of the rest, one-sided.

    :param members: for each slice, which rows belong to it, shape ``(n,)``.
    :param groups: group of each row; rows of one group then count as one unit (Obuchowski 1997).
    :raises BadInputError: when there are more than two classes.
    """
    if not predictions.is_binary or scores_of(predictions).ndim != 1:
        raise BadInputError("roc_auc by slice needs a label of two classes")
    positive, scores = predictions.truth == 1, scores_of(predictions)
    rows = []
    for inside in members:
        value, error, trials = _area(positive, scores, groups, inside)
        rest_value, rest_error, rest_trials = _area(positive, scores, groups, ~inside)
        spread = float(np.hypot(error, rest_error))
        # Without any spread (a perfect ranking) there is nothing to judge by.
        p = float(special.ndtr((value - rest_value) / spread)) if spread > 0 else np.nan
        rows.append((trials, rest_trials, value, error, rest_value, p))
    return Areas(*np.array(rows, dtype=np.float64).reshape(-1, 6).T)


def _area(
    positive: NDArray[np.bool_], scores: Floats, groups: NDArray[np.intp] | None, inside: NDArray[np.bool_]
) -> tuple[float, float, int]:
    chosen = positive[inside]
    rarer = int(min(chosen.sum(), (~chosen).sum()))
    if rarer == 0:
        return np.nan, np.nan, 0
    found = delong(chosen, scores[inside][:, None])
    variance = float(found.covariance[0, 0])
    if groups is not None:
        sums = by_group(found.influence, groups[inside])
        variance = float((sums**2).sum()) / len(chosen) ** 2 * len(sums) / max(1, len(sums) - 1)
    return float(found.areas[0]), float(np.sqrt(variance)), 2 * rarer
