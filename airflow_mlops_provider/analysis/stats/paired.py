"""Two models on the same rows: McNemar's test, DeLong's covariance, and a bootstrap over rows or groups of rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

MAX_PATTERNS = 512
"""Rows that look alike are resampled as one cell of a multinomial when there are at most this many kinds."""

MAX_RESAMPLED = 5_000
"""Above this many units, sums of resampled units come from their normal limit, which they have reached by then."""

REPLICATES = 2000
"""Draws of a bootstrap unless asked otherwise."""

_CHUNK_CELLS = 4_000_000


def mcnemar_midp(only_first: int, only_second: int) -> float:
    """One-sided mid-p of McNemar's test that the first of two paired classifiers is right more often.

    :param only_first: rows that only the first gets right.
    :param only_second: rows that only the second gets right.
    :returns: ``P(X > only_first) + P(X = only_first) / 2`` for ``X ~ Binomial(n, 1/2)``; 0.5 when they never differ.

    Source: Fagerland, Lydersen & Laake 2013, "The McNemar test for binary matched-pairs data".

    >>> round(mcnemar_midp(9, 3), 4)
    0.0461
    """
    trials = only_first + only_second
    if not trials:
        return 0.5
    from scipy import special  # costs a fifth of a second to import

    at_least, more = special.bdtrc([only_first - 1, only_first], trials, 0.5)
    return float((at_least + more) / 2)


class DeLong(NamedTuple):
    """Areas under ROC curves on the same rows.

    :ivar areas: shape ``(k,)``.
    :ivar covariance: of the areas, shape ``(k, k)``.
    :ivar influence: what each row adds to each area, shape ``(n, k)``; every column sums to zero.
    """

    areas: Floats
    covariance: Floats
    influence: Floats


def delong(positive: ArrayLike, scores: ArrayLike) -> DeLong:
    """Areas under the ROC curves of ``k`` models on the same rows, with their covariance; ties count one half.

    :param positive: which rows are of the positive class, shape ``(n,)``, boolean.
    :param scores: one column a model, shape ``(n, k)``.
    :raises ValueError: when there are not both classes.

    Source: DeLong, DeLong & Clarke-Pearson 1988; computed by mid-ranks after Sun & Xu 2014.

    >>> delong([False, False, True, True], [[0.1], [0.4], [0.35], [0.8]]).areas.tolist()
    [0.75]
    """
    is_positive = np.asarray(positive, dtype=bool)
    columns = np.asarray(scores, dtype=np.float64)
    positives, negatives = int(is_positive.sum()), int((~is_positive).sum())
    if not positives or not negatives:
        raise ValueError("an area under the ROC curve needs rows of both classes")
    shares = np.column_stack([_placements(is_positive, column) for column in columns.T])
    areas = shares[is_positive].mean(axis=0)
    scale = np.where(is_positive, len(is_positive) / positives, len(is_positive) / negatives)[:, None]
    covariance = _covariance(shares[is_positive]) + _covariance(shares[~is_positive])
    return DeLong(areas, covariance, (shares - areas) * scale)


def _placements(positive: NDArray[np.bool_], scores: Floats) -> Floats:
    """For each row, the share of rows of the other class that it is ranked rightly against; ties count one half.

    Their mean over either class is the area under the ROC curve; 0 where there is no other class.
    """
    result = np.empty(len(scores))
    ours, theirs = scores[positive], scores[~positive]
    result[positive] = _share_below(ours, theirs)
    result[~positive] = 1 - _share_below(theirs, ours)
    return result


def _share_below(values: Floats, others: Floats) -> Floats:
    ordered = np.sort(others)
    both = np.searchsorted(ordered, values, side="left") + np.searchsorted(ordered, values, side="right")
    return np.asarray(both / (2 * max(1, len(ordered))))


def _covariance(shares: Floats) -> Floats:
    if len(shares) < 2:
        return np.zeros((shares.shape[1],) * 2)
    return np.atleast_2d(np.cov(shares, rowvar=False)) / len(shares)


def by_group(rows: Floats, groups: ArrayLike | None) -> Floats:
    """Sums of ``rows`` within each group, so that rows of one group are resampled together.

    :param rows: shape ``(n, p)``.
    :param groups: group of each row, shape ``(n,)``, any hashable values; ``None`` when each row is its own.
    :returns: shape ``(number of groups, p)``.
    """
    if groups is None:
        return rows
    codes = np.unique(np.asarray(groups), return_inverse=True)[1]
    return np.column_stack([np.bincount(codes, weights=column) for column in rows.T])


def bootstrap(
    units: Floats, statistic: Callable[[Floats], Floats], *, replicates: int = REPLICATES, seed: int = 0
) -> Floats:
    """The bootstrap distribution of a statistic that depends on the data through sums alone.

    Resampling units is resampling the counts of their distinct kinds, so a million rows of a 2 x 2 x 2 table cost as
    much as eight. Above :data:`MAX_RESAMPLED` distinct units, the sums come from their normal limit.

    :param units: what each unit adds to each sum, shape ``(n, p)``.
    :param statistic: sums of shape ``(b, p)`` to values of shape ``(b,)``.
    :returns: shape ``(replicates,)``.

    Source: Efron 1979; resampling of whole groups after Davison & Hinkley 1997, section 3.8.
    """
    rng = np.random.default_rng(seed)
    kinds, counts = _kinds(units)
    if len(kinds) <= MAX_PATTERNS:
        draws = rng.multinomial(len(units), counts / counts.sum(), size=replicates)
        return statistic(draws @ kinds)
    if len(units) > MAX_RESAMPLED:
        centre, spread = units.sum(axis=0), np.atleast_2d(np.cov(units, rowvar=False)) * len(units)
        return statistic(rng.multivariate_normal(centre, spread, size=replicates, method="eigh"))
    return statistic(_resampled_sums(units, replicates, rng))


def _kinds(units: Floats) -> tuple[Floats, NDArray[np.intp]]:
    # A sample tells whether sorting all rows to find the few kinds can pay.
    if len(units) > 20_000 and len(np.unique(units[:: len(units) // 5_000], axis=0)) > MAX_PATTERNS:
        return units, np.ones(len(units), dtype=np.intp)
    kinds, counts = np.unique(units, axis=0, return_counts=True)
    return kinds, counts


def _resampled_sums(units: Floats, replicates: int, rng: np.random.Generator) -> Floats:
    n, chunk = len(units), max(1, _CHUNK_CELLS // len(units))
    sums = []
    for start in range(0, replicates, chunk):
        size = min(chunk, replicates - start)
        picked = rng.integers(0, n, size=(size, n), dtype=np.int32)
        offsets = np.arange(size, dtype=np.int64)[:, None] * n
        weights = np.bincount((picked + offsets).ravel(), minlength=size * n).reshape(size, n)
        sums.append(weights @ units)
    return np.concatenate(sums)
