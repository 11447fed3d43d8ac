"""What a dataset is to the jobs, and how to open one: rows under one schema, pinned by their content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import pyarrow as pa

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.csv_format import DeclaredType
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.spark_source import is_spark_uri
from airflow_mlops_provider.records.table_source import is_table_uri
from airflow_mlops_provider.stores.datasets.csv_cells import declared_by
from airflow_mlops_provider.stores.datasets.csv_dataset import CsvDataset
from airflow_mlops_provider.stores.datasets.file_dataset import BATCH_ROWS, FileDataset
from airflow_mlops_provider.stores.datasets.file_facts import FileFacts
from airflow_mlops_provider.stores.datasets.file_names import CSV, PARQUET, format_of
from airflow_mlops_provider.stores.datasets.listing import data_files
from airflow_mlops_provider.stores.datasets.parquet_dataset import ParquetDataset
from airflow_mlops_provider.stores.datasets.table_formats.opening import format_of_table, open_logged

_CLASSES: dict[str, type[FileDataset]] = {CSV: CsvDataset, PARQUET: ParquetDataset}


class Dataset(Protocol):
    """Rows under one schema that stay the same while they are in use; the methods are those of ``FileDataset``."""

    uri: str
    files: tuple[str, ...]
    refusal: BadInputError | None

    @property
    def schema(self) -> pa.Schema:
        """The columns and their types."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names, in order."""

    @property
    def rows(self) -> int:
        """Number of rows."""

    @property
    def address(self) -> str:
        """The URI that was opened, with what secrets it carries; it is for opening, and for no message."""

    @property
    def source(self) -> DatasetRef:
        """What was opened; nothing is read."""

    @property
    def fingerprint(self) -> str:
        """The fingerprint of its content."""

    @property
    def ref(self) -> DatasetRef:
        """The pinned reference; all that was read until now is confirmed to be its content."""

    def confirm(self) -> None:
        """Raise ``IntegrityError`` when what was read is not, in all its parts, one content."""

    def in_place(self) -> AbstractContextManager[tuple[str, ...]]:
        """Paths of local files for a library that opens them by itself; none where there are no such files."""

    def digest_of(self, file: str) -> bytes:
        """SHA-256 of the content of one of the files."""

    def only(self, files: Sequence[str]) -> Dataset:
        """Some of the files as a dataset of their own."""

    def stamps(self) -> tuple[str, ...]:
        """A cheap mark of each file, which changes when the file is written."""

    def require(self, columns: Iterable[str], *, role: str = "dataset") -> None:
        """Raise ``BadInputError`` that names the first of ``columns`` that is not there."""

    def batches(
        self, columns: Sequence[str] | None = None, *, batch_size: int = BATCH_ROWS, coded: bool = False
    ) -> Iterator[pa.RecordBatch]:
        """The rows, always in the same order."""

    def reader(self, columns: Sequence[str], *, coded: bool = False) -> pa.RecordBatchReader:
        """The same rows as a reader."""

    def table(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows in memory."""

    def frame(self, columns: Sequence[str] | None = None) -> Any:
        """All rows as a pandas ``DataFrame``."""

    def copied_to(self, uri: str) -> AbstractContextManager[DatasetRef | None]:
        """The same bytes, which appear at ``uri`` when the block ends well, or ``None`` where that cannot be."""


def open_dataset(
    source: DatasetRef | str,
    *,
    types: Mapping[str, DeclaredType] | None = None,
    known: Mapping[str, FileFacts] | None = None,
) -> Dataset:
    """Open the dataset at ``source``; its files are listed and their schema is read.

    :param source: a reference or URI: a Parquet or CSV file, a folder of them, a glob, a version of one under DVC
        (:func:`~airflow_mlops_provider.stores.datasets.dvc.resolve_version`), a Delta or Iceberg table, whose version
        is chosen by this, or a table of a database, whose rows are read by this.
    :param types: what columns of CSV are declared to hold; files of other formats tell it themselves.
    :param known: what an earlier run learned of Parquet files, by their marks; those are not opened.
    :raises BadInputError: when there is nothing there or a file cannot be read, naming the file.
    :raises BackendError: when the storage or database behind the URI cannot be reached.
    """
    ref = source if isinstance(source, DatasetRef) else DatasetRef(uri=source)
    if is_table_uri(ref.uri):
        return _open_table(ref)
    if is_spark_uri(ref.uri):
        raise BadInputError(
            f"dataset {ref.uri} lies in Spark: validate and profile it there with a SparkRunner, and give other jobs "
            "the files that Spark writes"
        )
    kind = format_of_table(ref.uri)
    if kind is not None:
        _refuse_csv(ref)
        logged = open_logged(ref, kind)
        _ = logged.schema
        return logged
    listing = data_files(ref.uri)
    if ref.csv is not None and listing.format != CSV:
        raise BadInputError(f"dataset {ref.uri}: key 'csv' is given, and its files are {listing.format}")
    is_csv = listing.format == CSV
    data = CsvDataset(ref, listing, types=types) if is_csv else ParquetDataset(ref, listing, known=known)
    _ = data.schema  # read at once, so that a damaged file is named before any work
    return data


def _open_table(ref: DatasetRef) -> Dataset:
    from airflow_mlops_provider.stores.datasets.tables.table_dataset import open_table

    _refuse_csv(ref)
    return open_table(ref)


def _refuse_csv(ref: DatasetRef) -> None:
    if ref.csv is not None:
        raise BadInputError(f"dataset {ref.uri}: key 'csv' is given, and it is a table")


def open_like(source: DatasetRef | str, schema: pa.Schema) -> Dataset:
    """The dataset at ``source``, whose CSV columns have the types of the same columns elsewhere.

    A cell that does not fit is missing. A column of which no cell fits has changed and keeps the type of its cells.

    :param schema: of the other dataset.
    """
    types = {field.name: declared for field in schema if (declared := declared_by(field.type)) is not None}
    data = open_dataset(source, types=types)
    if not isinstance(data, CsvDataset):
        return data
    changed = [each.column for each in data.misfits if len(each.rows) == each.present]
    return data.without_types(changed) if changed else data


def class_of(name: str) -> type[FileDataset]:
    """The class that reads files of this name; ``BadInputError`` when none does."""
    return _CLASSES[format_of(name)]
