"""Small slices of metrics that are no proportions: the test is repeated with random rows in the place of the slice."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.bias.significance import Contrast, Moments, expansions_worse

Floats = NDArray[np.float64]

SMALL = 500
"""Where both the slice and its rest have more rows than this, the first-order expansion needs no help."""

SCREEN = 0.2
"""Slices whose expansion gives a larger p-value keep it: no shuffling makes them a finding."""

SHUFFLES = 1999
ENOUGH = 40
"""Shuffling stops once this many have been at least as extreme: the p-value is then known well enough."""

_CHUNK = 250
_MAX_KINDS = 512


class Population:
    """All rows, as what they add to the sums.

    :param terms: what a row of each kind adds, shape ``(k, p)``.
    :param counts: rows of each kind, shape ``(k,)``; all 1 when every row is its own kind.
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
        """Moments of ``draws`` random sets of ``size`` rows, without replacement."""
        if len(self.counts) <= _MAX_KINDS:
            drawn = rng.multivariate_hypergeometric(self.counts, size, size=draws, method="marginals")
            return self._moments(drawn.astype(np.float64), size)
        rows = np.repeat(np.arange(len(self.counts)), self.counts) if self.rows > len(self.counts) else None
        picked = np.array([rng.choice(self.rows, size, replace=False, shuffle=False) for _ in range(draws)])
        kinds = picked if rows is None else rows[picked]
        terms = self.terms[kinds]
        return Moments(terms.sum(axis=1), terms.transpose(0, 2, 1) @ terms, np.full(draws, float(size)))


def shuffled(
    value: Callable[[Floats], Floats],
    sign: int,
    found: Contrast,
    population: Population,
    sizes: Floats,
    *,
    seed: int = 0,
) -> Floats:
    """The p-values of ``found``, by permutation for the small slices that look worse.

    The statistic is studentised, so that the answer also holds where slice and rest differ in spread. Where no shuffle
    is as extreme as the slice, its p-value is the smaller of what the shuffles and what the expansion say: many slices
    need p-values that no affordable number of shuffles resolves.

    :param value: sums to values, as for :func:`~airflow_mlops_provider.analysis.bias.significance.expansions_worse`.
    :param sign: +1 when higher is better.
    :param found: the expansion's contrast of each slice.
    :param sizes: rows of each slice, shape ``(s,)``.
    :param seed: of the shuffles.

    Source: Janssen 1997 and Chung & Romano 2013 for studentising; Besag & Clifford 1991 for stopping early.
    """
    p_values = found.p_values.copy()
    for i, size in enumerate(sizes.astype(int)):
        small = min(size, population.rows - size) <= SMALL
        if small and found.p_values[i] < SCREEN and np.isfinite(found.statistics[i]):
            rng = np.random.default_rng([seed, i])
            p = _p_value(found.statistics[i], _statistics(value, sign, population, size, rng))
            p_values[i] = min(p, found.p_values[i]) if p <= 1 / (SHUFFLES + 1) else p
    return p_values


def _statistics(
    value: Callable[[Floats], Floats], sign: int, population: Population, size: int, rng: np.random.Generator
) -> Iterator[Floats]:
    rest_is_drawn = size > population.rows - size
    total = population.total
    for start in range(0, SHUFFLES, _CHUNK):
        draws = min(_CHUNK, SHUFFLES - start)
        drawn = population.draw(population.rows - size if rest_is_drawn else size, draws, rng)
        others = Moments(total.sums - drawn.sums, total.products - drawn.products, total.units - drawn.units)
        slices, rests = (others, drawn) if rest_is_drawn else (drawn, others)
        yield expansions_worse(value, sign, slices=slices, rests=rests, shared=np.zeros_like(drawn.products)).statistics


def _p_value(observed: float, chunks: Iterator[Floats]) -> float:
    extreme = draws = 0
    for statistics in chunks:
        # A shuffle without spread counts as extreme: it cannot speak against the model being fair.
        extreme += int((~(statistics < observed)).sum())
        draws += len(statistics)
        if extreme >= ENOUGH:
            break
    return (extreme + 1) / (draws + 1)
