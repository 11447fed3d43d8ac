"""Rows that belong together (the same person, the same machine): how many independent ones they are worth."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.drift.arrays import is_text, number_text, plain_text, to_floats
from airflow_mlops_provider.analysis.drift.columns import Rows
from airflow_mlops_provider.exceptions import BadInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What one row of each side counts in a test: 1 when rows are independent.

    :param reference: of a row of the reference, in (0, 1].
    :param current: of a row of the current batch.
    """

    reference: float = 1.0
    current: float = 1.0


def measure_weights(reference: Rows, current: Rows, column: str | None) -> Weights:
    """Weights when all rows with one value of ``column`` may be copies of each other; 1 without a column.

    :raises BadInputError: when a side lacks the column, or a row has no group.
    """
    if column is None:
        return Weights()
    return Weights(
        reference=_weight(reference, column, role="reference"), current=_weight(current, column, role="current")
    )


def _weight(rows: Rows, column: str, *, role: str) -> float:
    """Kish's effective sample size over the number of rows, for rows that agree wholly within their group (1965)."""
    if column not in rows.columns:
        raise BadInputError(f"{role} {rows.uri} has no column {column!r}; it has {', '.join(rows.columns)}")
    if not rows.rows:
        return 1.0
    data = pa.chunked_array([b.column(0) for b in rows.batches([column])], type=rows.schema.field(column).type)
    if data.null_count:
        raise BadInputError(f"{role} {rows.uri}: group column {column!r} is missing in {data.null_count:,} rows")
    sizes = pc.value_counts(data).field("counts").to_numpy().astype(np.float64)
    return float(sizes.sum() / (sizes**2).sum())


def blocks_of(data: pa.ChunkedArray, blocks: int) -> NDArray[np.intp]:
    """One of ``blocks`` numbers for each row, the same for all rows of a group, on either side and in every run."""
    names = plain_text(data).to_pylist() if is_text(data.type) else [number_text(value) for value in to_floats(data)]
    number = {name: zlib.crc32(str(name).encode()) % blocks for name in set(names)}
    return np.array([number[name] for name in names], dtype=np.intp)
