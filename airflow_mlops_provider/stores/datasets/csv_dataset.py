"""CSV files as a dataset: each is read whole, because the types of its columns are only known at its end."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator
from functools import cached_property, partial
from typing import Any, Self

import pyarrow as pa

from airflow_mlops_provider.exceptions import BadInputError, IntegrityError, one_line
from airflow_mlops_provider.stores.datasets.csv_records import in_order, read_csv, records_of, text_columns
from airflow_mlops_provider.stores.datasets.file_dataset import FileDataset, checked_names
from airflow_mlops_provider.stores.datasets.file_names import CSV, compression_of
from airflow_mlops_provider.stores.datasets.schemas import with_text


class CsvDataset(FileDataset):
    """Files with the types that hold the values of all of them; plain, or compressed with gzip, zstd or bzip2."""

    format = CSV

    def records(self) -> Iterator[bytes]:
        """The header and the rows as they stand in the files, in the order of ``batches``.

        :raises BadInputError: on a file that cannot be read.
        """
        for number, file in enumerate(self.files):
            names = self._schemas[file].names
            order = [names.index(name) for name in self.columns]
            with self._reading(file) as handle:
                for row, record in enumerate(records_of(handle)):
                    if row or not number:
                        yield record if names == list(self.columns) else in_order(record, order)

    def _read_schema(self) -> pa.Schema:
        # A column of whole numbers in one file may hold fractions in the next.
        schemas = [with_text(schema, self._as_text) for schema in self._schemas.values()]
        try:
            return pa.unify_schemas(schemas, promote_options="permissive")
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise BadInputError(f"the files of {self.uri} do not fit each other: {one_line(error)}") from error

    def _count_rows(self) -> int:
        return sum(self._table(file).num_rows for file in self.files)

    def _file_batches(self, file: str, target: pa.Schema, batch_size: int, *, whole: bool) -> Iterator[pa.RecordBatch]:
        table = self._table(file)
        self._same_columns(file, table.schema, target, whole=whole)
        yield from self._cast(file, table.select(target.names), target).to_batches(max_chunksize=batch_size)

    def _owner(self, column: str) -> str:
        return next(self._name(file) for file, schema in self._schemas.items() if column in schema.names)

    def _part(self, part: Self) -> Self:
        part._as_text = self._as_text
        return part

    @cached_property
    def _as_text(self) -> frozenset[str]:
        """Columns that look like numbers in one of the files and are none."""
        found = [text_columns(partial(self._reading, file), schema) for file, schema in self._schemas.items()]
        return frozenset().union(*found)

    @cached_property
    def _schemas(self) -> dict[str, pa.Schema]:
        """The columns of each file, with the types that its own values have."""
        return {file: checked_names(self._read(file).schema, self._name(file)) for file in self.files}

    def _table(self, file: str) -> pa.Table:
        return self._read(file, self._as_text & set(self._schemas[file].names))

    def _read(self, file: str, as_text: Collection[str] = ()) -> pa.Table:
        opened = partial(self._reading, file)
        try:
            return read_csv(opened, as_text=as_text)
        except IntegrityError:
            raise
        except BadInputError:
            # Read by one thread, the parser knows the number of the line that it cannot read.
            return read_csv(opened, as_text=as_text, threads=False)

    def _unpacked(self, file: str, handle: Any) -> Any:
        codec = compression_of(self._name(file))
        return handle if codec is None else io.BufferedReader(pa.CompressedInputStream(handle, codec))
