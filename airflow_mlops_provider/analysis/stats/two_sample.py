"""Tests whether two samples come from one distribution. They return a finite p-value or raise an error."""

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
"""Largest effective size for which the exact KS distribution is computed; above, a value takes up to a second."""

EXACT_BELOW = 25.0
"""Expected count below which two proportions are compared by Fisher's exact test.

The usual rule is 5. The levels used here lie far in the tail, where the normal approximation needs larger counts.
"""


class Comparison(NamedTuple):
    """Result of a test: its statistic and its p-value."""

    statistic: float
    p_value: float


def two_proportion(
    successes_a: int, trials_a: int, successes_b: int, trials_b: int, *, alternative: Alternative = "two-sided"
) -> Comparison:
    """Test whether two independent samples have the same proportion.

    The test is Fisher's exact test when an expected count is below :data:`EXACT_BELOW`, else the pooled z-test.

    :param successes_a: successes in the first sample, 0 to ``trials_a``.
    :param trials_a: trials in the first sample, above 0.
    :param successes_b: successes in the second sample, 0 to ``trials_b``.
    :param trials_b: trials in the second sample, above 0.
    :param alternative: ``greater`` tests whether the proportion of the first sample is larger, ``less`` whether it is
        smaller.
    :returns: the statistic is the difference of the proportions, ``a - b``; the p-value is 1 when there is no success
        or no failure at all.
    :raises ValueError: when a sample has no trials or the counts contradict each other.

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
    """Return Fisher's exact p-value: given the margins, the successes in ``a`` have a hypergeometric distribution.

    The two-sided p-value adds up all outcomes that are not more probable than the observed one, as in R and SciPy.
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
    """Test ``successes`` in ``trials`` against a known ``share`` by the exact binomial test.

    :param successes: number of successes, 0 to ``trials``.
    :param trials: number of trials, above 0.
    :param share: proportion of the hypothesis, in [0, 1].
    :param alternative: ``greater`` tests whether the proportion is above ``share``, ``less`` whether it is below.
    :returns: the statistic is the observed share minus ``share``.

    Source: Clopper & Pearson 1934, "The use of confidence or fiducial limits illustrated in the case of the binomial".
    """
    from scipy.stats import binomtest

    result = binomtest(int(successes), int(trials), share, alternative=alternative)
    return Comparison(successes / trials - share, _finite(result.pvalue))


def ks(reference: ArrayLike, current: ArrayLike) -> Comparison:
    """Compare two samples by the two-sample Kolmogorov-Smirnov test, which is conservative when values are tied.

    :param reference: numbers without NaN, shape ``(n,)``.
    :param current: numbers without NaN, shape ``(m,)``.
    :returns: the statistic is the KS distance D.
    :raises ValueError: when a side is empty or holds NaN.

    Source: Smirnov 1948; p-value as :func:`ks_p_value`.
    """
    a, b = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    distance = ks_distance(a, b)
    return Comparison(distance, ks_p_value(distance, a.size, b.size))


def ks_p_value(distance: float, rows_a: float, rows_b: float) -> float:
    """Return the p-value of a two-sample KS distance, by the one-sample distribution at the size ``ab / (a + b)``.

    ``scipy.stats.ks_2samp(method="asymp")`` uses the same distribution; it is a few per cent conservative at 200 rows.
    Above an effective size of :data:`EXACT_KS_ROWS`, the limiting distribution with Vrbik's correction is used. Its
    p-values differ by less than 0.4 % from the exact ones, down to 1e-5.

    :param distance: KS distance, in [0, 1].
    :param rows_a: rows of one side, or their effective sample size when they are not independent.
    :param rows_b: the same for the other side.
    :raises ValueError: when a side has no rows.

    Source: Smirnov 1948; Vrbik 2018, "Small-sample corrections to Kolmogorov-Smirnov test statistic".
    """
    if not rows_a or not rows_b:
        raise ValueError("the KS test needs rows on both sides")
    effective = max(1, round(rows_a * rows_b / (rows_a + rows_b)))
    if effective <= EXACT_KS_ROWS:
        from scipy.stats import kstwo  # importing scipy.stats takes most of a second, here and below

        return _finite(min(1.0, max(0.0, float(kstwo.sf(distance, effective)))))
    scaled = math.sqrt(effective) * distance
    corrected = scaled + 1 / (6 * math.sqrt(effective)) + (scaled - 1) / (4 * effective)
    return _finite(special.kolmogorov(max(0.0, corrected) if distance > 0 else 0.0))


def chi_squared(reference: ArrayLike, current: ArrayLike, *, min_expected: float = MIN_EXPECTED) -> Comparison:
    """Compare two samples by the chi-squared test of homogeneity, with rare levels pooled.

    The reference is a sample too. A test that takes its shares as exact would reject too often.

    :param reference: counts per level, shape ``(k,)``.
    :param current: counts of the same levels, shape ``(k,)``.
    :param min_expected: levels with a smaller expected count on either side are pooled into one.
    :returns: the statistic is chi-squared; the p-value is 1 when pooling leaves one level.
    :raises ValueError: when a side has no rows.

    Source: Pearson 1900; pooling after Cochran 1954, "Some methods for strengthening the common chi-squared tests".
    """
    table = pool_rare(reference, current, min_expected=min_expected)
    if table.shape[1] < 2:
        return Comparison(0.0, 1.0)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    return Comparison(statistic, _finite(special.chdtrc(table.shape[1] - 1, statistic)))


def pool_rare(reference: ArrayLike, current: ArrayLike, *, min_expected: float = MIN_EXPECTED) -> Floats:
    """Return the 2 x k table of counts with its rare levels pooled into the last column.

    A level is rare when its expected count on the smaller side is below ``min_expected``. When all rare levels
    together are still rare, they are added to the smallest of the others.

    :param reference: counts per level, shape ``(k,)``.
    :param current: counts of the same levels, shape ``(k,)``.
    :param min_expected: smallest expected count of a level that is not rare.
    :returns: shape ``(2, cells)``, the reference first.
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
    """Test by Mann and Whitney, one-sided, whether the scores of ``positive`` tend to be larger.

    :param positive: scores of the positive class, shape ``(n,)``.
    :param negative: scores of the negative class, shape ``(m,)``.
    :returns: the statistic is the area under the ROC curve, 0.5 when the scores do not separate the classes. The
        p-value is corrected for ties.

    Source: Mann & Whitney 1947; Hanley & McNeil 1982 for the area.
    """
    a, b = np.asarray(positive, dtype=np.float64), np.asarray(negative, dtype=np.float64)
    if np.unique(np.concatenate([a, b])).size < 2:
        return Comparison(0.5, 1.0)
    from scipy.stats import mannwhitneyu

    result = mannwhitneyu(a, b, alternative="greater", method="asymptotic")
    return Comparison(float(result.statistic) / (a.size * b.size), _finite(result.pvalue))


def welch(larger: ArrayLike, smaller: ArrayLike) -> Comparison:
    """Test by Welch's t-test, one-sided, whether the mean of ``larger`` exceeds that of ``smaller``.

    The variances need not be equal.

    :param larger: values of the first sample, shape ``(n,)``, at least two.
    :param smaller: values of the second sample, shape ``(m,)``, at least two.
    :returns: the statistic is the difference of the means, ``larger - smaller``. When both sides are constant, the
        p-value is 0 if that difference is above 0, else 1.
    :raises ValueError: when a side has fewer than two values.

    Source: Welch 1947; degrees of freedom after Satterthwaite 1946.
    """
    a, b = np.asarray(larger, dtype=np.float64), np.asarray(smaller, dtype=np.float64)
    if min(a.size, b.size) < 2:
        raise ValueError("a t-test needs at least two values on each side")
    difference = float(a.mean() - b.mean())
    variance_a, variance_b = float(a.var(ddof=1)) / a.size, float(b.var(ddof=1)) / b.size
    variance = variance_a + variance_b
    if variance == 0:
        return Comparison(difference, 0.0 if difference > 0 else 1.0)
    freedom = variance**2 / (variance_a**2 / (a.size - 1) + variance_b**2 / (b.size - 1))
    return Comparison(difference, _finite(special.stdtr(freedom, -difference / math.sqrt(variance))))


def _normal_tail(z: float, alternative: Alternative) -> float:
    if alternative == "two-sided":
        return _finite(2 * special.ndtr(-abs(z)))
    return _finite(special.ndtr(z if alternative == "less" else -z))


def _finite(p_value: float) -> float:
    p = float(p_value)
    if not 0 <= p <= 1:
        raise ValueError(f"p-value {p} is not a probability")
    return p
