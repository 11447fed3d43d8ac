"""Databases with a driver that gives Arrow itself (ADBC): PostgreSQL, DuckDB, Snowflake, BigQuery."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.stores.datasets.tables.address import DatabaseAddress
from airflow_mlops_provider.stores.datasets.tables.arrow_columns import as_dataset_types
from airflow_mlops_provider.stores.datasets.tables.statements import quoted

_BATCH_BYTES = str(4 << 20)  # a quarter of the driver's own; larger ones are no faster and stay in memory


class AdbcSession:
    """One transaction through an ADBC driver.

    :param address: of the database.
    :param writes: whether anything is to be written.
    """

    tells_types = True
    is_one_state = True

    def __init__(self, address: DatabaseAddress, *, writes: bool = False) -> None:
        self._connection = _CONNECT[address.kind](address, writes)
        self._is_postgresql = address.kind in ("postgresql", "postgres")
        if self._is_postgresql:
            mode = "READ WRITE" if writes else "READ ONLY"
            self.execute(f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, {mode}")

    def rows(self, statement: str, *, name: str) -> Iterator[pa.RecordBatch]:
        """The rows of a SELECT; see :class:`~airflow_mlops_provider.stores.datasets.tables.session.Session`."""
        with self._connection.cursor() as cursor:
            if self._is_postgresql:
                cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": _BATCH_BYTES})
            cursor.execute(statement)
            # Its own reader: the one that it hands out loses the code of an error that comes with the rows.
            reader, is_first = cursor._results.reader, True
            for batch in reader:
                if batch.num_rows:
                    is_first = False
                    yield as_dataset_types(batch, name=name)
            if is_first:
                yield as_dataset_types(_without_rows(reader.schema), name=name)

    def quoted(self, column: str) -> str:
        """The exact name of a column."""
        return quoted(column)

    def as_text(self, expression: str) -> str:
        """What comes as text may be of a type that is not compared with text, as a UUID."""
        return f"CAST({expression} AS TEXT)"

    def execute(self, statement: str) -> None:
        """Run a statement that gives no rows."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement)

    def load(self, name: str, batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> None:
        """Fill a new temporary table of this session."""
        with self._connection.cursor() as cursor:
            rows = pa.RecordBatchReader.from_batches(schema, batches)
            cursor.adbc_ingest(name, rows, mode="create", temporary=True)

    def create_table(self, name: str, statement: str, texts: Sequence[str] = ()) -> None:
        """Make a table with the columns of a SELECT, and further ones of text, unless there is one of this name."""
        more = "".join(f", CAST(NULL AS TEXT) AS {quoted(column)}" for column in texts)
        columns = f"SELECT r.*{more} FROM ({statement}\n) r WHERE 1 = 0"  # noqa: S608  # checked and quoted names
        self.execute(f"CREATE TABLE IF NOT EXISTS {name} AS {columns}")

    def commit(self) -> None:
        """Let what was written appear."""
        self._connection.commit()

    def close(self) -> None:
        """End the transaction and the connection."""
        with suppress(Exception):  # it may be the connection that failed
            self._connection.rollback()
        with suppress(Exception):
            self._connection.close()


def _without_rows(schema: pa.Schema) -> pa.RecordBatch:
    columns = [pa.array([], field.type) for field in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _postgresql(address: DatabaseAddress, writes: bool) -> Any:  # noqa: ARG001  # one signature for all
    import adbc_driver_postgresql.dbapi as driver

    return driver.connect(address.text, autocommit=False)


def _duckdb(address: DatabaseAddress, writes: bool) -> Any:
    import adbc_driver_duckdb
    from adbc_driver_manager import dbapi

    # A wrong path would otherwise become a new and empty database.
    if writes and not Path(address.path).exists():
        raise BadInputError(f"database {address.conn_id!r}: there is no database file at its path")
    options = {"path": address.path, "access_mode": "READ_WRITE" if writes else "READ_ONLY"}
    return dbapi.connect(driver=adbc_driver_duckdb.driver_path(), entrypoint="duckdb_adbc_init", db_kwargs=options)


def _snowflake(address: DatabaseAddress, writes: bool) -> Any:  # noqa: ARG001  # as above
    import adbc_driver_snowflake.dbapi as driver

    return driver.connect(address.text.partition("://")[2], autocommit=True)


def _bigquery(address: DatabaseAddress, writes: bool) -> Any:  # noqa: ARG001  # as above
    import adbc_driver_bigquery.dbapi as driver

    options = {"adbc.bigquery.sql.project_id": address.parts.netloc}
    dataset = unquote(address.parts.path).strip("/")
    if dataset:
        options["adbc.bigquery.sql.dataset_id"] = dataset
    for key, (kind, option) in _BIGQUERY_LOGINS.items():
        if key in address.options:
            options |= {"adbc.bigquery.sql.auth_type": f"adbc.bigquery.sql.auth_type.{kind}"}
            options[option] = address.options[key]
    if not address.parts.netloc:
        raise BadInputError(f"database {address.conn_id!r}: its address names no project: bigquery://project/dataset")
    return driver.connect(db_kwargs=options, autocommit=True)


_BIGQUERY_LOGINS = {
    "key_path": ("json_credential_file", "adbc.bigquery.sql.auth_credentials"),
    "credentials": ("json_credential_string", "adbc.bigquery.sql.auth_credentials"),
}

_CONNECT: dict[str, Callable[[DatabaseAddress, bool], Any]] = {
    "postgresql": _postgresql,
    "postgres": _postgresql,
    "duckdb": _duckdb,
    "snowflake": _snowflake,
    "bigquery": _bigquery,
}

KINDS = frozenset(_CONNECT)
"""Schemes of the addresses that are read this way."""
