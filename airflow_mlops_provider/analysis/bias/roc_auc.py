"""Compare the area under the ROC curve of each slice with that of the rest of the rows."""

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
"""Slices of less than this share of the rows hardly change the ranks of the other rows."""


class Areas(NamedTuple):
    """Slices compared with the rest of the rows, one entry a slice; NaN where a side lacks one of the classes.

    :ivar trials: twice the rows of the rarer class in the slice.
    :ivar rest_trials: twice the rows of the rarer class in the rest.
    :ivar values: areas of the slices.
    :ivar errors: standard errors of ``values``.
    :ivar rest_values: areas of the rest of the rows.
    :ivar p_values: one-sided, of the hypothesis that the slice is not worse.
    """

    trials: Floats
    rest_trials: Floats
    values: Floats
    errors: Floats
    rest_values: Floats
    p_values: Floats


def delong_contrasts(
    predictions: Predictions, members: Iterable[NDArray[np.bool_]], groups: NDArray[np.intp] | None
) -> Areas:
    """Test for each slice whether its area is smaller than that of the rest of the rows, one-sided.

    :param predictions: of all ``n`` rows, with scores.
    :param members: a mask of the rows of each slice, shape ``(n,)``.
    :param groups: group of each row, shape ``(n,)``; the rows of a group count as one unit. ``None`` when rows are
        independent.
    :raises BadInputError: when there are more than two classes, or no scores.

    Source: DeLong, DeLong & Clarke-Pearson 1988; over groups, Obuchowski 1997.
    """
    if not predictions.is_binary or scores_of(predictions).ndim != 1:
        raise BadInputError("roc_auc by slice needs a label of two classes")
    ranked = _RankedRows(np.asarray(predictions.truth == 1), scores_of(predictions), groups)
    rows = [ranked.contrast(inside) for inside in members]
    return Areas(*np.array(rows, dtype=np.float64).reshape(-1, 6).T)


class _Side(NamedTuple):
    """The area under the ROC curve of one side: the slice, or the rest of the rows.

    :ivar value: the area.
    :ivar rarer: rows of the rarer class.
    :ivar variance: variance of the area.
    :ivar influence: influence on the area of each row, or of each group, shape ``(rows,)`` or ``(groups,)``. Empty
        where a class is missing, and for the rest of a small slice when rows are independent.
    """

    value: float
    rarer: int
    variance: float
    influence: Floats


class _RankedRows:
    """All rows in the order of their scores. They are sorted once, so a small slice costs only its own rows."""

    def __init__(self, positive: NDArray[np.bool_], scores: Floats, groups: NDArray[np.intp] | None) -> None:
        self._order = np.argsort(scores, kind="stable")
        self._positive = positive[self._order]
        ordered = scores[self._order]
        self._ties = np.cumsum(np.r_[False, ordered[1:] != ordered[:-1]])
        self._groups = None if groups is None else np.unique(groups[self._order], return_inverse=True)[1]
        shares = _shares(self._positive, self._ties)
        self._area = float(shares[self._positive].mean()) if 0 < self._positive.sum() < len(positive) else np.nan
        self._deviations = shares - self._area
        # The spread of all rows of each class, from which that of the rest of a small slice follows.
        self._class_spreads = [self._spread(self._all_rows[side]) for side in (self._positive, ~self._positive)]

    @property
    def _all_rows(self) -> NDArray[np.intp]:
        return np.arange(len(self._order))

    def contrast(self, inside: NDArray[np.bool_]) -> tuple[float, ...]:
        """Return the fields of :class:`Areas` for one slice, a mask of shape ``(n,)``."""
        chosen = inside[self._order]
        rows = np.flatnonzero(chosen)
        slice_side = self._side(rows)
        if len(rows) < SMALL_SHARE * len(chosen) and slice_side.rarer:
            rest_side = self._rest_of_small(rows, slice_side)
        else:
            rest_side = self._side(np.flatnonzero(~chosen))
        variance, gap = slice_side.variance + rest_side.variance, rest_side.value - slice_side.value
        if self._groups is not None and slice_side.rarer and rest_side.rarer:
            variance = float(((slice_side.influence - rest_side.influence) ** 2).sum())
        # Without spread (two perfect rankings) a gap has no p-value, but where there is no gap, it is 1.
        p = math.erfc(gap / math.sqrt(2 * variance)) / 2 if variance > 0 else 1.0 if gap <= 0 else np.nan
        return (
            2 * slice_side.rarer,
            2 * rest_side.rarer,
            slice_side.value,
            float(np.sqrt(slice_side.variance)),
            rest_side.value,
            p,
        )

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

    def _rest_of_small(self, rows: NDArray[np.intp], slice_side: _Side) -> _Side:
        """Return the rest of a small slice: its exact area, and its variance from the ranks among all rows."""
        positive, placed = self._positive[rows], self._deviations[rows] + self._area
        all_positives, all_negatives = int(self._positive.sum()), int((~self._positive).sum())
        inner_positives, inner_negatives = int(positive.sum()), int((~positive).sum())
        positives, negatives = all_positives - inner_positives, all_negatives - inner_negatives
        # All pairs, less those with a row in the slice. Pairs with both rows in it were subtracted twice.
        pairs = self._area * all_positives * all_negatives
        pairs -= placed[positive].sum() * all_negatives + placed[~positive].sum() * all_positives
        pairs += slice_side.value * inner_positives * inner_negatives
        left = [
            whole - self._spread(rows[side])
            for whole, side in zip(self._class_spreads, (positive, ~positive), strict=True)
        ]
        if self._groups is None:
            variance = float(left[0]) / _divisor(positives) ** 2 + float(left[1]) / _divisor(negatives) ** 2
            influence = np.zeros(0)
        else:
            influence = left[0] / _divisor(positives) + left[1] / _divisor(negatives)
            variance = float((influence**2).sum())
        return _Side(pairs / (positives * negatives), min(positives, negatives), variance, influence)

    def _spread(self, rows: NDArray[np.intp]) -> Any:
        """Return the sum of squared deviations of rows of one class, or the sums of the deviations in each group."""
        deviations = self._deviations[rows]
        return (deviations**2).sum() if self._groups is None else self._by_group(rows, deviations)

    def _by_group(self, rows: NDArray[np.intp], values: Floats) -> Floats:
        groups = np.zeros(0, dtype=np.intp) if self._groups is None else self._groups
        sums = np.bincount(groups[rows], weights=values, minlength=int(groups.max(initial=-1)) + 1)
        return sums.astype(np.float64, copy=False)


def _shares(positive: NDArray[np.bool_], ties: NDArray[np.intp]) -> Floats:
    """Return, for each row, the share of the rows of the other class that it is ranked correctly against.

    :param positive: whether each row is of the positive class, in the order of the scores, shape ``(n,)``.
    :param ties: a number for each row that is the same for equal scores, shape ``(n,)``. Equal scores count one half.
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
    """Return the root of ``size * (size - 1)``, by which DeLong's variance of the rows of a class is divided."""
    return float(np.sqrt(size * max(1, size - 1)))
