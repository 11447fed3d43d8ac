"""Parquet files as a dataset: rows stream, and only the columns that are asked for are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_mlops_provider.stores.datasets.file_dataset import FileDataset, checked_names
from airflow_mlops_provider.stores.datasets.file_names import PARQUET

_READ_BYTES = 1 << 20  # of a column at a time; without it a whole column of a row group is held


class ParquetDataset(FileDataset):
    """Files with the types of the first one."""

    format = PARQUET

    @contextmanager
    def in_place(self) -> Iterator[tuple[str, ...]]:
        """Paths of the local files, for DuckDB."""
        if not self._pinned.is_local:
            yield ()
            return
        with self._pinned.lent() as files:
            yield files

    def _read_schema(self) -> pa.Schema:
        first = self.files[0]
        with self._reading(first) as handle:
            return checked_names(pq.ParquetFile(handle).schema_arrow.remove_metadata(), self._name(first))

    def _count_rows(self) -> int:
        total = 0
        for file in self.files:
            with self._reading(file) as handle:
                total += pq.ParquetFile(handle).metadata.num_rows
        return total

    def _file_batches(self, file: str, target: pa.Schema, batch_size: int, *, whole: bool) -> Iterator[pa.RecordBatch]:
        with self._reading(file) as handle:
            # pre_buffer keeps whole files in memory; a stream must not grow with the data.
            coded = [field.name for field in target if pa.types.is_dictionary(field.type)]
            parquet = pq.ParquetFile(handle, pre_buffer=False, buffer_size=_READ_BYTES, read_dictionary=coded)
            self._same_columns(file, parquet.schema_arrow, target, whole=whole)
            for batch in parquet.iter_batches(batch_size, columns=target.names):
                yield batch if batch.schema == target else self._cast(file, batch.select(target.names), target)

    def _owner(self, column: str) -> str:  # noqa: ARG002  # the first file has every column there is
        return self._name(self.files[0])
