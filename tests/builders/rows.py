"""Rows in memory that are read in batches, as those of a dataset are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa


class Rows:
    """What the measures of drift read.

    :param rows: an Arrow table or a frame.
    :param uri: what messages call them.
    :param batch: how many rows come at a time; all by default.
    """

    def __init__(self, rows: pa.Table | pd.DataFrame, uri: str = "memory", *, batch: int | None = None) -> None:
        self.uri, self._batch = uri, batch
        self.table = pa.Table.from_pandas(rows, preserve_index=False) if isinstance(rows, pd.DataFrame) else rows
        self.schema, self.columns = self.table.schema, tuple(self.table.column_names)
        self.rows = self.table.num_rows

    @classmethod
    def of(cls, **columns: Any) -> Rows:
        """Rows of these values by column."""
        return cls(pa.table({name: pa.array(values) for name, values in columns.items()}))

    def batches(self, columns: Sequence[str] | None = None, *, coded: bool = False) -> Iterator[pa.RecordBatch]:
        return iter(self.table.select(list(columns or self.columns)).to_batches(max_chunksize=self._batch))
