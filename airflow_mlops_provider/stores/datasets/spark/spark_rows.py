"""The rows of a table or path as Spark has them: their columns, and what a function makes of each partition."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from airflow_mlops_provider.exceptions import BadInputError, IntegrityError
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.spark_source import is_spark_uri, spark_table
from airflow_mlops_provider.records.table_source import is_table_uri
from airflow_mlops_provider.secrets_in_text import masked
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.datasets.file_dataset import checked_names
from airflow_mlops_provider.stores.datasets.file_names import CSV, format_of, is_data
from airflow_mlops_provider.stores.datasets.spark.session import current_session, telling_spark
from airflow_mlops_provider.stores.datasets.stamps import stamps
from airflow_mlops_provider.stores.datasets.table_formats.opening import format_of_table
from airflow_mlops_provider.stores.datasets.tables.arrow_columns import as_dataset_types

OnPartition = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


class SparkFiles:
    """Parquet files that Spark reads, pinned by their bytes before and looked at again afterwards.

    :param ref: of the files.
    """

    def __init__(self, ref: DatasetRef) -> None:
        self._uri = ref.uri
        self._before = stamps(ref.uri)
        data = open_dataset(ref)
        self.ref = data.ref
        scheme = ref.uri.partition("://")[0] if "://" in ref.uri else "file"
        self.paths = [f"{scheme}://{file}" for file in data.files]

    def confirm(self) -> None:
        """Raise ``IntegrityError`` when a file was written while Spark read it."""
        if stamps(self._uri) != self._before:
            raise IntegrityError(f"dataset {masked(self._uri)} changed while Spark read it; nothing was judged of it")


@dataclass(frozen=True)
class SparkRows:
    """Rows that Spark reads.

    :param uri: what was asked for, without secrets.
    :param frame: Spark's ``DataFrame``.
    :param files: the same rows as files, where they are no table of Spark's.
    """

    uri: str
    frame: Any
    files: SparkFiles | None = None

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns, with the types that a dataset has."""
        from pyspark.sql.pandas.types import to_arrow_schema

        found: pa.Schema = to_arrow_schema(self.frame.schema)
        empty = pa.RecordBatch.from_arrays([pa.array([], field.type) for field in found], names=found.names)
        return checked_names(as_dataset_types(empty, name=self.uri).schema, f"dataset {self.uri}")

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names, in order."""
        return tuple(self.schema.names)

    @cached_property
    def rows(self) -> int:
        """Number of rows; they are counted for it."""
        return int(self.frame.count())

    def made_of_partitions(self, function: OnPartition, schema: Any) -> Any:
        """What ``function`` makes of the rows of each partition, as a ``DataFrame``; it runs where the rows are.

        :param schema: of what it makes, as Spark's ``StructType``.
        """
        return self.frame.mapInArrow(function, schema)

    def sample(self, columns: Sequence[str], rows: int) -> pa.Table:
        """About so many rows, at random, the same ones each time as long as the partitions are the same."""
        with telling_spark(f"dataset {self.uri} cannot be read"):
            count = self.rows
            chosen = self.frame.select(*map(quoted, columns))
            taken = chosen if count <= rows else chosen.sample(fraction=rows / count, seed=0)
            found = taken.toArrow()
        wanted = pa.schema([self.schema.field(name) for name in columns])
        batches = [as_dataset_types(each, name=self.uri) for each in found.to_batches()]
        return pa.Table.from_batches(batches, schema=wanted)


def open_spark(ref: DatasetRef, *, partitions: int | None = None) -> SparkRows:
    """The rows that a reference names, in the session of this job.

    :param ref: ``spark:`` and a table, or the path of Parquet files as Spark takes it.
    :param partitions: have at most so many of them; ``None`` for those that Spark made.
    :raises BadInputError: when there is no such table or path, or it is of files that Spark reads otherwise.
    :raises BackendError: when Spark cannot be reached.
    """
    session, uri = current_session(), masked(ref.uri)
    if ref.csv is not None or (is_data(ref.uri) and format_of(ref.uri) == CSV):
        raise BadInputError(
            f"dataset {uri}: Spark reads CSV in ways of its own; give a table or Parquet files, or no SparkRunner"
        )
    if not is_spark_uri(ref.uri) and (is_table_uri(ref.uri) or format_of_table(ref.uri)):
        raise BadInputError(
            f"dataset {uri}: Spark reads it as a table of its own, such as spark:lake.orders or spark:delta.`s3a://...`"
        )
    files = None if is_spark_uri(ref.uri) else SparkFiles(ref)
    with telling_spark(f"dataset {uri} cannot be read"):
        frame = (
            session.table(spark_table(ref.uri))
            if files is None
            # By their paths, so that they are the files that were pinned, whatever else lies beside them.
            else session.read.option("mergeSchema", "true").parquet(*files.paths)
        )
        if partitions is not None:
            frame = frame.coalesce(partitions)  # moves no rows, so that they stay in order
        rows = SparkRows(uri=uri, frame=frame, files=files)
        _ = rows.schema
    return rows


def write_spark(frame: Any, uri: str, *, of_rows: DatasetRef) -> DatasetRef:
    """Let Spark write rows to a folder of Parquet files, or to a table, in place of what is there.

    :param of_rows: what is known of the rows, for a table.
    :returns: the reference of what was written: of a folder, pinned by the bytes of its files.
    :raises BackendError: when it cannot be written.
    """
    with telling_spark(f"{uri} cannot be written"):
        if is_spark_uri(uri):
            frame.write.mode("overwrite").saveAsTable(spark_table(uri))
            return of_rows
        frame.write.mode("overwrite").parquet(uri)
    return open_dataset(uri).ref


def quoted(column: str) -> str:
    """The name of a column as Spark takes it, also with dots in it."""
    return "`" + column.replace("`", "``") + "`"
