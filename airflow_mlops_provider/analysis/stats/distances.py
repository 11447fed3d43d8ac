"""Distances between two distributions, from rows or from counts: zero on equal inputs, never negative."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]

PSI_FLOOR = 1e-4
"""Share that replaces the 0 of an empty cell in the population stability index, whose logarithm would be infinite."""


def ks_distance(reference: ArrayLike, current: ArrayLike, *, presorted: bool = False) -> float:
    """Return Kolmogorov-Smirnov's D, the largest vertical distance between two empirical distribution functions.

    :param reference: numbers without NaN, shape ``(n,)``.
    :param current: numbers without NaN, shape ``(m,)``.
    :param presorted: whether both sides are in increasing order.
    :returns: in [0, 1].
    :raises ValueError: when a side is empty or holds NaN.

    Source: Smirnov 1948, "Table for estimating the goodness of fit of empirical distributions".

    >>> ks_distance([1, 2, 3, 4], [3, 4, 5, 6])
    0.5
    """
    a, b = _both_sorted(reference, current, presorted=presorted)
    return max(_one_sided_ks(a, b), _one_sided_ks(b, a))


def ks_distance_beyond(reference: ArrayLike, current: ArrayLike, by: float, *, presorted: bool = False) -> float:
    """Return the smallest KS distance that remains when every value may move by up to ``by`` in either direction.

    However the values of the two sides are paired, at least this share of the pairs is more than ``by`` apart. With
    ``by`` 0 it is the KS distance, and it does not increase with ``by``.

    :param reference: numbers without NaN, shape ``(n,)``.
    :param current: numbers without NaN, shape ``(m,)``.
    :param by: largest move, in the units of the values, not negative.
    :param presorted: whether both sides are in increasing order.
    :returns: in [0, 1].
    :raises ValueError: when a side is empty or holds NaN.

    Source: Strassen 1965, "The existence of probability measures with given marginals", applied to half-lines.

    >>> ks_distance_beyond([1, 2, 3, 4], [1.1, 2.1, 3.1, 6], 0.2)
    0.25
    """
    a, b = _both_sorted(reference, current, presorted=presorted)
    return max(0.0, _one_sided_ks(a + by, b), _one_sided_ks(b + by, a))


BLOCK = 64
"""Size of the blocks of values whose ends are compared first, to find the blocks that can hold the KS distance."""


def _one_sided_ks(a: Floats, b: Floats) -> float:
    """Return the one-sided KS distance: how far the distribution function of sorted ``a`` rises above that of ``b``.

    The largest difference is at a value of ``a``.
    """
    ends = np.append(np.arange(BLOCK, a.size, BLOCK), a.size)
    at_ends = np.searchsorted(b, a[ends - 1], side="right")
    reached = (ends / a.size - at_ends / b.size).max()
    # In a block, the function of ``a`` is at most its value at the end, that of ``b`` at least its value at the start.
    bounds = ends / a.size - np.append(0, at_ends[:-1]) / b.size
    at = (np.flatnonzero(bounds > reached)[:, None] * BLOCK + np.arange(BLOCK)).reshape(-1)
    at = at[at < a.size]
    if not at.size:
        return float(reached)
    return max(float(reached), float(((at + 1) / a.size - np.searchsorted(b, a[at], side="right") / b.size).max()))


_CHUNK = 32_768


def wasserstein(reference: ArrayLike, current: ArrayLike, *, presorted: bool = False) -> float:
    """Return the first Wasserstein (earth mover's) distance, the mean distance between equal quantiles.

    :param reference: numbers without NaN, shape ``(n,)``.
    :param current: numbers without NaN, shape ``(m,)``.
    :param presorted: whether both sides are in increasing order.
    :returns: in the units of the values.
    :raises ValueError: when a side is empty or holds NaN.

    Source: Vallender 1974, "Calculation of the Wasserstein distance between probability distributions on the line".

    >>> wasserstein([0, 1, 2], [5, 6, 7])
    5.0
    """
    a, b = _both_sorted(reference, current, presorted=presorted)
    if a.size == b.size:
        return float(np.abs(a - b).mean())
    many, few = (a, b) if a.size > b.size else (b, a)
    n, m = many.size, few.size
    # The quantile functions are steps at i/n and j/m. A step of the larger side overlaps one or two steps of the
    # smaller. In units of 1/(nm) all widths are whole numbers.
    total = 0.0
    for start in range(0, n, _CHUNK):
        # A piece fits into the processor's cache, which is several times faster than all values at once.
        values = many[start : start + _CHUNK]
        begins = np.arange(start, start + values.size) * m
        first = begins // n
        width = np.minimum(m, (first + 1) * n - begins)
        second = np.minimum(first + 1, m - 1)
        total += float((np.abs(values - few[first]) * width + np.abs(values - few[second]) * (m - width)).sum())
    return total / n / m


def _both_sorted(reference: ArrayLike, current: ArrayLike, *, presorted: bool) -> tuple[Floats, Floats]:
    a, b = _numbers(reference), _numbers(current)
    return (a, b) if presorted else (np.sort(a), np.sort(b))


def total_variation(reference: ArrayLike, current: ArrayLike) -> float:
    """Return the total variation distance between two vectors of shares, half the sum of absolute differences.

    :param reference: counts or shares per level, shape ``(k,)``; rescaled to sum to 1.
    :param current: counts or shares of the same levels, shape ``(k,)``.
    :returns: in [0, 1]: the share of rows that would have to change level.
    :raises ValueError: when a side has a negative count or only zeros.

    >>> total_variation([50, 50], [60, 40])
    0.1
    """
    return round(float(np.abs(_shares(reference) - _shares(current)).sum() / 2), 15)


def jensen_shannon(reference: ArrayLike, current: ArrayLike) -> float:
    """Return the Jensen-Shannon distance to base 2, the root of the mean Kullback-Leibler divergence from the mixture.

    :param reference: counts or shares per level, shape ``(k,)``; rescaled to sum to 1.
    :param current: counts or shares of the same levels, shape ``(k,)``.
    :returns: in [0, 1].
    :raises ValueError: when a side has a negative count or only zeros.

    Source: Lin 1991; Endres & Schindelin 2003 for the root being a metric.

    >>> jensen_shannon([1, 0], [0, 1])
    1.0
    """
    p, q = _shares(reference), _shares(current)
    middle = (p + q) / 2
    divergence = (special.rel_entr(p, middle).sum() + special.rel_entr(q, middle).sum()) / (2 * np.log(2))
    return float(np.sqrt(min(1.0, max(0.0, float(divergence)))))


def psi(reference: ArrayLike, current: ArrayLike) -> float:
    """Return the population stability index, the sum over cells of ``(q - p) * ln(q / p)``.

    Empty cells count as :data:`PSI_FLOOR`. Without drift, the index is proportional to the number of cells divided by
    the number of rows, so a fixed limit is wrong for most sizes.

    :param reference: counts or shares per cell, shape ``(k,)``; rescaled to sum to 1.
    :param current: counts or shares of the same cells, shape ``(k,)``.
    :returns: 0 or more, without an upper limit.
    :raises ValueError: when a side has a negative count or only zeros.

    Source: Siddiqi 2006, "Credit risk scorecards"; Yurdakul & Naranjo 2020 for its distribution.
    """
    p, q = np.maximum(_shares(reference), PSI_FLOOR), np.maximum(_shares(current), PSI_FLOOR)
    return float(((q - p) * np.log(q / p)).sum())


def _numbers(values: ArrayLike) -> Floats:
    numbers = np.asarray(values, dtype=np.float64).reshape(-1)
    if not numbers.size or bool(np.isnan(numbers).any()):
        raise ValueError("a distance needs at least one number on each side, and no NaN")
    return numbers


def _shares(counts: ArrayLike) -> Floats:
    weights = np.asarray(counts, dtype=np.float64).reshape(-1)
    total = float(weights.sum())
    if not total > 0 or bool((weights < 0).any()):
        raise ValueError("shares need counts that are not negative and not all zero")
    return np.asarray(weights / total)
