"""Parquet files as a dataset: rows stream, and only the columns that are asked for are read."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as pt

from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.stores.datasets.common_types import common_schema
from airflow_mlops_provider.stores.datasets.file_dataset import FileDataset, checked_names
from airflow_mlops_provider.stores.datasets.file_facts import FileFacts
from airflow_mlops_provider.stores.datasets.file_names import PARQUET
from airflow_mlops_provider.stores.datasets.listing import Listing
from airflow_mlops_provider.stores.datasets.pinned_files import PinnedFiles

_READ_BYTES = 1 << 20  # of a column at a time; without it a whole column of a row group is held


class ParquetDataset(FileDataset):
    """Files with the types that hold the values of all of them."""

    format = PARQUET

    def __init__(
        self,
        ref: DatasetRef,
        listing: Listing,
        pinned: PinnedFiles | None = None,
        known: Mapping[str, FileFacts] | None = None,
    ) -> None:
        super().__init__(ref, listing, pinned)
        self._known = known

    def facts(self) -> dict[str, FileFacts]:
        """What is known of each file, by its mark, for :func:`~.file_facts.keep_facts`."""
        return {mark: self._footers[file].facts for mark, file in zip(self.stamps(), self.files, strict=True)}

    @contextmanager
    def in_place(self) -> Iterator[tuple[str, ...]]:
        """Paths of the local files, for DuckDB."""
        if not self._pinned.is_local:
            yield ()
            return
        with self._pinned.lent() as files:
            yield files

    def _read_schema(self) -> pa.Schema:
        schemas = [footer.facts.schema for footer in self._footers.values()]
        if all(schema is schemas[0] or schema.equals(schemas[0]) for schema in schemas):
            return schemas[0]
        # What pandas makes of a day without rows, or of a column without values, has a type that no value asked for.
        telling = {file: footer for file, footer in self._footers.items() if footer.facts.rows} or self._footers
        said = {file: footer.facts.schema for file, footer in telling.items()}
        found = common_schema((self._name(file), _without_types(said[file], self._empty(file))) for file in telling)
        return pa.schema([self._typed(field, said.values()) for field in found])

    def _empty(self, file: str) -> frozenset[str]:
        """Flat columns of a file without a value; of a file that is known from before, they may be known as well."""
        footer = self._footers[file]
        if footer.facts.empty is None:
            empty = _empty_columns(footer.metadata or self._read_footer(file).metadata)
            footer.facts = replace(footer.facts, empty=empty)
        return footer.facts.empty or frozenset()

    @staticmethod
    def _typed(field: pa.Field, said: Iterable[pa.Schema]) -> pa.Field:
        """The column, with the type that is said of it where no file has a value."""
        kinds = [schema.field(field.name).type for schema in said if field.name in schema.names]
        return field if not pt.is_null(field.type) else field.with_type(_first_type(kinds))

    def _count_rows(self) -> int:
        # Under version control, files of one content are one file.
        return sum(self._footers[file].facts.rows for file in self.files)

    def _part(self, part: Self) -> Self:
        """Some of the files, of which the ends were read already."""
        part.__dict__["_footers"] = {file: self._footers[file] for file in part.files}
        return part

    def _metadata(self, file: str) -> pq.FileMetaData | None:
        return self._footers[file].metadata

    @cached_property
    def _footers(self) -> dict[str, _Footer]:
        known = self._known or {}
        # Before the files are read, so that what is written meanwhile is known by another mark.
        marks = self.files if self._known is None else self.stamps()
        found: dict[str, _Footer] = {}
        for file, mark in zip(self.files, marks, strict=True):
            facts = known.get(mark)
            found[file] = self._read_footer(file) if facts is None else _Footer(facts=facts)
        return found

    def _read_footer(self, file: str) -> _Footer:
        with self._reading(file) as handle:
            parquet = pq.ParquetFile(handle)
            schema = checked_names(parquet.schema_arrow, self._name(file)).remove_metadata()
            metadata = parquet.metadata
            return _Footer(facts=FileFacts(schema=schema, rows=metadata.num_rows), metadata=metadata)

    def _file_batches(self, file: str, target: pa.Schema, batch_size: int, *, whole: bool) -> Iterator[pa.RecordBatch]:
        with self._reading(file) as handle:
            # pre_buffer keeps whole files in memory; a stream must not grow with the data.
            coded = [field.name for field in target if pa.types.is_dictionary(field.type)]
            # Given what was read of its end, a small file costs half as much.
            parquet = pq.ParquetFile(
                _at_hand(handle),
                metadata=self._metadata(file),
                pre_buffer=False,
                buffer_size=_READ_BYTES,
                read_dictionary=coded,
            )
            self._same_columns(file, parquet.schema_arrow, target, whole=whole)
            # Threads cost more than they save where there is little to share.
            threads = parquet.metadata.num_rows > batch_size
            for batch in parquet.iter_batches(batch_size, columns=target.names, use_threads=threads):
                yield batch if batch.schema == target else self._cast(file, batch.select(target.names), target)

    def _owner(self, column: str) -> str:
        return next(self._name(file) for file, footer in self._footers.items() if column in footer.facts.schema.names)


@dataclass(slots=True, kw_only=True)
class _Footer:
    """The end of a file.

    :param facts: what it says of columns and rows.
    :param metadata: as it was read; ``None`` where the facts are known from before.
    """

    facts: FileFacts
    metadata: pq.FileMetaData | None = None


def _at_hand(handle: Any) -> Any:
    """A small file in memory, read at once and not column by column."""
    if handle.seek(0, os.SEEK_END) > _READ_BYTES:
        handle.seek(0)
        return handle
    handle.seek(0)
    return pa.BufferReader(handle.read())


def _empty_columns(metadata: pq.FileMetaData) -> frozenset[str]:
    """Flat columns whose every value is missing, as far as the file's statistics tell."""
    empty = {metadata.schema.column(number).path: number for number in range(metadata.num_columns)}
    for position in range(metadata.num_row_groups):
        group = metadata.row_group(position)
        empty = {path: number for path, number in empty.items() if _is_empty(group.column(number))}
    return frozenset(empty)


def _is_empty(chunk: pq.ColumnChunkMetaData) -> bool:
    found = chunk.statistics
    return bool(found is not None and found.has_null_count and found.null_count == chunk.num_values)


def _without_types(schema: pa.Schema, columns: Collection[str]) -> pa.Schema:
    return pa.schema([field.with_type(pa.null()) if field.name in columns else field for field in schema])


def _first_type(kinds: Iterable[pa.DataType]) -> pa.DataType:
    return next((kind for kind in kinds if not pt.is_null(kind)), pa.null())
