"""Effective sample size of rows in groups, such as the rows of one person or one machine."""

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
    """Effective sample size per row of each side, in (0, 1]; 1 when rows are independent.

    :param reference: of the reference.
    :param current: of the current batch.
    """

    reference: float = 1.0
    current: float = 1.0


def measure_weights(reference: Rows, current: Rows, column: str | None) -> Weights:
    """Return the weights of both sides, when all rows of a group may be copies of each other.

    :param reference: rows of the reference.
    :param current: rows of the current batch.
    :param column: column of the group of each row; ``None`` when rows are independent, which gives weights of 1.
    :raises BadInputError: when a side lacks the column, or a row has no group.

    Source: Kish 1965, "Survey sampling".
    """
    if column is None:
        return Weights()
    return Weights(
        reference=_weight(reference, column, role="reference"), current=_weight(current, column, role="current")
    )


def _weight(rows: Rows, column: str, *, role: str) -> float:
    """Return Kish's effective sample size over the number of rows, for rows that are equal within their group."""
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
    """Return a block number for each row, the same for all rows of a group, on both sides and in every run.

    :param data: group of each row.
    :param blocks: number of blocks.
    """
    names = plain_text(data).to_pylist() if is_text(data.type) else [number_text(value) for value in to_floats(data)]
    number = {name: zlib.crc32(str(name).encode()) % blocks for name in set(names)}
    return np.array([number[name] for name in names], dtype=np.intp)
