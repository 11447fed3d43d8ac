"""Rows of a database, kept for one job in Parquet files that have no name.

A file without a name is open to this process alone and goes with it, however the process ends: no clean-up is needed
after a kill, and nothing of the data stays on the disk.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_mlops_provider.exceptions import BackendError, BadInputError, one_line
from airflow_mlops_provider.stores.datasets.common_types import common_schema
from airflow_mlops_provider.stores.datasets.file_dataset import checked_names
from airflow_mlops_provider.stores.datasets.schemas import misfit
from airflow_mlops_provider.stores.datasets.tables.rows_fingerprint import RowsFingerprint


class SpilledRows:
    """Batches on their way to unnamed files, and what they are there.

    A file holds rows of one schema. A batch with wider types begins another file, and the schema of all is the widest.

    :param name: of the dataset, for errors.
    :ivar rows: how many rows were written.
    """

    def __init__(self, *, name: str) -> None:
        self._name = name
        self._handles: list[Any] = []
        self._writers: list[pq.ParquetWriter] = []
        weakref.finalize(self, _close, self._writers, self._handles)  # when nobody holds the dataset any more
        self._schema: pa.Schema | None = None
        self._fingerprint: RowsFingerprint | None = None
        self.rows = 0

    @property
    def schema(self) -> pa.Schema:
        """The columns, with types that hold all rows."""
        if self._schema is None:
            raise BadInputError(f"dataset {self._name} has no columns")
        return self._schema

    @property
    def files(self) -> tuple[str, ...]:
        """Paths by which this process opens the files, in the order of the rows."""
        return tuple(f"/proc/self/fd/{handle.fileno()}" for handle in self._handles)

    @property
    def fingerprint(self) -> str | None:
        """The fingerprint of the rows; ``None`` when their types became wider on the way, so that they must be read."""
        return self._fingerprint.value() if self._fingerprint is not None else None

    @property
    def sums(self) -> tuple[int, ...] | None:
        """The sums that the fingerprint is made of; ``None`` where there is no fingerprint."""
        return self._fingerprint.sums if self._fingerprint is not None else None

    def add(self, batch: pa.RecordBatch) -> None:
        """Write rows.

        :raises BadInputError: naming a column whose type is another one than before and holds no common values.
        :raises BackendError: when the disk does not take them.
        """
        schema = self._common(batch.schema)
        if schema != self._schema:
            self._begin(schema)
        rows = batch if batch.schema == schema else self._fitted(batch, schema)
        with self._keeping():
            self._writers[-1].write_batch(rows)
        self.rows += rows.num_rows
        if self._fingerprint is not None:
            self._fingerprint.add(rows)

    def finish(self) -> None:
        """End the last file; the rows can be read from then on."""
        for writer in self._writers:
            with self._keeping():
                writer.close()
                self._handles[-1].flush()
        self._writers.clear()

    def close(self) -> None:
        """Give the disk back."""
        _close(self._writers, self._handles)

    def _common(self, schema: pa.Schema) -> pa.Schema:
        checked_names(schema, f"dataset {self._name}")
        if self._schema is None or schema == self._schema:
            return schema
        if self.rows == 0:  # the columns of a database whose values tell more
            known = self._schema
            fields = [known.field(each.name) if pa.types.is_null(each.type) else each for each in schema]
            return pa.schema(fields)
        try:
            return common_schema([("an earlier row", self._schema), (f"dataset {self._name}: a later row", schema)])
        except BadInputError as error:
            raise BadInputError(f"{error}; cast it in a query") from error

    def _begin(self, schema: pa.Schema) -> None:
        self.finish()
        if self.rows == 0:  # what was written told the columns alone
            self.close()
        # A sum of rows under other types is another sum.
        self._fingerprint = RowsFingerprint(schema) if self.rows == 0 else None
        self._schema = schema
        with self._keeping():
            self._handles.append(tempfile.TemporaryFile(prefix="mlops-rows-"))  # noqa: SIM115  # open as long as the rows are
            try:
                self._writers.append(pq.ParquetWriter(self._handles[-1], schema))
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                raise BadInputError(
                    f"dataset {self._name}: a column has a type that Parquet cannot hold: {one_line(error)}"
                ) from error

    def _fitted(self, batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
        try:
            return batch.select(schema.names).cast(schema)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            # Not Arrow's own words, which quote the value.
            column, kind = misfit(batch, schema)
            raise BadInputError(
                f"dataset {self._name}: column {column!r} is {batch.column(column).type} in some rows, and not every "
                f"value is {kind}, which it is in others; cast it in a query"
            ) from None

    @contextmanager
    def _keeping(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise BackendError(
                f"the rows of dataset {self._name} cannot be kept in {tempfile.gettempdir()} while the job runs: "
                f"{error.strerror or one_line(error)}; TMPDIR names another folder"
            ) from error


def _close(writers: list[pq.ParquetWriter], handles: list[Any]) -> None:
    for each in (*writers, *handles):
        with suppress(OSError):  # what is written is not wanted any more
            each.close()
    writers.clear()
    handles.clear()
