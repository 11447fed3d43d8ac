"""Writing a dataset: one file, which appears whole or not at all, and whose reference is that of the bytes written."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from airflow_mlops_provider.exceptions import BadInputError, one_line
from airflow_mlops_provider.records.csv_format import CsvFormat
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.stores.datasets.dataset import Dataset, class_of, open_dataset
from airflow_mlops_provider.stores.datasets.file_names import CSV, compression_of, ending_of, format_of
from airflow_mlops_provider.stores.datasets.filesystems import writing
from airflow_mlops_provider.stores.datasets.held_outputs import waiting_part
from airflow_mlops_provider.stores.datasets.listing import Listing
from airflow_mlops_provider.stores.datasets.pinned_files import PinnedFiles


def write_dataset(
    data: pa.Table | Iterable[pa.RecordBatch], uri: str, *, schema: pa.Schema | None = None
) -> DatasetRef:
    """Write one Parquet or CSV file so that readers see all of it or nothing.

    :param data: a table, or batches, which are written as they come.
    :param uri: ends in ``.parquet``, ``.csv`` or another ending that can be read; an existing file is replaced.
    :param schema: of the batches; needed only when there may be none.
    :returns: the pinned reference of what was written.
    :raises BadInputError: when the format cannot hold the types of the columns.
    :raises BackendError: when it cannot be written; nothing is left behind.
    """
    if isinstance(data, pa.Table):
        schema, batches = data.schema, iter(data.to_batches())
    else:
        batches = iter(data)
    with new_dataset(uri, schema=schema) as target:
        for batch in batches:
            target.write_rows(batch)
    return target.ref


def open_written(ref: DatasetRef) -> Dataset:
    """Open a dataset of one file that :func:`write_dataset` wrote, also while it waits for its name.

    :param ref: as it was returned.
    :raises BadInputError: when something else lies there by now.
    """
    part = waiting_part(ref.uri)
    if part is None:
        return open_dataset(ref)
    return class_of(part.uri)(ref, Listing(fs=part.fs, files=(part.part,), names={part.part: ref.uri}))


@contextmanager
def new_dataset(
    uri: str, *, schema: pa.Schema | None = None, form: CsvFormat | None = None, named_by_content: bool = False
) -> Iterator[NewDataset]:
    """A dataset of one file that appears at ``uri`` when the block ends well, and not at all otherwise.

    :param uri: of a file that :func:`open_dataset` can read; an existing one is replaced.
    :param schema: of its rows; by default that of the first ones written.
    :param form: the dialect of text that is written as it stands.
    :param named_by_content: put the hash of its bytes before the ending of its name, so that other content is another
        file: ``rows.parquet`` becomes ``rows-0f3a5b7c9d1e2f30.parquet``.
    """
    found = NewDataset(uri, form=form)
    with writing(uri, inspect=found.inspect, rename=found.with_hash if named_by_content else None) as handle:
        try:
            found.begin(handle, schema)
            yield found
            found.require_content()
        finally:
            found.close()
    if named_by_content:
        found.name_by_content()


class NewDataset:
    """One file on its way: rows, or the text of a CSV file as it stands.

    :param uri: where it will be.
    :param form: the dialect of text that is written as it stands.
    """

    def __init__(self, uri: str, *, form: CsvFormat | None = None) -> None:
        self.uri = uri
        self._form = form
        # What its encoding lacks, in a reason say, is written as its number.
        other = None if form is None or form.is_utf8 else form.encoding
        self._encoder = codecs.getincrementalencoder(other)("backslashreplace") if other else None
        self._ref: DatasetRef | None = None
        self._schema: pa.Schema | None = None
        self._bytes: Any = None
        self._packed: Any = None
        self._writer: Any = None
        self._has_text = False

    @property
    def ref(self) -> DatasetRef:
        """The pinned reference of the bytes that were written, whatever lies at the place by now."""
        if self._ref is None:
            raise RuntimeError(f"{self.uri} is not written yet")
        return self._ref

    @property
    def schema(self) -> pa.Schema:
        """The columns of what was written."""
        if self._schema is None:
            raise RuntimeError(f"{self.uri} is not written yet")
        return self._schema

    def call(self, uri: str) -> None:
        """Let ``ref`` name what was written by another URI than that of its file."""
        self._ref = replace(self.ref, uri=uri)

    def begin(self, handle: Any, schema: pa.Schema | None) -> None:
        """Write into ``handle``; with a schema, rows of that."""
        self._bytes, codec = _HashedBytes(handle), compression_of(self.uri)
        if codec is not None:
            self._packed = pa.CompressedOutputStream(pa.PythonFile(self._bytes, "w"), codec)
        if schema is not None:
            self._start(schema)

    def write_rows(self, batch: pa.RecordBatch) -> None:
        """Add rows; raises ``BadInputError`` when the format cannot hold their types."""
        if self._writer is None:
            self._start(batch.schema)
        if format_of(self.uri) == CSV and batch.num_columns == 1 and batch.column(0).null_count:
            # Such a row would be an empty line, and empty lines are no rows.
            column = batch.schema.names[0]
            raise BadInputError(f"{self.uri} cannot hold missing values of its only column {column!r}; write Parquet")
        try:
            self._writer.write_batch(batch)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise BadInputError(f"{self.uri} cannot hold these columns: {one_line(error)}") from error

    def write_text(self, text: bytes) -> None:
        """Add the text of a CSV file, in UTF-8; it is written in the encoding of its dialect."""
        self._has_text = True
        (self._packed or self._bytes).write(text if self._encoder is None else self._encoder.encode(text.decode()))

    def require_content(self) -> None:
        """Raise ``BadInputError`` when there is no row, no text and no schema."""
        if not (self._writer or self._has_text):
            raise BadInputError("nothing to write: no batch and no schema")

    def close(self) -> None:
        """Write what is still held back."""
        for layer in (self._writer, self._packed):
            if layer is not None:
                layer.close()

    @property
    def digest(self) -> bytes:
        """SHA-256 of the bytes that were written."""
        found: bytes = self._bytes.digest
        return found

    def with_hash(self, path: str) -> str:
        """``path`` with the hash of the bytes in its name."""
        return _before_ending(path, f"-{self.digest.hex()[:16]}")

    def name_by_content(self) -> None:
        """Call the dataset by the name that :meth:`with_hash` gives."""
        self.uri = self.with_hash(self.uri)
        self._ref = replace(self.ref, uri=self.uri)

    def inspect(self, fs: Any, part: str) -> None:
        """Read the schema and rows of the whole file ``part``, which nobody else knows of."""
        listing = Listing(fs=fs, files=(part,), names={part: self.uri})
        pinned = PinnedFiles(listing, digests={part: self._bytes.digest})
        written = class_of(self.uri)(DatasetRef(uri=self.uri, csv=self._form), listing, pinned)
        self._ref, self._schema = written.reference, written.schema

    def _start(self, schema: pa.Schema) -> None:
        target = self._packed or self._bytes
        try:
            is_csv = format_of(self.uri) == CSV
            self._writer = pa.csv.CSVWriter(target, schema) if is_csv else pq.ParquetWriter(target, schema)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise BadInputError(f"{self.uri} cannot hold these columns: {one_line(error)}") from error


def _before_ending(name: str, mark: str) -> str:
    ending = ending_of(name)
    return f"{name[: len(name) - len(ending)]}{mark}{ending}"


class _HashedBytes:
    """A handle that hashes what is written to it."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle
        self._running = hashlib.sha256()

    @property
    def digest(self) -> bytes:
        """SHA-256 of what was written."""
        return self._running.digest()

    def write(self, data: Any) -> Any:
        self._running.update(data)
        return self._handle.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handle, name)
