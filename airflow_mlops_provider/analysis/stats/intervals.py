"""Confidence intervals of proportions."""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist
from typing import NamedTuple


class Interval(NamedTuple):
    """A two-sided confidence interval."""

    low: float
    high: float


def wilson(successes: float, trials: float, *, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a proportion: never outside [0, 1] and honest at small counts.

    :param successes: number of successes, 0 to ``trials``.
    :param trials: number of trials; with none, everything is possible and the interval is (0, 1).
    :param confidence: two-sided coverage.
    :raises ValueError: when the counts contradict each other or are NaN.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".

    >>> low, high = wilson(58, 100)
    >>> round(low, 4), round(high, 4)
    (0.4821, 0.672)
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes of {trials} trials is not a proportion")
    if trials == 0:
        return Interval(0.0, 1.0)
    z = _normal_quantile(0.5 + confidence / 2)
    share, weight = successes / trials, z * z / trials
    middle = (share + weight / 2) / (1 + weight)
    half = z / (1 + weight) * math.sqrt(share * (1 - share) / trials + weight / (4 * trials))
    # At 0 and at all successes the bound is 0 or 1 by algebra; rounding must not exclude the estimate itself.
    return Interval(min(max(0.0, middle - half), share), max(min(1.0, middle + half), share))


@cache
def _normal_quantile(share: float) -> float:
    return NormalDist().inv_cdf(share)


def newcombe(
    successes_a: float, trials_a: float, successes_b: float, trials_b: float, *, confidence: float = 0.95
) -> Interval:
    """Newcombe's interval of the difference of two independent proportions, ``a - b``.

    :raises ValueError: as :func:`wilson`, and when a side has no trials.

    Source: Newcombe 1998, "Interval estimation for the difference between independent proportions", method 10.

    >>> low, high = newcombe(56, 70, 48, 80)
    >>> round(low, 4), round(high, 4)
    (0.0524, 0.3339)
    """
    if not trials_a or not trials_b:
        raise ValueError("a difference of proportions needs trials on both sides")
    a, b = successes_a / trials_a, successes_b / trials_b
    around_a = wilson(successes_a, trials_a, confidence=confidence)
    around_b = wilson(successes_b, trials_b, confidence=confidence)
    low = a - b - math.hypot(a - around_a.low, around_b.high - b)
    high = a - b + math.hypot(around_a.high - a, b - around_b.low)
    return Interval(max(-1.0, low), min(1.0, high))
