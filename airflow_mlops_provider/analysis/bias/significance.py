"""Each slice against the rest of the rows: is it worse beyond chance? One p-value a slice, unadjusted."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


EXACT_BELOW = 25.0
"""Expected count below which proportions are always compared exactly."""

EXACT_TAIL = 0.1
"""P-values of the normal approximation below this are computed exactly instead."""


class Moments(NamedTuple):
    """Sums over independent units: rows, or groups of rows.

    :ivar sums: of terms, shape ``(s, p)`` for ``s`` slices.
    :ivar products: of products of terms, shape ``(s, p, p)``.
    :ivar units: how many units have rows in the slice, shape ``(s,)``.
    """

    sums: Floats
    products: Floats
    units: Floats


class Contrast(NamedTuple):
    """Slices against their rests, one entry a slice; NaN where nothing can be said.

    :ivar values: of the slices, with their standard errors in ``errors``.
    :ivar rest_values: of all other rows.
    :ivar p_values: one-sided, of the hypothesis that the slice is no worse.
    :ivar statistics: the gap in standard errors; large when the slice is worse.
    """

    values: Floats
    errors: Floats
    rest_values: Floats
    p_values: Floats
    statistics: Floats


def proportions_worse(bad: ArrayLike, trials: ArrayLike, rest_bad: ArrayLike, rest_trials: ArrayLike) -> Floats:
    """One-sided p-values that the share of bad rows is larger in each slice than in its rest.

    Fisher's exact test wherever it can matter: for small counts, and for every p-value small enough to be held against
    Holm's levels. There the normal approximation is several times too small even at hundreds of rows, because bad rows
    are rare and their counts skewed; elsewhere it serves.

    :returns: NaN where a side has no trials; 1 where no row, or every row, is bad.

    Source: Fisher 1922; pooled z-test after Fleiss, Levin & Paik.
    """
    a, n, b, m = (np.asarray(counts, dtype=np.float64) for counts in (bad, trials, rest_bad, rest_trials))
    total, everything = a + b, n + m
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = total / everything
        z = (a / n - b / m) / np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
        p = np.array([0.5 * math.erfc(each / math.sqrt(2)) for each in z.tolist()])
        few = np.minimum(total, everything - total) / everything * np.minimum(n, m) < EXACT_BELOW
    empty, constant = (n == 0) | (m == 0), (total == 0) | (total == everything)
    for i in np.flatnonzero((few | (p < EXACT_TAIL)) & ~empty & ~constant):
        p[i] = hypergeometric_tail(a[i], everything[i], total[i], n[i])
    p[constant] = 1.0
    p[empty] = np.nan
    return np.asarray(np.clip(p, 0.0, 1.0))


def hypergeometric_tail(at_least: float, population: float, bad: float, drawn: float) -> float:
    """Probability of ``at_least`` bad rows or more among ``drawn`` rows of a population with ``bad`` bad ones.

    >>> round(hypergeometric_tail(3, 10, 4, 5), 6)
    0.261905
    """
    mean = drawn * bad / population
    spread = np.sqrt(mean * (1 - bad / population) * (population - drawn) / max(1.0, population - 1))
    lowest = max(0.0, drawn + bad - population)
    if at_least <= lowest:
        return 1.0
    # Twelve standard deviations above the larger of mean and count, a term is below 1e-30 of the largest one.
    highest = min(drawn, bad, np.floor(max(mean, at_least) + 12 * spread + 50))
    k = np.arange(at_least, highest)
    # Each term from the one before it: far cheaper than a logarithm of factorials for each.
    ratios = (bad - k) * (drawn - k) / ((k + 1) * (population - bad - drawn + k + 1))
    first = _log_choose(bad, at_least) + _log_choose(population - bad, drawn - at_least)
    return min(1.0, math.exp(first - _log_choose(population, drawn)) * (1 + float(np.cumprod(ratios).sum())))


def _log_choose(n: float, k: float) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def expansions_worse(
    value: Callable[[Floats], Floats], sign: int, *, slices: Moments, rests: Moments, shared: Floats
) -> Contrast:
    """Slices against their rests for any metric of sums, by its first-order expansion (the delta method).

    :param value: sums of shape ``(b, p)`` to values of shape ``(b,)``.
    :param sign: +1 when higher is better.
    :param slices: of each slice.
    :param rests: of all other rows, slice by slice.
    :param shared: sums over units of products of the terms inside and outside, shape ``(s, p, p)``: not zero where
        a group has rows on both sides, which then are compared with each other.

    Source: the sandwich estimate of a ratio's variance, Cochran 1977; over clusters, Liang & Zeger 1986. Degrees of
    freedom after Welch 1947, so that a slice of few groups is not accused by a handful of them.
    """
    values, gradients = value(slices.sums), _gradients(value, slices.sums)
    rest_values, rest_gradients = value(rests.sums), _gradients(value, rests.sums)
    variances = _variances(gradients, slices)
    rest_variances = _variances(rest_gradients, rests)
    covariances = np.einsum("si,sij,sj->s", gradients, shared, rest_gradients)
    spread = np.sqrt(np.maximum(variances + rest_variances - 2 * covariances, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        t = sign * (rest_values - values) / spread
        freedom = (variances + rest_variances) ** 2 / (
            variances**2 / (slices.units - 1) + rest_variances**2 / (rests.units - 1)
        )
    from scipy import special  # costs a fifth of a second to import, and exact tests need none of it

    p_values = np.asarray(special.stdtr(freedom, -t))
    # Without any spread a gap cannot be judged, but no gap is none.
    p_values[spread == 0] = np.where(sign * (rest_values - values) <= 0, 1.0, np.nan)[spread == 0]
    return Contrast(values, np.sqrt(variances), rest_values, p_values, t)


def _gradients(value: Callable[[Floats], Floats], sums: Floats) -> Floats:
    gradients = np.empty_like(sums)
    for j in range(sums.shape[1]):
        step = np.zeros_like(sums)
        step[:, j] = np.maximum(np.abs(sums[:, j]), 1.0) * 1e-6
        gradients[:, j] = (value(sums + step) - value(sums - step)) / (2 * step[:, j])
    return gradients


def _variances(gradients: Floats, moments: Moments) -> Floats:
    variances = np.einsum("si,sij,sj->s", gradients, moments.products, gradients)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.maximum(variances * moments.units / (moments.units - 1), 0.0))
