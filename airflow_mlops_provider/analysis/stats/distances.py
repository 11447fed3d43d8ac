"""Distances between two distributions, from rows or from counts. Zero on equal inputs, never negative."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]

PSI_FLOOR = 1e-4
"""Share that stands for an empty cell in the population stability index, whose logarithm would be infinite."""


def ks_distance(reference: ArrayLike, current: ArrayLike, *, presorted: bool = False) -> float:
    """Kolmogorov-Smirnov D: the largest vertical distance between two empirical distribution functions.

    :param reference: numbers without NaN, shape ``(n,)``, in any order.
    :param current: numbers without NaN, shape ``(m,)``, in any order.
    :param presorted: both sides are in increasing order already.
    :returns: in [0, 1].
    :raises ValueError: when a side is empty.

    Source: Smirnov 1948.

    >>> ks_distance([1, 2, 3, 4], [3, 4, 5, 6])
    0.5
    """
    a, b = _both_sorted(reference, current, presorted=presorted)
    return max(_largest_lead(a, b), _largest_lead(b, a))


def ks_distance_beyond(reference: ArrayLike, current: ArrayLike, by: float, *, presorted: bool = False) -> float:
    """What is left of the KS distance when every value may move by ``by``, either way.

    At least this share of the values lies further than ``by`` from where it lay, however the values of the two sides
    are paired. At 0 it is the KS distance; it never grows with ``by``.

    :param by: in the units of the values, not negative.
    :returns: in [0, 1].

    Source: Strassen 1965, "The existence of probability measures with given marginals", applied to half-lines.

    >>> ks_distance_beyond([1, 2, 3, 4], [1.1, 2.1, 3.1, 6], 0.2)
    0.25
    """
    a, b = _both_sorted(reference, current, presorted=presorted)
    return max(0.0, _largest_lead(a + by, b), _largest_lead(b + by, a))


BLOCK = 64
"""Values that the KS distance steps over at a time, until it knows which blocks can hold the largest gap."""


def _largest_lead(a: Floats, b: Floats) -> float:
    """How far the distribution function of sorted ``a`` rises above that of ``b``; it does so at a value of ``a``."""
    ends = np.append(np.arange(BLOCK, a.size, BLOCK), a.size)
    at_ends = np.searchsorted(b, a[ends - 1], side="right")
    reached = (ends / a.size - at_ends / b.size).max()
    # Within a block, ``a`` rises to its end at most, and ``b`` is no lower than at the end of the block before.
    bounds = ends / a.size - np.append(0, at_ends[:-1]) / b.size
    at = (np.flatnonzero(bounds > reached)[:, None] * BLOCK + np.arange(BLOCK)).reshape(-1)
    at = at[at < a.size]
    if not at.size:
        return float(reached)
    return max(float(reached), float(((at + 1) / a.size - np.searchsorted(b, a[at], side="right") / b.size).max()))


_PIECE = 32_768


def wasserstein(reference: ArrayLike, current: ArrayLike, *, presorted: bool = False) -> float:
    """First Wasserstein (earth mover's) distance: the mean distance between equal quantiles.

    :param presorted: both sides are in increasing order already.
    :returns: in the units of the values.

    Source: Vallender 1974.

    >>> wasserstein([0, 1, 2], [5, 6, 7])
    5.0
    """
    a, b = _both_sorted(reference, current, presorted=presorted)
    if a.size == b.size:
        return float(np.abs(a - b).mean())
    many, few = (a, b) if a.size > b.size else (b, a)
    n, m = many.size, few.size
    # Quantile functions are steps at i/n and j/m. A step of the larger side lies against one step of the smaller, or
    # against the ends of two; in units of 1/(nm) all widths are whole numbers.
    total = 0.0
    for start in range(0, n, _PIECE):
        # A piece at a time stays in the processor's cache, which makes it several times faster.
        values = many[start : start + _PIECE]
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
    """Total variation distance between two vectors of counts or shares: half the sum of absolute differences.

    :param reference: counts or shares per level, shape ``(k,)``; rescaled to sum to 1.
    :param current: the same levels.
    :returns: in [0, 1]: the share of rows that would have to change level.

    >>> total_variation([50, 50], [60, 40])
    0.1
    """
    return round(float(np.abs(_shares(reference) - _shares(current)).sum() / 2), 15)


def jensen_shannon(reference: ArrayLike, current: ArrayLike) -> float:
    """Jensen-Shannon distance to base 2: the root of the mean Kullback-Leibler divergence from the mixture.

    :returns: in [0, 1].

    Source: Lin 1991; Endres & Schindelin 2003 for the root being a metric.

    >>> jensen_shannon([1, 0], [0, 1])
    1.0
    """
    p, q = _shares(reference), _shares(current)
    middle = (p + q) / 2
    divergence = (special.rel_entr(p, middle).sum() + special.rel_entr(q, middle).sum()) / (2 * np.log(2))
    return float(np.sqrt(min(1.0, max(0.0, float(divergence)))))


def psi(reference: ArrayLike, current: ArrayLike) -> float:
    """Population stability index: the sum over cells of ``(q - p) * ln(q / p)``.

    Empty cells count as :data:`PSI_FLOOR`. Without drift it grows like the number of cells over the number of rows,
    so a fixed limit is wrong at most sizes.

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
