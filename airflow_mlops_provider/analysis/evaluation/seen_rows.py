"""How many rows of a test a model has seen in its training: on those its answers say little of new ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MIN_DISTINCT = 0.5
"""Share of a test's rows that must be unlike each other: where rows repeat, equal ones need not be the same ones."""


def share_of_seen_rows(rows: pd.DataFrame, training: Iterable[pd.DataFrame]) -> float | None:
    """The share of ``rows`` that occur in ``training`` with the same values.

    Rows that repeat among themselves are not counted.

    :param rows: of the test.
    :param training: in batches, with the same columns.
    :returns: from 0 to 1; ``None`` when too many rows repeat to tell.
    """
    values, times = np.unique(_hashes(rows), return_counts=True)
    alone = values[times == 1]
    if not len(rows) or alone.size < MIN_DISTINCT * len(rows):
        return None
    seen = np.zeros(alone.size, dtype=bool)
    for batch in training:
        seen |= np.isin(alone, _hashes(batch[list(rows.columns)]))
    return float(seen.mean())


def _hashes(frame: pd.DataFrame) -> NDArray[np.uint64]:
    plain = pd.DataFrame({name: _plain(frame[name]) for name in frame.columns})
    return np.asarray(pd.util.hash_pandas_object(plain, index=False), dtype=np.uint64)


def _plain(values: pd.Series[Any]) -> pd.Series[Any]:
    """One type for numbers and one for all else: the same value may be kept as another type elsewhere."""
    if pd.api.types.is_numeric_dtype(values.dtype):
        return values.astype("float64")
    return values.astype("object").map(str)
