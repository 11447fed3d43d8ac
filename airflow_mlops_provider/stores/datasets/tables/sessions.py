"""Opening a database by its address, and the rows of a table dataset as they come."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.table_source import TableSource
from airflow_mlops_provider.stores.datasets.file_dataset import BATCH_ROWS
from airflow_mlops_provider.stores.datasets.tables import adbc_session
from airflow_mlops_provider.stores.datasets.tables.address import DatabaseAddress, address_of
from airflow_mlops_provider.stores.datasets.tables.failures import telling
from airflow_mlops_provider.stores.datasets.tables.session import Session, WritingSession, in_batches
from airflow_mlops_provider.stores.datasets.tables.statements import any_row, select_rows


@contextmanager
def reading_rows(source: TableSource) -> Iterator[Iterator[pa.RecordBatch]]:
    """The rows of a table or query, in one statement: one state of the database, in constant memory.

    .. code-block:: python

        with reading_rows(TableSource(conn_id="shop", table="orders")) as batches:
            for batch in batches:
                ...

    The first batch may have no rows; it tells the columns. A later batch may have wider types than an earlier one,
    where the database does not tell them beforehand: SQLite, and decimals without declared digits. Whoever needs one
    schema, or the rows twice, opens the dataset by
    :func:`~airflow_mlops_provider.stores.datasets.dataset.open_dataset`.

    :param source: what to read; its Connection's address is taken from the environment.
    :raises BadInputError: for a wrong login, table, column, statement or type; also while the rows come.
    :raises BackendError: when the database cannot be reached, or the connection ends before the rows do.
    """
    with reading_session(source) as (session, address):
        yield rows_in(session, source, address)


@contextmanager
def reading_session(source: TableSource) -> Iterator[tuple[Session, DatabaseAddress]]:
    """A transaction that reads a dataset, by more than one statement.

    :raises BadInputError: for a wrong login.
    :raises BackendError: when the database cannot be reached.
    """
    address = address_of(source.conn_id)
    with telling(address, f"dataset {source.uri} cannot be read"):
        session = _open(address)
    try:
        yield session, address
    finally:
        session.close()


def rows_of(
    session: Session, statement: str, source: TableSource, address: DatabaseAddress
) -> Iterator[pa.RecordBatch]:
    """The rows of another statement about a dataset; errors name the dataset."""
    batches = in_batches(session.rows(statement, name=source.uri), BATCH_ROWS)
    return _told(batches, address, f"dataset {source.uri} cannot be read")


@contextmanager
def writing_session(source: TableSource) -> Iterator[tuple[WritingSession, DatabaseAddress]]:
    """A transaction that reads a dataset and writes beside it; it ends without effect unless it is committed.

    :raises BadInputError: for a database that cannot show several tables at once, or a wrong login.
    :raises BackendError: when the database cannot be reached.
    """
    address = address_of(source.conn_id)
    with telling(address, f"database {source.conn_id!r} cannot be written"):
        session = _open_to_write(address)
    try:
        yield session, address
    finally:
        session.close()


def _open_to_write(address: DatabaseAddress) -> WritingSession:
    if address.kind in ("postgresql", "postgres", "duckdb") and "+" not in address.parts.scheme:
        return adbc_session.AdbcSession(address, writes=True)
    if address.kind == "sqlite":
        from airflow_mlops_provider.stores.datasets.tables.sqlite_session import SqliteSession

        return SqliteSession(address, writes=True)
    if address.kind in ("mysql", "mariadb") and "+" not in address.parts.scheme:
        from airflow_mlops_provider.stores.datasets.tables.mysql_writing_session import MysqlWritingSession

        return MysqlWritingSession(address)
    raise BadInputError(
        f"database {address.conn_id!r}: clean rows and quarantine go into tables of PostgreSQL, DuckDB, SQLite and "
        f"MariaDB, and this is {address.kind}; write files instead"
    )


def rows_in(session: Session, source: TableSource, address: DatabaseAddress) -> Iterator[pa.RecordBatch]:
    """The rows of a dataset as an open transaction sees them; see :func:`reading_rows`."""
    return rows_of(session, select_rows(source), source, address)


def has_rows(source: TableSource) -> bool:
    """Whether a table or query has a row by now; raises as :func:`reading_rows` does."""
    address = address_of(source.conn_id)
    with telling(address, f"dataset {source.uri} cannot be read"):
        session = _open(address)
        try:
            found = [value for batch in session.rows(any_row(source), name=source.uri) for value in batch.column(0)]
            return bool(found[0].as_py())
        finally:
            session.close()


def _told(batches: Iterator[pa.RecordBatch], address: DatabaseAddress, doing: str) -> Iterator[pa.RecordBatch]:
    while True:
        with telling(address, doing):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


def _open(address: DatabaseAddress) -> Session:
    if address.kind in adbc_session.KINDS and "+" not in address.parts.scheme:
        return adbc_session.AdbcSession(address)
    if address.kind == "sqlite":
        from airflow_mlops_provider.stores.datasets.tables.sqlite_session import SqliteSession

        return SqliteSession(address)
    from airflow_mlops_provider.stores.datasets.tables.dbapi_session import DbApiSession

    return DbApiSession(address)
