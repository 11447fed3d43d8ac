"""A table or query of a database as a dataset: its rows are read once, and what was read is what every step uses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import cached_property
from typing import Self

import fsspec
import pyarrow as pa

from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.table_source import table_source
from airflow_mlops_provider.stores.datasets.listing import Listing
from airflow_mlops_provider.stores.datasets.parquet_dataset import ParquetDataset
from airflow_mlops_provider.stores.datasets.tables.rows_fingerprint import rows_fingerprint
from airflow_mlops_provider.stores.datasets.tables.sessions import reading_rows
from airflow_mlops_provider.stores.datasets.tables.spilled_rows import SpilledRows

BY_ROWS = "rows"
"""What the fingerprint of a table is made from."""


class TableDataset(ParquetDataset):
    """Rows of a database, which one statement gave and one private copy holds; all that is asked is asked of the copy.

    :param ref: the table or query, under a URI of the form ``sql://CONN_ID/...``.
    :param spilled: its rows.
    """

    def __init__(self, ref: DatasetRef, spilled: SpilledRows) -> None:
        self._spilled = spilled
        local = fsspec.filesystem("file")
        super().__init__(ref, Listing(fs=local, files=spilled.files, names=dict.fromkeys(spilled.files, ref.uri)))

    @property
    def source(self) -> DatasetRef:
        """What was opened."""
        return replace(self._expected, identified_by=BY_ROWS)

    @cached_property
    def _of_rows(self) -> str:
        return self._spilled.fingerprint or rows_fingerprint(self.schema, self.batches())

    @property
    def fingerprint(self) -> str:
        """The fingerprint of its rows, in whatever order the database gave them."""
        return self._of_rows

    def only(self, files: Sequence[str]) -> Self:  # noqa: ARG002  # there is one, which means nothing elsewhere
        """The rows are one part."""
        return self

    @contextmanager
    def copied_to(self, uri: str) -> Iterator[DatasetRef | None]:  # noqa: ARG002  # there is no file to copy
        """``None``: there is no file to copy, and what is written gets the fingerprint of its own bytes."""
        yield None

    def _read_schema(self) -> pa.Schema:
        return self._spilled.schema

    def _count_rows(self) -> int:
        return self._spilled.rows


def open_table(ref: DatasetRef, batches: Iterator[pa.RecordBatch] | None = None) -> TableDataset:
    """Read the rows of a table or query, in one statement, and open them.

    :param batches: the rows, where a transaction is open already.
    :raises BadInputError: when they cannot be read, whatever is tried again.
    :raises BackendError: when the database cannot be reached, or ended before its rows did.
    """
    source = table_source(ref.uri)
    spilled = SpilledRows(name=ref.uri)
    try:
        with nullcontext(batches) if batches is not None else reading_rows(source) as found:
            for batch in found:
                spilled.add(batch)
        spilled.finish()
        pa.default_memory_pool().release_unused()  # what the rows took on their way is not needed for what follows
    except BaseException:
        spilled.close()
        raise
    data = TableDataset(ref, spilled)
    data.require(source.key, role="key: dataset")
    return data
