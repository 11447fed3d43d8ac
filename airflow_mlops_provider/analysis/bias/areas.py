"""Areas under the ROC curve, slice by slice; they are no sums over rows, so the rows themselves are needed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from airflow_mlops_provider.analysis.evaluation.metrics import Predictions, scores_of
from airflow_mlops_provider.analysis.stats.paired import placements
from airflow_mlops_provider.exceptions import BadInputError

Floats = NDArray[np.float64]

SMALL_SHARE = 0.02
"""Slices of less than this share of the rows hardly change how the others are ranked."""


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
    predictions: Predictions, members: Iterable[NDArray[np.bool_]], groups: NDArray[np.intp] | None
) -> Areas:
    """Each slice's area against that of the rest, one-sided.

    :param members: for each slice, which rows belong to it, shape ``(n,)``.
    :param groups: group of each row; rows of one group then count as one unit.
    :raises BadInputError: when there are more than two classes.

    Source: DeLong, DeLong & Clarke-Pearson 1988; over groups, Obuchowski 1997.
    """
    if not predictions.is_binary or scores_of(predictions).ndim != 1:
        raise BadInputError("roc_auc by slice needs a label of two classes")
    ranked = _Ranked(np.asarray(predictions.truth == 1), scores_of(predictions), groups)
    rows = [ranked.contrast(np.flatnonzero(inside)) for inside in members]
    return Areas(*np.array(rows, dtype=np.float64).reshape(-1, 6).T)


class _Side(NamedTuple):
    """One side's area, the rows of its rarer class, and what the rows of each unit add to the area."""

    value: float
    rarer: int
    influence: Floats


class _Ranked:
    """All rows with their ranks, so that a small slice costs no more than its own rows."""

    def __init__(self, positive: NDArray[np.bool_], scores: Floats, groups: NDArray[np.intp] | None) -> None:
        self._positive, self._scores = positive, scores
        self._groups = None if groups is None else np.unique(groups, return_inverse=True)[1]
        self._everything = np.arange(len(scores))
        self._placements = placements(positive, scores)
        both = bool(positive.any() and not positive.all())
        self._area = float(self._placements[positive].mean()) if both else np.nan
        # By class, over units: sums of the deviations from the area of all rows.
        self._deviations = [self._by_unit(self._everything, self._deviation(each)) for each in (positive, ~positive)]

    def contrast(self, slice_rows: NDArray[np.intp]) -> tuple[float, ...]:
        """The fields of :class:`Areas` for one slice."""
        ours = self._side(slice_rows)
        if len(slice_rows) < SMALL_SHARE * len(self._scores) and ours.rarer:
            theirs = self._rest_of_small(slice_rows, ours)
        else:
            theirs = self._side(np.delete(self._everything, slice_rows))
        spread, gap = _error(ours.influence - theirs.influence), theirs.value - ours.value
        # Without any spread (two perfect rankings) a gap cannot be judged, but no gap is none.
        p = float(special.ndtr(-gap / spread)) if spread > 0 else 1.0 if gap <= 0 else np.nan
        return 2 * ours.rarer, 2 * theirs.rarer, ours.value, _error(ours.influence), theirs.value, p

    def _side(self, rows: NDArray[np.intp]) -> _Side:
        positive = self._positive[rows]
        positives, negatives = int(positive.sum()), int((~positive).sum())
        if not positives or not negatives:
            return _Side(np.nan, 0, np.zeros(1))
        shares = placements(positive, self._scores[rows])
        area = float(shares[positive].mean())
        scale = np.where(positive, _divisor(positives), _divisor(negatives))
        return _Side(area, min(positives, negatives), self._by_unit(rows, (shares - area) / scale))

    def _rest_of_small(self, rows: NDArray[np.intp], ours: _Side) -> _Side:
        """The other side: its area exactly, the spread of its rows from their ranks among all rows."""
        positive, shares = self._positive[rows], self._placements[rows]
        all_positives, all_negatives = int(self._positive.sum()), int((~self._positive).sum())
        inner_positives, inner_negatives = int(positive.sum()), int((~positive).sum())
        positives, negatives = all_positives - inner_positives, all_negatives - inner_negatives
        # Pairs of all rows, less those with one row in the slice, which counts those with both rows in it twice.
        pairs = self._area * all_positives * all_negatives
        pairs -= shares[positive].sum() * all_negatives + shares[~positive].sum() * all_positives
        pairs += ours.value * inner_positives * inner_negatives
        influence = np.zeros_like(self._deviations[0])
        for side, size, whole in zip((positive, ~positive), (positives, negatives), self._deviations, strict=True):
            inner = self._by_unit(rows[side], shares[side] - self._area)
            influence += (whole - inner) / _divisor(size)
        return _Side(pairs / (positives * negatives), min(positives, negatives), influence)

    def _deviation(self, side: NDArray[np.bool_]) -> Floats:
        return np.where(side, self._placements - self._area, 0.0)

    def _by_unit(self, rows: NDArray[np.intp], values: Floats) -> Floats:
        units = self._everything if self._groups is None else self._groups
        sums = np.bincount(units[rows], weights=values, minlength=int(units.max(initial=-1)) + 1)
        return sums.astype(np.float64, copy=False)


def _divisor(size: int) -> float:
    """DeLong divides by one less than the rows of each class."""
    return float(np.sqrt(size * max(1, size - 1)))


def _error(influence: Floats) -> float:
    return float(np.sqrt((influence**2).sum()))
