"""Statistics of models on the same rows: McNemar's test, DeLong's covariance, and a bootstrap of rows or groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

MAX_DISTINCT = 512
"""With at most this many distinct units, the bootstrap draws their counts from a multinomial distribution."""

MAX_RESAMPLED = 5_000
"""Above this many units, the sums of resampled units are drawn from their normal approximation."""

REPLICATES = 2000
"""Default number of bootstrap replicates."""

_CHUNK_CELLS = 4_000_000


def mcnemar_midp(only_first: int, only_second: int) -> float:
    """Return the one-sided mid-p of McNemar's test that the first of two paired classifiers is right more often.

    :param only_first: number of rows that only the first classifies correctly.
    :param only_second: number of rows that only the second classifies correctly.
    :returns: ``P(X > only_first) + P(X = only_first) / 2`` for ``X ~ Binomial(n, 1/2)``; 0.5 when ``n`` is 0.

    Source: Fagerland, Lydersen & Laake 2013, "The McNemar test for binary matched-pairs data".

    >>> round(mcnemar_midp(9, 3), 4)
    0.0461
    """
    trials = only_first + only_second
    if not trials:
        return 0.5
    from scipy import special  # costs a fifth of a second to import

    at_least, above = special.bdtrc([only_first - 1, only_first], trials, 0.5)
    return float((at_least + above) / 2)


class DeLong(NamedTuple):
    """Areas under the ROC curves of ``k`` models on the same ``n`` rows.

    :ivar areas: the areas, shape ``(k,)``.
    :ivar covariance: covariance of the areas, shape ``(k, k)``.
    :ivar influence: influence of each row on each area, shape ``(n, k)``; every column sums to zero.
    """

    areas: Floats
    covariance: Floats
    influence: Floats


def delong(positive: ArrayLike, scores: ArrayLike) -> DeLong:
    """Return the areas under the ROC curves of ``k`` models on the same rows, with their covariance.

    Ties count one half.

    :param positive: whether each row is of the positive class, shape ``(n,)``, boolean.
    :param scores: scores of the positive class, one column a model, shape ``(n, k)``.
    :raises ValueError: when a class has no row.

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
    """Return, for each row, the share of rows of the other class that it is ranked correctly against.

    Ties count one half. The mean over either class is the area under the ROC curve.
    """
    result = np.empty(len(scores))
    positives, negatives = scores[positive], scores[~positive]
    result[positive] = _share_below(positives, negatives)
    result[~positive] = 1 - _share_below(negatives, positives)
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
    """Sum ``rows`` within each group, so that the rows of a group are resampled together.

    :param rows: terms of each row, shape ``(n, p)``.
    :param groups: group of each row, shape ``(n,)``, of values that can be sorted; ``None`` when rows are independent.
    :returns: shape ``(number of groups, p)``.
    """
    if groups is None:
        return rows
    codes = np.unique(np.asarray(groups), return_inverse=True)[1]
    return np.column_stack([np.bincount(codes, weights=column) for column in rows.T])


def bootstrap(
    units: Floats, statistic: Callable[[Floats], Floats], *, replicates: int = REPLICATES, seed: int = 0
) -> Floats:
    """Return the bootstrap distribution of a statistic that is a function of sums over the data.

    With at most :data:`MAX_DISTINCT` distinct units, only their counts are resampled, so a million rows of a 2 x 2 x 2
    table cost as much as eight. With more distinct units than that and more than :data:`MAX_RESAMPLED` units, the sums
    are drawn from their normal approximation.

    :param units: terms of each independent unit, shape ``(n, p)``.
    :param statistic: sums of shape ``(b, p)`` to values of shape ``(b,)``.
    :param replicates: number of resamples.
    :param seed: seed of the resampling.
    :returns: values of the statistic, shape ``(replicates,)``.

    Source: Efron 1979; resampling of whole groups after Davison & Hinkley 1997, section 3.8.
    """
    rng = np.random.default_rng(seed)
    distinct, counts = _distinct_units(units)
    if len(distinct) <= MAX_DISTINCT:
        draws = rng.multinomial(len(units), counts / counts.sum(), size=replicates)
        return statistic(draws @ distinct)
    if len(units) > MAX_RESAMPLED:
        centre, spread = units.sum(axis=0), np.atleast_2d(np.cov(units, rowvar=False)) * len(units)
        return statistic(rng.multivariate_normal(centre, spread, size=replicates, method="eigh"))
    return statistic(_resampled_sums(units, replicates, rng))


def _distinct_units(units: Floats) -> tuple[Floats, NDArray[np.intp]]:
    # Sorting all rows is slow, so a sample is looked at first: too many distinct rows there are too many in all.
    if len(units) > 20_000 and len(np.unique(units[:: len(units) // 5_000], axis=0)) > MAX_DISTINCT:
        return units, np.ones(len(units), dtype=np.intp)
    distinct, counts = np.unique(units, axis=0, return_counts=True)
    return distinct, counts


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
