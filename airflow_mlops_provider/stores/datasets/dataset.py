"""Datasets: Parquet and CSV as files, folders and globs, local or through fsspec; pinned by content.

Parquet streams; a CSV file is read whole, because its column types are only known at its end.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from airflow_mlops_provider.exceptions import BackendError, BadInputError, IntegrityError, one_line
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.stores.datasets.csv_records import in_order, read_csv, records_of, text_columns
from airflow_mlops_provider.stores.datasets.files import (
    DamagedFileError,
    Listing,
    content_fingerprint,
    data_files,
    filesystem,
    format_of,
    is_local,
    reading,
)
from airflow_mlops_provider.stores.datasets.schemas import coded_text, misfit, with_text
from airflow_mlops_provider.stores.local_files import sweep_parts

BATCH_ROWS = 65_536
_READ_BYTES = 1 << 20  # of a column at a time; without it a whole column of a row group is held
_COPY_BYTES = 1 << 20
_LINE_ITSELF = re.compile(r"(Expected \d+ columns, got \d+): .*")


def open_dataset(source: DatasetRef | str) -> Dataset:
    """Open the dataset at ``source``; its files are listed and their schema is read.

    :param source: a reference or URI: a ``.parquet`` or ``.csv`` file, a folder of them, a glob, or a version of one
        under DVC (:func:`~airflow_mlops_provider.stores.datasets.dvc.resolve_version`).
    :raises BadInputError: when there is nothing there or a file cannot be read, naming the file.
    :raises BackendError: when the storage behind the URI cannot be reached.
    """
    data = Dataset(source if isinstance(source, DatasetRef) else DatasetRef(uri=source))
    _ = data.schema  # read at once, so that a damaged file is named before any work
    return data


class Dataset:
    """Files of one schema, read as one table.

    :param ref: what to open.
    :param listing: its files, when they are known.
    :ivar uri: as it was given.
    :ivar files: the data files, sorted by path.
    :ivar format: ``parquet`` or ``csv``.
    :ivar refusal: what ended the last reading of rows; a library that was handed the rows may tell it as its own.
    """

    def __init__(self, ref: DatasetRef, listing: Listing | None = None) -> None:
        self.uri = ref.uri
        self._expected = ref
        self._listing = data_files(ref.uri) if listing is None else listing
        self._fs, self.files = self._listing.fs, self._listing.files
        self.format = self._listing.format
        self.refusal: BadInputError | None = None

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns and their types, of the first file; of CSV files, those that hold the values of all."""
        return self._read_schema()

    @property
    def source(self) -> DatasetRef:
        """What was opened, at its version when it is under version control; nothing is read."""
        version = self._listing.version
        if version is None:
            return self._expected
        return replace(self._expected, uri=version.uri, revision=version.commit, fallback=version.fallback)

    @property
    def is_local(self) -> bool:
        """Whether the files lie on this machine."""
        return is_local(self._fs)

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names, in order."""
        return tuple(self.schema.names)

    @cached_property
    def rows(self) -> int:
        """Number of rows over all files."""
        if self.format == "csv":
            return sum(self._csv(file).num_rows for file in self.files)
        total = 0
        for file in self.files:
            with self._reading(file) as handle:
                total += pq.ParquetFile(handle).metadata.num_rows
        return total

    @cached_property
    def ref(self) -> DatasetRef:
        """The pinned reference: content fingerprint, rows, schema hash and, under version control, the commit.

        :raises IntegrityError: when the reference it was opened by pins other content.
        """
        source = self.source
        pinned = DatasetRef(
            uri=source.uri,
            fingerprint=content_fingerprint(self._fs, self.files),
            rows=self.rows,
            schema_hash=_schema_hash(self.schema),
            revision=source.revision,
            fallback=source.fallback,
        )
        expected = self._expected.fingerprint
        if expected is not None and expected != pinned.fingerprint:
            raise IntegrityError(
                f"dataset {self.uri} changed: its content is {pinned.fingerprint}, {expected} was expected"
            )
        return pinned

    def parts(self) -> Iterator[Dataset]:
        """Each file as a dataset of its own; one file alone is this dataset."""
        if len(self.files) == 1:
            yield self
            return
        for file in self.files:
            uri = file if self.is_local else self._fs.unstrip_protocol(file)
            part = Dataset(DatasetRef(uri=uri), replace(self._listing, files=(file,), version=None))
            if self.format == "csv":
                part._as_text = self._as_text
            yield part

    def require(self, columns: Iterable[str], *, role: str = "dataset") -> None:
        """Raise ``BadInputError`` that names the first of ``columns`` that is not there.

        :param role: what to call this dataset in the error.
        """
        for column in columns:
            if column not in self.columns:
                raise BadInputError(f"{role} {self.uri} has no column {column!r}; it has {', '.join(self.columns)}")

    def batches(
        self, columns: Sequence[str] | None = None, *, batch_size: int = BATCH_ROWS, coded: bool = False
    ) -> Iterator[pa.RecordBatch]:
        """The rows in file order, in batches of at most ``batch_size``; constant memory for Parquet.

        :param columns: which columns, in this order; all by default.
        :param coded: give text as dictionary-coded arrays, which Parquet mostly holds it in and which are faster to
            count.
        :raises BadInputError: on a damaged file, one that lacks a column, or, when all columns are read, one that has
            more than the first file.
        """
        wanted = list(columns) if columns is not None else list(self.schema.names)
        self.require(wanted)
        target = pa.schema([self.schema.field(name) for name in wanted])
        target = coded_text(target) if coded else target
        try:
            for file in self.files:
                yield from self._file_batches(file, target, batch_size, whole=columns is None)
        except BadInputError as error:
            self.refusal = error
            raise

    def reader(self, columns: Sequence[str], *, coded: bool = False) -> pa.RecordBatchReader:
        """The same rows as a reader, which DuckDB takes as well."""
        wanted = pa.schema([self.schema.field(name) for name in columns])
        return pa.RecordBatchReader.from_batches(
            coded_text(wanted) if coded else wanted, self.batches(columns, coded=coded)
        )

    def table(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows in memory."""
        batches = list(self.batches(columns))
        names = columns if columns is not None else self.schema.names
        return pa.Table.from_batches(batches, schema=pa.schema([self.schema.field(name) for name in names]))

    def frame(self, columns: Sequence[str] | None = None) -> Any:
        """All rows as a pandas ``DataFrame``."""
        return self.table(columns).to_pandas()

    def records(self) -> Iterator[bytes]:
        """The header and the rows of CSV files as they stand there, in the order of ``batches``.

        :raises BadInputError: on a file that cannot be read.
        """
        for number, file in enumerate(self.files):
            names = self._csv_schemas[file].names
            order = [names.index(name) for name in self.columns]
            with self._reading(file) as handle:
                for row, record in enumerate(records_of(handle)):
                    if row or not number:
                        yield record if names == list(self.columns) else in_order(record, order)

    def copy_to(self, uri: str) -> DatasetRef | None:
        """The same bytes at ``uri``; ``None``, and nothing written, for several files or another format."""
        if len(self.files) != 1 or format_of(uri) != self.format:
            return None
        with self._reading(self.files[0]) as source, writing(uri) as target:
            shutil.copyfileobj(source, target, _COPY_BYTES)
        return open_dataset(uri).ref

    def _file_batches(self, file: str, target: pa.Schema, batch_size: int, *, whole: bool) -> Iterator[pa.RecordBatch]:
        if self.format == "csv":
            table = self._csv(file)
            self._same_columns(file, table.schema, target, whole=whole)
            yield from self._cast(file, table.select(target.names), target).to_batches(max_chunksize=batch_size)
            return
        with self._reading(file) as handle:
            # pre_buffer keeps whole files in memory; a stream must not grow with the data.
            coded = [field.name for field in target if pa.types.is_dictionary(field.type)]
            parquet = pq.ParquetFile(handle, pre_buffer=False, buffer_size=_READ_BYTES, read_dictionary=coded)
            self._same_columns(file, parquet.schema_arrow, target, whole=whole)
            for batch in parquet.iter_batches(batch_size, columns=target.names):
                yield batch if batch.schema == target else self._cast(file, batch.select(target.names), target)

    def _cast(self, file: str, data: Any, target: pa.Schema) -> Any:
        try:
            return data.cast(target)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            # Not Arrow's own words, which quote the value.
            column, kind = misfit(data, target)
            raise BadInputError(
                f"{self._name(file)} does not fit the types of {self._name(self.files[0])}: column {column!r} is "
                f"{data.column(column).type}, and not every value is {kind}"
            ) from None

    def _same_columns(self, file: str, schema: pa.Schema, target: pa.Schema, *, whole: bool) -> None:
        missing = [name for name in target.names if name not in schema.names]
        if missing:
            raise BadInputError(f"{self._name(file)} has no column {missing[0]!r}, which {self._owner(missing[0])} has")
        more = [name for name in schema.names if name not in self.schema.names] if whole else []
        if more:
            first = self._name(self.files[0])
            raise BadInputError(f"{first} has no column {more[0]!r}, which {self._name(file)} has")

    def _owner(self, column: str) -> str:
        """The first file with this column."""
        if self.format == "csv":
            return next(self._name(file) for file, schema in self._csv_schemas.items() if column in schema.names)
        return self._name(self.files[0])

    def _read_schema(self) -> pa.Schema:
        if self.format == "csv":
            # A column of whole numbers in one file may hold fractions in the next.
            schemas = [with_text(schema, self._as_text) for schema in self._csv_schemas.values()]
            try:
                return pa.unify_schemas(schemas, promote_options="permissive")
            except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
                raise BadInputError(f"the files of {self.uri} do not fit each other: {one_line(error)}") from error
        with self._reading(self.files[0]) as handle:
            return _checked(pq.ParquetFile(handle).schema_arrow.remove_metadata(), self._name(self.files[0]))

    @cached_property
    def _as_text(self) -> frozenset[str]:
        """Columns of CSV files that look like numbers in one of them and are none."""
        found = [text_columns(partial(self._reading, file), schema) for file, schema in self._csv_schemas.items()]
        return frozenset().union(*found)

    @cached_property
    def _csv_schemas(self) -> dict[str, pa.Schema]:
        """The columns of each CSV file, with the types that its own values have."""
        return {file: _checked(self._any_csv(file).schema, self._name(file)) for file in self.files}

    def _csv(self, file: str) -> pa.Table:
        return self._any_csv(file, self._as_text & set(self._csv_schemas[file].names))

    def _any_csv(self, file: str, as_text: Collection[str] = ()) -> pa.Table:
        opened = partial(self._reading, file)
        try:
            return read_csv(opened, as_text=as_text)
        except BadInputError:
            # Read by one thread, the parser knows the number of the line that it cannot read.
            return read_csv(opened, as_text=as_text, threads=False)

    @contextmanager
    def _reading(self, file: str) -> Iterator[Any]:
        try:
            with reading(self._fs, file, name=self._name(file)) as handle:
                yield handle
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, DamagedFileError) as error:
            # After the number of columns comes the line itself, whose values are nobody's business.
            text = _LINE_ITSELF.sub(r"\1", one_line(error))
            raise BadInputError(f"{self._name(file)} cannot be read as {self.format}: {text}") from error

    def _name(self, file: str) -> str:
        return self._listing.name_of(file)


def write_dataset(
    data: pa.Table | Iterable[pa.RecordBatch], uri: str, *, schema: pa.Schema | None = None
) -> DatasetRef:
    """Write one Parquet or CSV file so that readers see all of it or nothing.

    :param data: a table, or batches, which are written as they come.
    :param uri: ends in ``.parquet`` or ``.csv``; an existing file is replaced.
    :param schema: of the batches; needed only when there may be none.
    :returns: the pinned reference of what was written.
    :raises BackendError: when it cannot be written; nothing is left behind.
    """
    if isinstance(data, pa.Table):
        schema, batches = data.schema, iter(data.to_batches())
    else:
        batches = iter(data)
    with writing(uri) as target:
        _write_batches(target, batches, schema, format_of(uri))
    return open_dataset(uri).ref


@contextmanager
def appending(uri: str, schema: pa.Schema) -> Iterator[Callable[[pa.RecordBatch], None]]:
    """A function that adds rows to the file that appears at ``uri`` when the block ends well, and not at all otherwise.

    :param uri: ends in ``.parquet`` or ``.csv``; an existing file is replaced.
    :raises BadInputError: when the format cannot hold the types of ``schema``.
    """
    try:
        with writing(uri) as target, _writer(target, schema, format_of(uri)) as writer:
            yield writer.write_batch
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise BadInputError(f"{uri} cannot hold these columns: {one_line(error)}") from error


@contextmanager
def writing(uri: str) -> Iterator[Any]:
    """A binary handle whose content appears at ``uri`` when the block ends well, and leaves nothing otherwise."""
    fs, path = filesystem(uri)
    # The temporary name keeps no data suffix, so that a folder being read never picks it up.
    part = f"{path}.{os.getpid()}-{os.urandom(4).hex()}.part"
    try:
        fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        if is_local(fs):
            sweep_parts(Path(path))
        with fs.open(part, "wb") as handle:
            yield handle
        if is_local(fs):
            Path(part).replace(path)
        else:
            fs.mv(part, path)
    except OSError as error:
        raise BackendError(f"{uri} cannot be written: {error.strerror or one_line(error)}") from error
    finally:
        with suppress(Exception):
            if fs.exists(part):
                fs.rm(part)


def _write_batches(target: Any, batches: Iterator[pa.RecordBatch], schema: pa.Schema | None, form: str) -> None:
    first = next(batches, None)
    schema = schema or (first.schema if first is not None else None)
    if schema is None:
        raise BadInputError("nothing to write: no batch and no schema")
    with _writer(target, schema, form) as writer:
        if first is not None:
            writer.write_batch(first)
        for batch in batches:
            writer.write_batch(batch)


def _writer(target: Any, schema: pa.Schema, form: str) -> Any:
    return pa.csv.CSVWriter(target, schema) if form == "csv" else pq.ParquetWriter(target, schema)


def _checked(schema: pa.Schema, file: str) -> pa.Schema:
    if not schema.names:
        raise BadInputError(f"{file} has no columns")
    repeated = [name for name, times in Counter(schema.names).items() if times > 1]
    if repeated:
        raise BadInputError(f"{file} has several columns called {repeated[0]!r}")
    return schema


def _schema_hash(schema: pa.Schema) -> str:
    text = "\n".join(f"{field.name}\t{field.type}" for field in schema)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
