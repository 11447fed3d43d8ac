"""Tests of whether two samples come from one distribution. Every p-value is a finite number or an error."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from airflow_mlops_provider.analysis.stats.distances import ks_distance

Alternative = Literal["two-sided", "less", "greater"]

Floats = NDArray[np.float64]

MIN_EXPECTED = 5.0
"""Expected count below which a cell of a chi-squared table is rare (Cochran 1954)."""

EXACT_KS_ROWS = 3_000
"""Effective size up to which the exact law of KS is computed; beyond, it takes up to a second a value."""

EXACT_BELOW = 25.0
"""Expected count below which two proportions are compared exactly: the levels used here lie far in the tail,
where the normal approximation needs more than the textbook's 5."""


class Comparison(NamedTuple):
    """What a test found: its statistic and its p-value."""

    statistic: float
    p_value: float


def two_proportion(
    successes_a: int, trials_a: int, successes_b: int, trials_b: int, *, alternative: Alternative = "two-sided"
) -> Comparison:
    """Do two independent samples share one proportion? Pooled z-test; Fisher's exact test when a count is small.

    :param alternative: ``greater`` tests whether the share in ``a`` is the larger one, ``less`` the smaller one.
    :returns: the statistic is the difference of shares, ``a - b``; the p-value is 1 when nothing can differ
        (no success or no failure at all).
    :raises ValueError: when a side has no trials or the counts contradict each other.

    Source: Fleiss, Levin & Paik, "Statistical methods for rates and proportions"; Fisher 1922.

    >>> two_proportion(80, 200, 50, 200).p_value < 0.01
    True
    """
    if not (0 <= successes_a <= trials_a and 0 <= successes_b <= trials_b and trials_a and trials_b):
        raise ValueError(f"{successes_a}/{trials_a} and {successes_b}/{trials_b} are not two proportions")
    difference = successes_a / trials_a - successes_b / trials_b
    successes, trials = successes_a + successes_b, trials_a + trials_b
    if successes in (0, trials):
        return Comparison(0.0, 1.0)
    if min(successes, trials - successes) / trials * min(trials_a, trials_b) < EXACT_BELOW:
        return Comparison(difference, _fisher(successes_a, trials_a, successes_b, trials_b, alternative))
    pooled = successes / trials
    z = difference / math.sqrt(pooled * (1 - pooled) * (1 / trials_a + 1 / trials_b))
    return Comparison(difference, _normal_tail(z, alternative))


def _fisher(successes_a: int, trials_a: int, successes_b: int, trials_b: int, alternative: Alternative) -> float:
    """Fisher's exact p-value: given all margins, the successes in ``a`` are hypergeometric.

    Two-sided, every outcome that is no more probable than the one observed counts, as R and SciPy have it.
    """
    successes = successes_a + successes_b
    outcomes = np.arange(max(0, successes - trials_b), min(successes, trials_a) + 1)
    weights = _log_choose(trials_a, outcomes) + _log_choose(trials_b, successes - outcomes)
    chances = np.exp(weights - _log_choose(trials_a + trials_b, np.array(successes)))
    if alternative == "two-sided":
        extreme = chances <= chances[successes_a - outcomes[0]] * (1 + 1e-7)
    else:
        extreme = outcomes >= successes_a if alternative == "greater" else outcomes <= successes_a
    return _finite(min(1.0, float(chances[extreme].sum())))


def _log_choose(n: int, k: NDArray[np.int64]) -> Floats:
    return np.asarray(special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1))


def binomial(successes: int, trials: int, share: float, *, alternative: Alternative = "two-sided") -> Comparison:
    """Exact test of ``successes`` in ``trials`` against a known ``share``.

    :returns: the statistic is the observed share minus ``share``.

    Source: Clopper & Pearson 1934.
    """
    from scipy.stats import binomtest

    result = binomtest(int(successes), int(trials), share, alternative=alternative)
    return Comparison(successes / trials - share, _finite(result.pvalue))


def ks(reference: ArrayLike, current: ArrayLike) -> Comparison:
    """Two-sample Kolmogorov-Smirnov test; conservative when values are tied.

    :param reference: numbers without NaN, shape ``(n,)``.
    :param current: numbers without NaN, shape ``(m,)``.
    :returns: the statistic is D, the largest vertical distance between the two empirical distributions.

    Source: Smirnov 1948; p-value as :func:`ks_p_value`.
    """
    a, b = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    distance = ks_distance(a, b)
    return Comparison(distance, ks_p_value(distance, a.size, b.size))


def ks_p_value(distance: float, rows_a: float, rows_b: float) -> float:
    """P-value of a two-sample KS distance, from the one-sample law at the effective size ``ab / (a + b)``.

    :param rows_a: rows on one side, or what they are worth when they are not independent.

    The same law that ``scipy.stats.ks_2samp(method="asymp")`` uses; a few per cent conservative at 200 rows. From an
    effective size of 3,000 its limit with Vrbik's correction (2018), which is then within 0.4 % of it down to 1e-5.
    """
    if not rows_a or not rows_b:
        raise ValueError("the KS test needs rows on both sides")
    effective = max(1, round(rows_a * rows_b / (rows_a + rows_b)))
    if effective <= EXACT_KS_ROWS:
        from scipy.stats import kstwo  # here and below: scipy.stats costs most of a second to import

        return _finite(min(1.0, max(0.0, float(kstwo.sf(distance, effective)))))
    scaled = math.sqrt(effective) * distance
    corrected = scaled + 1 / (6 * math.sqrt(effective)) + (scaled - 1) / (4 * effective)
    return _finite(special.kolmogorov(max(0.0, corrected) if distance > 0 else 0.0))


def chi_squared(reference: ArrayLike, current: ArrayLike, *, min_expected: float = MIN_EXPECTED) -> Comparison:
    """Two-sample chi-squared test of homogeneity; rare cells are pooled.

    The reference is a sample as well, so its own noise counts: a test that takes its shares as exact rejects too often.

    :param reference: counts per level, shape ``(k,)``.
    :param current: counts of the same levels, shape ``(k,)``.
    :param min_expected: levels with a smaller expected count on either side are pooled into one.
    :returns: the p-value is 1 when a single cell is left: nothing can differ.

    Source: Pearson 1900; pooling after Cochran 1954, "Some methods for strengthening the common chi-squared tests".
    """
    table = pool_rare(reference, current, min_expected=min_expected)
    if table.shape[1] < 2:
        return Comparison(0.0, 1.0)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    return Comparison(statistic, _finite(special.chdtrc(table.shape[1] - 1, statistic)))


def pool_rare(reference: ArrayLike, current: ArrayLike, *, min_expected: float = MIN_EXPECTED) -> Floats:
    """The 2 x k table of counts with its rare cells pooled into the last one.

    A level is rare when its expected count on the smaller side is below ``min_expected``. When all rare levels
    together are still rare, they join the smallest of the others.

    :returns: shape ``(2, cells)``, reference first.
    :raises ValueError: when a side has no rows.
    """
    table = np.vstack([np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)])
    rows = table.sum(axis=1)
    if not bool(np.all(rows > 0)):
        raise ValueError("a table of counts needs rows on both sides")
    totals = table.sum(axis=0)
    smallest_share = rows.min() / rows.sum()
    rare = totals * smallest_share < min_expected
    kept, pooled = table[:, ~rare], table[:, rare].sum(axis=1, keepdims=True)
    if pooled.sum() * smallest_share >= min_expected or not kept.shape[1]:
        return np.hstack([kept, pooled])
    if pooled.sum():
        kept[:, kept.sum(axis=0).argmin()] += pooled[:, 0]
    return np.asarray(kept)


def auc(positive: ArrayLike, negative: ArrayLike) -> Comparison:
    """One-sided Mann-Whitney test that scores of ``positive`` tend to be the larger ones.

    :returns: the statistic is the area under the ROC curve, 0.5 when the scores tell nothing; ties are corrected for.

    Source: Mann & Whitney 1947; Hanley & McNeil 1982 for the area.
    """
    a, b = np.asarray(positive, dtype=np.float64), np.asarray(negative, dtype=np.float64)
    if np.unique(np.concatenate([a, b])).size < 2:
        return Comparison(0.5, 1.0)
    from scipy.stats import mannwhitneyu

    result = mannwhitneyu(a, b, alternative="greater", method="asymptotic")
    return Comparison(float(result.statistic) / (a.size * b.size), _finite(result.pvalue))


def welch(larger: ArrayLike, smaller: ArrayLike) -> Comparison:
    """One-sided t-test, without assuming equal variances, that the mean of ``larger`` exceeds that of ``smaller``.

    :returns: the statistic is the difference of means; the p-value is 1 when both sides are one and the same constant.
    :raises ValueError: when a side has fewer than two values.

    Source: Welch 1947; degrees of freedom after Satterthwaite 1946.
    """
    a, b = np.asarray(larger, dtype=np.float64), np.asarray(smaller, dtype=np.float64)
    if min(a.size, b.size) < 2:
        raise ValueError("a t-test needs at least two values on each side")
    difference = float(a.mean() - b.mean())
    of_a, of_b = float(a.var(ddof=1)) / a.size, float(b.var(ddof=1)) / b.size
    if of_a + of_b == 0:
        return Comparison(difference, 0.0 if difference > 0 else 1.0)
    freedom = (of_a + of_b) ** 2 / (of_a**2 / (a.size - 1) + of_b**2 / (b.size - 1))
    return Comparison(difference, _finite(special.stdtr(freedom, -difference / math.sqrt(of_a + of_b))))


def _normal_tail(z: float, alternative: Alternative) -> float:
    if alternative == "two-sided":
        return _finite(2 * special.ndtr(-abs(z)))
    return _finite(special.ndtr(z if alternative == "less" else -z))


def _finite(p_value: float) -> float:
    p = float(p_value)
    if not 0 <= p <= 1:
        raise ValueError(f"p-value {p} is not a probability")
    return p
