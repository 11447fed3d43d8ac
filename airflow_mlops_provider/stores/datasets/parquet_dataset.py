"""Parquet files as a dataset: rows stream, and only the columns that are asked for are read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as pt

from airflow_mlops_provider.stores.datasets.common_types import common_schema
from airflow_mlops_provider.stores.datasets.file_dataset import FileDataset, checked_names
from airflow_mlops_provider.stores.datasets.file_names import PARQUET

_READ_BYTES = 1 << 20  # of a column at a time; without it a whole column of a row group is held


class ParquetDataset(FileDataset):
    """Files with the types that hold the values of all of them."""

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
        schemas = [footer.schema_arrow.remove_metadata() for footer in self._footers.values()]
        if all(schema.equals(schemas[0]) for schema in schemas):
            return schemas[0]
        # What pandas makes of a day without rows, or of a column without values, has a type that no value asked for.
        telling = {file: footer for file, footer in self._footers.items() if footer.metadata.num_rows} or self._footers
        said = {file: footer.schema_arrow.remove_metadata() for file, footer in telling.items()}
        found = common_schema(
            (self._name(file), _without_types(said[file], _empty_columns(footer.metadata)))
            for file, footer in telling.items()
        )
        return pa.schema([self._typed(field, said.values()) for field in found])

    @staticmethod
    def _typed(field: pa.Field, said: Iterable[pa.Schema]) -> pa.Field:
        """The column, with the type that is said of it where no file has a value."""
        kinds = [schema.field(field.name).type for schema in said if field.name in schema.names]
        return field if not pt.is_null(field.type) else field.with_type(_first_type(kinds))

    def _count_rows(self) -> int:
        # Under version control, files of one content are one file.
        return sum(self._footers[file].metadata.num_rows for file in self.files)

    @cached_property
    def _footers(self) -> dict[str, _Footer]:
        found: dict[str, _Footer] = {}
        for file in self.files:
            with self._reading(file) as handle:
                parquet = pq.ParquetFile(handle)
                checked_names(parquet.schema_arrow, self._name(file))
                found[file] = _Footer(schema_arrow=parquet.schema_arrow, metadata=parquet.metadata)
        return found

    def _file_batches(self, file: str, target: pa.Schema, batch_size: int, *, whole: bool) -> Iterator[pa.RecordBatch]:
        with self._reading(file) as handle:
            # pre_buffer keeps whole files in memory; a stream must not grow with the data.
            coded = [field.name for field in target if pa.types.is_dictionary(field.type)]
            parquet = pq.ParquetFile(handle, pre_buffer=False, buffer_size=_READ_BYTES, read_dictionary=coded)
            self._same_columns(file, parquet.schema_arrow, target, whole=whole)
            for batch in parquet.iter_batches(batch_size, columns=target.names):
                yield batch if batch.schema == target else self._cast(file, batch.select(target.names), target)

    def _owner(self, column: str) -> str:
        return next(self._name(file) for file, footer in self._footers.items() if column in footer.schema_arrow.names)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Footer:
    """What a file says of its columns and rows."""

    schema_arrow: pa.Schema
    metadata: pq.FileMetaData


def _empty_columns(metadata: pq.FileMetaData) -> set[str]:
    """Flat columns whose every value is missing, as far as the file's statistics tell."""
    empty = {metadata.schema.column(number).path: number for number in range(metadata.num_columns)}
    for position in range(metadata.num_row_groups):
        group = metadata.row_group(position)
        empty = {path: number for path, number in empty.items() if _is_empty(group.column(number))}
    return set(empty)


def _is_empty(chunk: pq.ColumnChunkMetaData) -> bool:
    found = chunk.statistics
    return bool(found is not None and found.has_null_count and found.null_count == chunk.num_values)


def _without_types(schema: pa.Schema, columns: Collection[str]) -> pa.Schema:
    return pa.schema([field.with_type(pa.null()) if field.name in columns else field for field in schema])


def _first_type(kinds: Iterable[pa.DataType]) -> pa.DataType:
    return next((kind for kind in kinds if not pt.is_null(kind)), pa.null())
