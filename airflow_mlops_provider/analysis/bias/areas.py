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
    positive, scores = np.asarray(predictions.truth == 1), scores_of(predictions)
    rows = []
    for inside in members:
        ours, theirs = _area(positive, scores, inside), _area(positive, scores, ~inside)
        spread = _error(np.where(inside, ours.influence, -theirs.influence), groups)
        gap = theirs.value - ours.value
        # Without any spread (two perfect rankings) a gap cannot be judged, but no gap is none.
        p = float(special.ndtr(-gap / spread)) if spread > 0 else 1.0 if gap <= 0 else np.nan
        error = _error(ours.influence, groups)
        rows.append((2 * ours.rarer, 2 * theirs.rarer, ours.value, error, theirs.value, p))
    return Areas(*np.array(rows, dtype=np.float64).reshape(-1, 6).T)


class _Area(NamedTuple):
    """``influence``: what each row adds to the area, 0 outside the slice; its squares add up to the variance."""

    value: float
    rarer: int
    influence: Floats


def _area(positive: NDArray[np.bool_], scores: Floats, inside: NDArray[np.bool_]) -> _Area:
    chosen = positive[inside]
    rarer = int(min(chosen.sum(), (~chosen).sum()))
    influence = np.zeros(len(positive))
    if rarer == 0:
        return _Area(np.nan, 0, influence)
    found = delong(chosen, scores[inside][:, None])
    influence[inside] = found.influence[:, 0] / len(chosen)
    # DeLong divides by one less than the rows of each class.
    for side in (inside & positive, inside & ~positive):
        size = int(side.sum())
        influence[side] *= np.sqrt(size / max(1, size - 1))
    return _Area(float(found.areas[0]), rarer, influence)


def _error(influence: Floats, groups: NDArray[np.intp] | None) -> float:
    units = influence if groups is None else by_group(influence[:, None], groups)[:, 0]
    return float(np.sqrt((units**2).sum()))
