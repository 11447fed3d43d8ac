"""Confidence intervals of proportions."""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist
from typing import NamedTuple


class Interval(NamedTuple):
    """A two-sided confidence interval, both ends included."""

    low: float
    high: float


def wilson(successes: float, trials: float, *, confidence: float = 0.95) -> Interval:
    """Return Wilson's score interval of a proportion.

    It lies inside [0, 1], and its coverage is close to ``confidence`` for small counts too.

    :param successes: number of successes, 0 to ``trials``.
    :param trials: number of trials; with 0 trials the interval is (0, 1).
    :param confidence: two-sided coverage, in (0, 1).
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
    # At 0 or ``trials`` successes a bound is exactly 0 or 1; rounding must not exclude the estimate.
    return Interval(min(max(0.0, middle - half), share), max(min(1.0, middle + half), share))


@cache
def _normal_quantile(share: float) -> float:
    return NormalDist().inv_cdf(share)


def newcombe(
    successes_a: float, trials_a: float, successes_b: float, trials_b: float, *, confidence: float = 0.95
) -> Interval:
    """Return Newcombe's interval of the difference of two independent proportions, ``a - b``.

    :param successes_a: successes in the first sample, 0 to ``trials_a``.
    :param trials_a: trials in the first sample, above 0.
    :param successes_b: successes in the second sample, 0 to ``trials_b``.
    :param trials_b: trials in the second sample, above 0.
    :param confidence: two-sided coverage, in (0, 1).
    :returns: inside [-1, 1].
    :raises ValueError: when the counts contradict each other or a sample has no trials.

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
