"""Permutation tests for small slices, in metrics that are not proportions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.bias.significance import Contrast, Moments, delta_method_contrasts

Floats = NDArray[np.float64]

SMALL_ROWS = 500
"""Where both the slice and the rest have more rows than this, the p-value of the delta method is accurate enough."""

SCREEN_P_VALUE = 0.2
"""Slices with a larger p-value by the delta method keep it, because a permutation test would not make it small."""

PERMUTATIONS = 1999
ENOUGH_EXTREME = 40
"""A test stops after this many permutations at least as extreme as the slice, when the p-value is known well enough."""

_CHUNK = 250
_MAX_DISTINCT = 512


class Population:
    """All rows, as the terms that they add to the sums of a metric.

    :param terms: different rows of terms, shape ``(k, p)``.
    :param counts: number of rows with each of these terms, shape ``(k,)``; all 1 when ``terms`` has one entry a row.
    """

    def __init__(self, terms: Floats, counts: NDArray[np.int64]) -> None:
        self.terms, self.counts = terms, counts
        self.rows = int(counts.sum())
        self._squares = np.einsum("ki,kj->kij", terms, terms)
        self.total = self._moments(counts[None, :].astype(np.float64), self.rows)

    def _moments(self, drawn: Floats, size: int) -> Moments:
        sums = drawn @ self.terms
        products = np.einsum("bk,kij->bij", drawn, self._squares, optimize=True)
        return Moments(sums, products, np.full(len(drawn), float(size)))

    def draw(self, size: int, draws: int, rng: np.random.Generator) -> Moments:
        """Return the moments of ``draws`` random sets of ``size`` rows, drawn without replacement."""
        if len(self.counts) <= _MAX_DISTINCT:
            drawn = rng.multivariate_hypergeometric(self.counts, size, size=draws, method="marginals")
            return self._moments(drawn.astype(np.float64), size)
        rows = np.repeat(np.arange(len(self.counts)), self.counts) if self.rows > len(self.counts) else None
        picked = np.array([rng.choice(self.rows, size, replace=False, shuffle=False) for _ in range(draws)])
        distinct = picked if rows is None else rows[picked]
        terms = self.terms[distinct]
        return Moments(terms.sum(axis=1), terms.transpose(0, 2, 1) @ terms, np.full(draws, float(size)))


def permutation_p_values(
    value: Callable[[Floats], Floats],
    sign: int,
    found: Contrast,
    population: Population,
    sizes: Floats,
    *,
    seed: int = 0,
) -> Floats:
    """Return the p-values of ``found``, by permutation for the small slices that look worse.

    The statistic is studentised, so the test also holds where slice and rest differ in spread. Where no permutation is
    as extreme as the slice, the p-value is the smaller of those of the permutations and of the delta method. With many
    slices, p-values are needed that are too small for an affordable number of permutations.

    :param value: sums to values, as for
        :func:`~airflow_mlops_provider.analysis.bias.significance.delta_method_contrasts`.
    :param sign: +1 when higher is better, -1 when lower is better.
    :param found: the contrasts of the delta method, one entry a slice.
    :param population: all rows.
    :param sizes: rows of each slice, shape ``(s,)``.
    :param seed: seed of the permutations.
    :returns: shape ``(s,)``.

    Source: Janssen 1997 and Chung & Romano 2013 for studentising; Besag & Clifford 1991 for stopping early.
    """
    p_values = found.p_values.copy()
    for i, size in enumerate(sizes.astype(int)):
        small = min(size, population.rows - size) <= SMALL_ROWS
        if small and found.p_values[i] < SCREEN_P_VALUE and np.isfinite(found.statistics[i]):
            rng = np.random.default_rng([seed, i])
            p = _p_value(found.statistics[i], _statistics(value, sign, population, size, rng))
            p_values[i] = min(p, found.p_values[i]) if p <= 1 / (PERMUTATIONS + 1) else p
    return p_values


def _statistics(
    value: Callable[[Floats], Floats], sign: int, population: Population, size: int, rng: np.random.Generator
) -> Iterator[Floats]:
    rest_is_drawn = size > population.rows - size
    total = population.total
    for start in range(0, PERMUTATIONS, _CHUNK):
        draws = min(_CHUNK, PERMUTATIONS - start)
        drawn = population.draw(population.rows - size if rest_is_drawn else size, draws, rng)
        others = Moments(total.sums - drawn.sums, total.products - drawn.products, total.units - drawn.units)
        slices, rests = (others, drawn) if rest_is_drawn else (drawn, others)
        yield delta_method_contrasts(
            value, sign, slices=slices, rests=rests, shared=np.zeros_like(drawn.products)
        ).statistics


def _p_value(observed: float, chunks: Iterator[Floats]) -> float:
    extreme = draws = 0
    for statistics in chunks:
        # A permutation without spread has no statistic; it counts as extreme, which makes the p-value larger.
        extreme += int((~(statistics < observed)).sum())
        draws += len(statistics)
        if extreme >= ENOUGH_EXTREME:
            break
    return (extreme + 1) / (draws + 1)
