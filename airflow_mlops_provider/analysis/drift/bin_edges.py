"""Where to put the edges of a profile: at quantiles of a sample, with a cell of its own for each frequent value."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CELLS = 1_000
"""Cells that a profile aims at: the KS interval is then about 0.001 wide at most."""


def choose_edges(sample: Floats, *, cells: int = CELLS) -> Floats:
    """Edges from a sample of a column's values.

    :param sample: values without NaN, in any order.
    :param cells: how many quantiles; a value that fills a whole cell becomes an atom, and all values do when there
        are at most half as many distinct ones.
    :returns: increasing edges, at most ``3 * cells`` of them; none for an empty sample.
    """
    if not sample.size:
        return np.zeros(0)
    distinct, counts = np.unique(sample, return_counts=True)
    frequent = distinct if distinct.size <= cells // 2 else distinct[counts * cells >= sample.size]
    rest = np.repeat(distinct, counts)[~np.isin(np.repeat(distinct, counts), frequent)]
    inner = np.quantile(rest, np.arange(1, cells) / cells, method="lower") if rest.size else np.zeros(0)
    return np.unique(np.concatenate([inner, frequent, np.nextafter(frequent, np.inf)]))
