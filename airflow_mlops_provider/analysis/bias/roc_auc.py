"""Areas under the ROC curve, slice by slice; they are no sums over rows, so the rows themselves are needed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.evaluation.metrics import Predictions, scores_of
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
    rows = [ranked.contrast(inside) for inside in members]
    return Areas(*np.array(rows, dtype=np.float64).reshape(-1, 6).T)


class _Side(NamedTuple):
    """One side's area, the rows of its rarer class, and its spread.

    :ivar variance: of the area.
    :ivar influence: what the rows of each group add to the area; empty when rows are independent.
    """

    value: float
    rarer: int
    variance: float
    influence: Floats


class _Ranked:
    """All rows in the order of their scores, sorted once, so that a small slice costs no more than its own rows."""

    def __init__(self, positive: NDArray[np.bool_], scores: Floats, groups: NDArray[np.intp] | None) -> None:
        self._order = np.argsort(scores, kind="stable")
        self._positive = positive[self._order]
        ordered = scores[self._order]
        self._ties = np.cumsum(np.r_[False, ordered[1:] != ordered[:-1]])
        self._groups = None if groups is None else np.unique(groups[self._order], return_inverse=True)[1]
        shares = _shares(self._positive, self._ties)
        self._area = float(shares[self._positive].mean()) if 0 < self._positive.sum() < len(positive) else np.nan
        self._deviations = shares - self._area
        # By class: the spread of all rows, from which that of all but a few follows.
        self._whole = [self._spread(self._everything[side]) for side in (self._positive, ~self._positive)]

    @property
    def _everything(self) -> NDArray[np.intp]:
        return np.arange(len(self._order))

    def contrast(self, inside: NDArray[np.bool_]) -> tuple[float, ...]:
        """The fields of :class:`Areas` for one slice."""
        chosen = inside[self._order]
        rows = np.flatnonzero(chosen)
        ours = self._side(rows)
        if len(rows) < SMALL_SHARE * len(chosen) and ours.rarer:
            theirs = self._rest_of_small(rows, ours)
        else:
            theirs = self._side(np.flatnonzero(~chosen))
        variance, gap = ours.variance + theirs.variance, theirs.value - ours.value
        if self._groups is not None and ours.rarer and theirs.rarer:
            variance = float(((ours.influence - theirs.influence) ** 2).sum())
        # Without any spread (two perfect rankings) a gap cannot be judged, but no gap is none.
        p = math.erfc(gap / math.sqrt(2 * variance)) / 2 if variance > 0 else 1.0 if gap <= 0 else np.nan
        return 2 * ours.rarer, 2 * theirs.rarer, ours.value, float(np.sqrt(ours.variance)), theirs.value, p

    def _side(self, rows: NDArray[np.intp]) -> _Side:
        positive = self._positive[rows]
        positives, negatives = int(positive.sum()), int((~positive).sum())
        if not positives or not negatives:
            return _Side(np.nan, 0, 0.0, np.zeros(0))
        shares = _shares(positive, self._ties[rows])
        area = float(shares[positive].mean())
        influence = (shares - area) / np.where(positive, _divisor(positives), _divisor(negatives))
        if self._groups is not None:
            influence = self._by_group(rows, influence)
        return _Side(area, min(positives, negatives), float((influence**2).sum()), influence)

    def _rest_of_small(self, rows: NDArray[np.intp], ours: _Side) -> _Side:
        """The other side: its area exactly, the spread of its rows from their ranks among all rows."""
        positive, placed = self._positive[rows], self._deviations[rows] + self._area
        all_positives, all_negatives = int(self._positive.sum()), int((~self._positive).sum())
        inner_positives, inner_negatives = int(positive.sum()), int((~positive).sum())
        positives, negatives = all_positives - inner_positives, all_negatives - inner_negatives
        # Pairs of all rows, less those with one row in the slice, which counts those with both rows in it twice.
        pairs = self._area * all_positives * all_negatives
        pairs -= placed[positive].sum() * all_negatives + placed[~positive].sum() * all_positives
        pairs += ours.value * inner_positives * inner_negatives
        left = [
            whole - self._spread(rows[side]) for whole, side in zip(self._whole, (positive, ~positive), strict=True)
        ]
        if self._groups is None:
            variance = float(left[0]) / _divisor(positives) ** 2 + float(left[1]) / _divisor(negatives) ** 2
            influence = np.zeros(0)
        else:
            influence = left[0] / _divisor(positives) + left[1] / _divisor(negatives)
            variance = float((influence**2).sum())
        return _Side(pairs / (positives * negatives), min(positives, negatives), variance, influence)

    def _spread(self, rows: NDArray[np.intp]) -> Any:
        """The deviations of rows of one class: their sum of squares, or their sums over groups."""
        deviations = self._deviations[rows]
        return (deviations**2).sum() if self._groups is None else self._by_group(rows, deviations)

    def _by_group(self, rows: NDArray[np.intp], values: Floats) -> Floats:
        groups = np.zeros(0, dtype=np.intp) if self._groups is None else self._groups
        sums = np.bincount(groups[rows], weights=values, minlength=int(groups.max(initial=-1)) + 1)
        return sums.astype(np.float64, copy=False)


def _shares(positive: NDArray[np.bool_], ties: NDArray[np.intp]) -> Floats:
    """For rows in the order of their scores, the share of the other class that each is ranked rightly against.

    :param ties: equal for rows of equal scores, which count one half.
    """
    starts = np.flatnonzero(np.r_[True, ties[1:] != ties[:-1]])
    sizes = np.diff(np.r_[starts, len(ties)])
    running = np.concatenate([[0], np.cumsum(positive)])
    positives_below = np.repeat((running[starts] + running[starts + sizes]) / 2, sizes)
    rows_below = np.repeat(starts + sizes / 2, sizes)
    positives = int(running[-1])
    negatives = len(ties) - positives
    right = (rows_below - positives_below) / max(1, negatives)
    return np.where(positive, right, 1 - positives_below / max(1, positives))


def _divisor(size: int) -> float:
    """DeLong divides by one less than the rows of each class."""
    return float(np.sqrt(size * max(1, size - 1)))
