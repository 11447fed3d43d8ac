"""CSV files as a dataset: each is read whole, because the types of its columns are only known at its end."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import accumulate
from typing import Any, Self

import pyarrow as pa
import pyarrow.types as pt

from airflow_mlops_provider.exceptions import BadInputError, IntegrityError, one_line
from airflow_mlops_provider.records.csv_format import ColumnType, CsvFormat, DeclaredType
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.stores.datasets.common_types import common_type
from airflow_mlops_provider.stores.datasets.csv_cells import Cells, read_cells
from airflow_mlops_provider.stores.datasets.csv_dialect import has_bytes, wrong_encoding, wrong_separator
from airflow_mlops_provider.stores.datasets.csv_reading import read_texts, read_typed, recoded, text_columns
from airflow_mlops_provider.stores.datasets.csv_records import in_order, records_of
from airflow_mlops_provider.stores.datasets.file_dataset import FileDataset, checked_names
from airflow_mlops_provider.stores.datasets.file_names import CSV, compression_of
from airflow_mlops_provider.stores.datasets.listing import Listing
from airflow_mlops_provider.stores.datasets.pinned_files import PinnedFiles

_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfits:
    """Cells of a column that do not fit what the column is declared to hold.

    :param column: its name.
    :param declared: what it is declared to hold.
    :param present: how many of its cells hold anything.
    :param rows: numbers of the rows.
    :param texts: the first of these cells.
    """

    column: str
    declared: DeclaredType
    present: int
    rows: tuple[int, ...]
    texts: tuple[str, ...]


class CsvDataset(FileDataset):
    """Files with the types that are declared or that hold the values of all; plain, or compressed as a whole.

    :param types: column to what it is declared to hold; the rest is told by the cells. What the reference says of its
        own files comes first. A cell that does not fit is missing, and one of :attr:`misfits`.
    """

    format = CSV

    def __init__(
        self,
        ref: DatasetRef,
        listing: Listing,
        pinned: PinnedFiles | None = None,
        types: Mapping[str, DeclaredType] | None = None,
    ) -> None:
        super().__init__(ref, listing, pinned)
        self.form = ref.csv or CsvFormat()
        own = {name: DeclaredType(kind=kind, by=f"dataset {ref.uri}") for name, kind in self.form.types.items()}
        self._types = {**(types or {}), **own}

    @property
    def header(self) -> bytes | None:
        """The header as it stands in the first file; ``None`` for files without one."""
        if self.form.columns is not None:
            return None
        with self._reading(self.files[0]) as handle:
            return next(records_of(handle, self.form))

    def records(self) -> Iterator[bytes]:
        """The rows as they stand in the files, in the order of ``batches``, in UTF-8.

        :raises BadInputError: on a file that cannot be read.
        """
        for file in self.files:
            names = self._schemas[file].names
            order = [names.index(name) for name in self.columns]
            with self._reading(file) as handle:
                for row, record in enumerate(records_of(handle, self.form)):
                    if row or self.form.columns is not None:
                        yield record if names == list(self.columns) else in_order(record, order, self.form)

    @cached_property
    def misfits(self) -> tuple[Misfits, ...]:
        """The cells that do not fit what their column is declared to hold, column by column."""
        _ = self._schemas  # found while these are read
        starts = [0, *accumulate(self._rows[file] for file in self.files)]
        found = []
        for column in self.columns:
            cells = [(start, self._found[file].get(column)) for start, file in zip(starts, self.files, strict=False)]
            rows = tuple(start + row for start, each in cells if each for row in each.rows)
            if rows:
                texts = tuple(text for _, each in cells if each for text in each.texts)[:_SHOWN]
                present = sum(each.present for _, each in cells if each)
                kind = self._types[column]
                found.append(Misfits(column=column, declared=kind, present=present, rows=rows, texts=texts))
        return tuple(found)

    def as_texts(self, columns: Collection[str]) -> Self:
        """The same dataset with some columns as they are written."""
        texts = {name: DeclaredType(kind=ColumnType.TEXT) for name in columns}
        return type(self)(self._expected, self._listing, self._pinned, self._types | texts)

    def with_types(self, types: Mapping[str, DeclaredType]) -> Self:
        """The same dataset with what more of its columns hold; what was declared before stands."""
        return type(self)(self._expected, self._listing, self._pinned, {**types, **self._types})

    def without_types(self, columns: Collection[str]) -> Self:
        """The same dataset with the types of some columns as their cells tell them."""
        kept = {name: kind for name, kind in self._types.items() if name not in columns}
        return type(self)(self._expected, self._listing, self._pinned, kept)

    def _read_schema(self) -> pa.Schema:
        found: dict[str, pa.DataType] = {}
        for file, schema in self._schemas.items():
            for name, kind in zip(schema.names, schema.types, strict=True):
                known = found.get(name, pa.null())
                common = common_type(known, kind)
                found[name] = self._apart(file, name, known, kind) if common is None else common
        for name in self.form.types:
            if name not in found:
                raise BadInputError(f"dataset {self.uri}: csv 'types' names {name!r}; it has {', '.join(found)}")
        return pa.schema(list(found.items()))

    def _apart(self, file: str, column: str, known: pa.DataType, kind: pa.DataType) -> pa.DataType:
        """Cells of several types are text, which is what they are in the file."""
        if pt.is_timestamp(known) and pt.is_timestamp(kind) and column in self._types:
            return common_type(pa.timestamp(known.unit, "UTC"), pa.timestamp(kind.unit, "UTC"))
        if column in self._types:
            raise BadInputError(f"{self._name(file)}: column {column!r} is {kind} here and {known} in another file")
        return pa.string()

    def _count_rows(self) -> int:
        _ = self._schemas
        return sum(self._rows[file] for file in self.files)

    def _file_batches(self, file: str, target: pa.Schema, batch_size: int, *, whole: bool) -> Iterator[pa.RecordBatch]:
        self._same_columns(file, self._schemas[file], target, whole=whole)
        table = self._table(file, target)
        yield from self._cast(file, table, target).to_batches(max_chunksize=batch_size)

    def _table(self, file: str, target: pa.Schema) -> pa.Table:
        """Columns of the file, with the types that it tells itself."""
        written = self._schemas[file]
        texts = [name for name in target.names if name in self._types or pt.is_string(self.schema.field(name).type)]
        typed = [name for name in target.names if name not in texts]
        opened = partial(self._reading, file)
        columns: dict[str, Any] = {}
        if typed:
            found = read_typed(
                opened, self.form, columns=typed, types={name: written.field(name).type for name in typed}
            )
            columns |= dict(zip(found.column_names, found.columns, strict=True))
        if texts:
            found = read_texts(opened, self.form, texts)
            columns |= {name: self._values(name, found[name]) for name in texts}
        return pa.table([columns[name] for name in target.names], names=list(target.names))

    def _values(self, column: str, texts: pa.ChunkedArray) -> Any:
        return self._cells(column, texts).values if column in self._types else texts

    def _cells(self, column: str, texts: pa.ChunkedArray) -> Cells:
        declared = self._types[column]
        return read_cells(texts, declared, decimal_mark=self.form.decimal_mark, missing=self.form.missing)

    def _owner(self, column: str) -> str:
        return next(self._name(file) for file, schema in self._schemas.items() if column in schema.names)

    def _part(self, part: Self) -> Self:
        part.form, part._types = self.form, self._types
        return part

    @cached_property
    def _schemas(self) -> dict[str, pa.Schema]:
        """The columns of each file, with the types that its own cells have."""
        self._rows: dict[str, int] = {}
        self._found: dict[str, dict[str, _FileMisfits]] = {}
        return {file: self._read_file_schema(file) for file in self.files}

    def _read_file_schema(self, file: str) -> pa.Schema:
        table = self._first_read(file)
        opened = partial(self._reading, file)
        self._rows[file], self._found[file] = table.num_rows, {}
        schema = checked_names(table.schema, self._name(file))
        guessed = pa.schema([field for field in schema if field.name not in self._types])
        declared = [name for name in schema.names if name in self._types]
        del table
        found, texts = text_columns(opened, self.form, guessed, kept=declared)
        kinds = dict.fromkeys(found, pa.string())
        kinds |= {name: self._declared_type(file, name, texts[name]) for name in declared}
        return pa.schema([field.with_type(kinds.get(field.name, field.type)) for field in schema])

    def _declared_type(self, file: str, column: str, texts: pa.ChunkedArray) -> pa.DataType:
        cells = self._cells(column, texts)
        if cells.misfits:
            present = len(cells.values) - cells.values.null_count + len(cells.misfits)
            shown = tuple(str(texts[row]) for row in cells.misfits[:_SHOWN])
            self._found[file][column] = _FileMisfits(present=present, rows=cells.misfits, texts=shown)
        elif cells.values.null_count < len(cells.values):
            self._found[file][column] = _FileMisfits(present=len(cells.values) - cells.values.null_count)
        return cells.values.type

    def _first_read(self, file: str) -> pa.Table:
        opened = partial(self._reading, file)
        read = partial(read_typed, opened, self.form, types=dict.fromkeys(self._types, pa.string()))
        try:
            table = read()
            _ = table.schema.names  # decoded here
        except IntegrityError:
            raise
        except (BadInputError, UnicodeError) as error:
            self._explain(file)
            if isinstance(error, UnicodeError):
                raise BadInputError(f"{self._name(file)} cannot be read as csv: {one_line(error)}") from None
            # Read by one thread, the parser knows the number of the line that it cannot read.
            return read(threads=False)
        if has_bytes(table.schema) or table.num_columns == 1 or any("\0" in name for name in table.column_names):
            self._explain(file, one_column=table.num_columns == 1)
        return table

    def _explain(self, file: str, *, one_column: bool = True) -> None:
        """Raise ``BadInputError`` when the file looks like another dialect or encoding than is declared."""
        with self._reading(file, as_declared=False) as handle:
            reason = wrong_encoding(handle, self.form)
        if not reason and one_column and self.form.columns is None:
            with self._reading(file) as handle:
                reason = wrong_separator(handle, self.form)
        if reason:
            raise BadInputError(f"{self._name(file)} cannot be read as csv: {reason}")

    def _unpacked(self, file: str, handle: Any, *, as_declared: bool = True) -> Any:
        codec = compression_of(self._name(file))
        plain = handle if codec is None else io.BufferedReader(pa.CompressedInputStream(handle, codec))
        return plain if self.form.is_utf8 or not as_declared else recoded(plain, self.form.encoding)


@dataclass(frozen=True, slots=True, kw_only=True)
class _FileMisfits:
    present: int
    rows: tuple[int, ...] = ()
    texts: tuple[str, ...] = ()
