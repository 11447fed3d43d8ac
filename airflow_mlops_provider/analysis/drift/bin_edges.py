"""Choose the edges of a profile: quantiles of a sample, with a separate cell for each frequent value."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CELLS = 1_000
"""Number of quantile cells of a profile, which makes the interval of the KS distance at most about 0.001 wide."""


def choose_edges(sample: Floats, *, cells: int = CELLS) -> Floats:
    """Choose edges from a sample of a column's values.

    A value that fills a whole quantile cell becomes an atom, which is a cell of one value. All values become atoms
    when there are at most ``cells / 2`` different ones.

    :param sample: values without NaN, in any order, shape ``(n,)``.
    :param cells: number of quantile cells.
    :returns: increasing edges, at most ``3 * cells`` of them; none for an empty sample.
    """
    if not sample.size:
        return np.zeros(0)
    distinct, counts = np.unique(sample, return_counts=True)
    frequent = distinct if distinct.size <= cells // 2 else distinct[counts * cells >= sample.size]
    rest = np.repeat(distinct, counts)[~np.isin(np.repeat(distinct, counts), frequent)]
    inner = np.quantile(rest, np.arange(1, cells) / cells, method="lower") if rest.size else np.zeros(0)
    return np.unique(np.concatenate([inner, frequent, np.nextafter(frequent, np.inf)]))
