"""Test whether each slice is worse than the rest of the rows. P-values are not adjusted for the number of slices."""

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
"""P-values of the normal approximation below this are computed exactly."""


class Moments(NamedTuple):
    """Sums over independent units, which are rows or groups of rows, for ``s`` slices.

    :ivar sums: sums of the terms, shape ``(s, p)``.
    :ivar products: sums of the products of the terms, shape ``(s, p, p)``.
    :ivar units: number of units with rows in the slice, shape ``(s,)``.
    """

    sums: Floats
    products: Floats
    units: Floats


class Contrast(NamedTuple):
    """Slices compared with the rest of the rows, one entry a slice; NaN where the metric or its error is undefined.

    :ivar values: the metric in the slices.
    :ivar errors: standard errors of ``values``.
    :ivar rest_values: the metric in the rest of the rows.
    :ivar p_values: one-sided, of the hypothesis that the slice is not worse.
    :ivar statistics: the gap in standard errors; large when the slice is worse.
    """

    values: Floats
    errors: Floats
    rest_values: Floats
    p_values: Floats
    statistics: Floats


def proportion_p_values(bad: ArrayLike, trials: ArrayLike, rest_bad: ArrayLike, rest_trials: ArrayLike) -> Floats:
    """Return one-sided p-values that the share of bad rows is larger in each slice than in the rest.

    Small counts and small p-values take Fisher's exact test, all others the pooled z-test. In the tail that Holm's
    levels reach, the p-values of the z-test are several times too small even at hundreds of rows, because the counts
    of rare bad rows are skewed.

    :param bad: bad rows of each slice, shape ``(s,)``.
    :param trials: rows of each slice, shape ``(s,)``.
    :param rest_bad: bad rows of the rest, shape ``(s,)``.
    :param rest_trials: rows of the rest, shape ``(s,)``.
    :returns: shape ``(s,)``; NaN where a side has no trials, 1 where no row or every row is bad.

    Source: Fisher 1922; pooled z-test after Fleiss, Levin & Paik, "Statistical methods for rates and proportions".
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
    """Return the probability of ``at_least`` or more bad rows among rows drawn without replacement.

    :param at_least: number of bad rows.
    :param population: rows in all.
    :param bad: bad rows in all.
    :param drawn: rows that are drawn.

    >>> round(hypergeometric_tail(3, 10, 4, 5), 6)
    0.261905
    """
    mean = drawn * bad / population
    spread = np.sqrt(mean * (1 - bad / population) * (population - drawn) / max(1.0, population - 1))
    lowest = max(0.0, drawn + bad - population)
    if at_least <= lowest:
        return 1.0
    # A term twelve standard deviations above both the mean and ``at_least`` is below 1e-30 of the largest one.
    highest = min(drawn, bad, np.floor(max(mean, at_least) + 12 * spread + 50))
    k = np.arange(at_least, highest)
    # Each term follows from the one before it, which is far faster than a logarithm of factorials for each.
    ratios = (bad - k) * (drawn - k) / ((k + 1) * (population - bad - drawn + k + 1))
    first = _log_choose(bad, at_least) + _log_choose(population - bad, drawn - at_least)
    return min(1.0, math.exp(first - _log_choose(population, drawn)) * (1 + float(np.cumprod(ratios).sum())))


def _log_choose(n: float, k: float) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def delta_method_contrasts(
    value: Callable[[Floats], Floats], sign: int, *, slices: Moments, rests: Moments, shared: Floats
) -> Contrast:
    """Compare slices with the rest of the rows in any metric of sums, by its first-order expansion (the delta method).

    :param value: sums of shape ``(b, p)`` to values of shape ``(b,)``.
    :param sign: +1 when higher is better, -1 when lower is better.
    :param slices: moments of the slices.
    :param rests: moments of the rest of the rows, one entry a slice.
    :param shared: sums over units of the products of the terms in the slice and in the rest, shape ``(s, p, p)``. They
        are zero unless a group has rows on both sides, which makes the two values correlated.

    Source: the sandwich estimate of a ratio's variance, Cochran 1977; over clusters, Liang & Zeger 1986. Degrees of
    freedom after Welch 1947, which keeps the p-values of slices with few groups from being too small.
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
    # Without spread a gap has no p-value, but where there is no gap, it is 1.
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
