"""One version of a table whose log says which files, and which of their rows, it is made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any, Protocol, Self

import pyarrow as pa

from airflow_mlops_provider.exceptions import BackendError, BadInputError, IntegrityError, MLOpsError, one_line
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.stores.datasets.file_dataset import FileDataset, checked_names
from airflow_mlops_provider.stores.datasets.file_names import PARQUET
from airflow_mlops_provider.stores.datasets.listing import Listing
from airflow_mlops_provider.stores.datasets.tables.arrow_columns import as_dataset_types
from airflow_mlops_provider.stores.storage_errors import is_storage_error


class LoggedTable(Protocol):
    """One version of a table, as the library of its format reads it.

    :ivar uri: of this very version.
    :ivar identified_by: what names a version of this format: ``version`` or ``snapshot``.
    :ivar fingerprint: ``sha256:...`` over what the log says of the version.
    :ivar schema: its columns, as the library gives them.
    :ivar files: its data files, sorted.
    """

    uri: str
    identified_by: str
    fingerprint: str
    schema: pa.Schema
    files: tuple[str, ...]

    def count_rows(self) -> int:
        """Number of rows, without those that were deleted."""

    def batches(self, file: str, columns: Sequence[str], batch_size: int) -> Iterator[pa.RecordBatch]:
        """The rows of a data file that are rows of the version, under its columns."""


class LoggedDataset(FileDataset):
    """Rows of one version of a Delta or Iceberg table; a later version is another dataset.

    :param ref: what was asked for.
    :param table: the version that it means now.
    """

    format = PARQUET

    def __init__(self, ref: DatasetRef, table: LoggedTable) -> None:
        super().__init__(ref, Listing(fs=None, files=table.files))
        self._table = table

    @property
    def source(self) -> DatasetRef:
        """The version that was opened."""
        return replace(self._expected, uri=self._table.uri, identified_by=self._table.identified_by)

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the version: of what the log says of it, not of the bytes of its files."""
        return self._table.fingerprint

    def confirm(self) -> None:
        """Nothing: files of a version are never written again."""

    def digest_of(self, file: str) -> bytes:
        """A version is no set of files that could be divided."""
        raise BadInputError(f"dataset {self.uri} is a version of a table, and no folder of files: {file} stands alone")

    def only(self, files: Sequence[str]) -> Self:  # noqa: ARG002  # its files alone mean nothing
        """The version is one part."""
        return self

    def parts(self) -> Iterator[Self]:
        """The version as one part."""
        yield self

    @contextmanager
    def copied_to(self, uri: str) -> Iterator[DatasetRef | None]:  # noqa: ARG002  # there is no one file to copy
        """``None``: what is written gets the fingerprint of its own bytes."""
        yield None

    @cached_property
    def _given(self) -> pa.Schema:
        return checked_names(self._table.schema, f"dataset {self.uri}")

    def _read_schema(self) -> pa.Schema:
        empty = pa.RecordBatch.from_arrays(
            [pa.array([], field.type) for field in self._given], schema=self._given.remove_metadata()
        )
        return as_dataset_types(empty, name=self.uri).schema

    def _count_rows(self) -> int:
        with telling_format(f"dataset {self.uri} cannot be read"):
            return self._table.count_rows()

    def _file_batches(
        self,
        file: str,
        target: pa.Schema,
        batch_size: int,
        *,
        whole: bool,  # noqa: ARG002  # the log gives each file the columns of the version
    ) -> Iterator[pa.RecordBatch]:
        with telling_format(f"dataset {self.uri} cannot be read: {file}"):
            for batch in self._table.batches(file, target.names, batch_size):
                found = as_dataset_types(batch.select(target.names), name=self.uri)
                yield found if found.schema == target else self._cast(file, found, target)

    def _owner(self, column: str) -> str:  # noqa: ARG002  # each column is the version's
        return self.uri


@contextmanager
def telling_format(doing: str) -> Iterator[None]:
    """Turn errors of the libraries of table formats into ours.

    :param doing: what was being done, for the message.
    :raises IntegrityError: when a file of the version is gone.
    :raises BackendError: when the storage cannot be reached.
    :raises BadInputError: for every other error of the library.
    """
    try:
        yield
    except (MLOpsError, MemoryError):
        raise
    except FileNotFoundError as error:
        raise IntegrityError(f"{doing}: a file of this version is gone; was the table vacuumed?") from error
    except Exception as error:
        if not _is_of_library(error):
            raise
        kind = BackendError if _is_of_way(error) else BadInputError
        raise kind(f"{doing}: {one_line(error)}") from error


def _is_of_library(error: BaseException) -> bool:
    module = type(error).__module__.partition(".")[0]
    own = module in ("deltalake", "_internal", "pyiceberg", "pyarrow", "sqlalchemy", "pydantic_core", "requests")
    return own or isinstance(error, OSError | ValueError | NotImplementedError) or is_storage_error(error)


def _is_of_way(error: BaseException) -> bool:
    """Whether the storage or catalogue did not answer; the libraries tell it as an ``OSError`` without a number."""
    if is_storage_error(error) or type(error).__name__ in ("OperationalError", "ServiceUnavailableError"):
        return True
    return isinstance(error, OSError) and not isinstance(error, PermissionError | IsADirectoryError)


def plain(found: Any) -> Any:
    """What a library gives as Arrow by the common interface, as pyarrow's own."""
    return pa.table(found)
