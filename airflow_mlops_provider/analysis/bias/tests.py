"""Each slice against the rest of the rows: is it worse beyond chance? One p-value a slice, unadjusted."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from airflow_mlops_provider.analysis.stats.two_sample import EXACT_BELOW

Floats = NDArray[np.float64]


class Moments(NamedTuple):
    """Sums of terms over independent units (rows or groups of rows), and sums of their products.

    :ivar sums: shape ``(s, p)`` for ``s`` slices, or ``(p,)`` for all rows.
    :ivar products: shape ``(s, p, p)``, or ``(p, p)``.
    """

    sums: Floats
    products: Floats


class Contrast(NamedTuple):
    """Slices against their rests, one entry a slice; NaN where nothing can be said.

    :ivar values: of the slices, with their standard errors in ``errors``.
    :ivar rest_values: of all other rows.
    :ivar p_values: one-sided, of the hypothesis that the slice is no worse.
    """

    values: Floats
    errors: Floats
    rest_values: Floats
    p_values: Floats


def proportions_worse(bad: ArrayLike, trials: ArrayLike, rest_bad: ArrayLike, rest_trials: ArrayLike) -> Floats:
    """One-sided p-values that the share of bad rows is larger in each slice than in its rest.

    Pooled z-test, or Fisher's exact test where a count is small: entry by entry what
    :func:`~airflow_mlops_provider.analysis.stats.two_sample.two_proportion` gives, for thousands of slices at once.

    :returns: NaN where a side has no trials; 1 where no row, or every row, is bad.
    """
    a, n, b, m = (np.asarray(counts, dtype=np.float64) for counts in (bad, trials, rest_bad, rest_trials))
    total, everything = a + b, n + m
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = total / everything
        z = (a / n - b / m) / np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
        p = special.ndtr(-z)
        few = np.minimum(total, everything - total) / everything * np.minimum(n, m) < EXACT_BELOW
    empty, constant = (n == 0) | (m == 0), (total == 0) | (total == everything)
    few &= ~empty & ~constant
    p[few] = stats.hypergeom.sf(a[few] - 1, everything[few], total[few], n[few])
    p[constant] = 1.0
    p[empty] = np.nan
    return np.asarray(np.clip(p, 0.0, 1.0))


def expansions_worse(value: Callable[[Floats], Floats], sign: int, *, slices: Moments, total: Moments) -> Contrast:
    """Slices against their rests for any metric of sums, by its first-order expansion (the delta method).

    :param value: sums of shape ``(b, p)`` to values of shape ``(b,)``.
    :param sign: +1 when higher is better.
    :param slices: of each slice.
    :param total: of all rows.

    Source: the sandwich estimate of a ratio's variance, Cochran 1977; over clusters, Liang & Zeger 1986. A slice and
    its rest count as independent, which errs on the careful side where they share groups.
    """
    values, variances = _expanded(value, slices)
    rest_values, rest_variances = _expanded(value, Moments(total.sums - slices.sums, total.products - slices.products))
    spread = np.sqrt(variances + rest_variances)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = sign * (rest_values - values) / spread
    # Without any spread there is nothing to judge by.
    z[spread == 0] = np.nan
    return Contrast(values, np.sqrt(variances), rest_values, np.asarray(special.ndtr(-z)))


def _expanded(value: Callable[[Floats], Floats], moments: Moments) -> tuple[Floats, Floats]:
    """The metric in each slice and its variance."""
    sums = moments.sums
    gradients = np.empty_like(sums)
    for j in range(sums.shape[1]):
        step = np.zeros_like(sums)
        step[:, j] = np.maximum(np.abs(sums[:, j]), 1.0) * 1e-6
        gradients[:, j] = (value(sums + step) - value(sums - step)) / (2 * step[:, j])
    variances = np.einsum("si,sij,sj->s", gradients, moments.products, gradients)
    return value(sums), np.maximum(variances, 0.0)
