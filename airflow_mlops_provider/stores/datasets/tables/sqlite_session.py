"""SQLite by Python's own driver, which holds each value as it is: types by what the columns are declared to be.

SQLite keeps days, moments, booleans and decimals as text or numbers, and any column may hold anything. Its ADBC driver
takes the type of a column from the first rows that it meets, and ends at a later row of another type.
"""

from __future__ import annotations

import datetime as dt
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pyarrow as pa

from airflow_mlops_provider.stores.datasets.file_dataset import BATCH_ROWS
from airflow_mlops_provider.stores.datasets.tables.address import DatabaseAddress
from airflow_mlops_provider.stores.datasets.tables.python_columns import ColumnOf, exact_decimal, record_batch

_VIEW = "mlops_selected_rows"


class SqliteSession:
    """One transaction on a database file.

    :param address: ``sqlite:///relative/path.db`` or ``sqlite:////absolute/path.db``.
    """

    def __init__(self, address: DatabaseAddress) -> None:
        path = address.path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
        # Read only: a wrong path would otherwise become a new and empty database.
        self._connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
        self._connection.execute("BEGIN")

    def rows(self, statement: str, *, name: str) -> Iterator[pa.RecordBatch]:
        """The rows of a SELECT; see :class:`~airflow_mlops_provider.stores.datasets.tables.session.Session`."""
        # A view tells what its columns are declared to be, which a result does not; its name is this connection's own.
        self._connection.execute(f"CREATE TEMP VIEW {_VIEW} AS {statement}")
        declared = self._connection.execute(f"PRAGMA table_info({_VIEW})").fetchall()
        columns = [_column(column, kind) for _, column, kind, *_ in declared]
        cursor = self._connection.execute(f"SELECT * FROM {_VIEW}")  # noqa: S608  # the name above
        yield record_batch([], columns, name=name)
        while rows := cursor.fetchmany(BATCH_ROWS):
            yield record_batch(rows, columns, name=name)
        self._connection.execute(f"DROP VIEW temp.{_VIEW}")

    def close(self) -> None:
        """End the transaction and the connection."""
        with suppress(sqlite3.Error):
            self._connection.rollback()
        self._connection.close()


def _column(name: str, declared: str) -> ColumnOf:
    kind = declared.upper()
    digits = re.fullmatch(r"(?:DECIMAL|NUMERIC)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)", kind)
    if digits:
        precision, scale = int(digits[1]), int(digits[2] or 0)
        return ColumnOf(name=name, type=pa.decimal128(precision, scale), convert=exact_decimal(scale))
    for pattern, found, convert in _DECLARED:
        if re.search(pattern, kind):
            return ColumnOf(name=name, type=found, convert=convert)
    return ColumnOf(name=name, without_values=_affinity(kind))


def _affinity(declared: str) -> pa.DataType | None:
    """What SQLite makes of the values of a column that is declared so, where it can."""
    for mark, found in (("INT", pa.int64()), ("CHAR|CLOB|TEXT", pa.string()), ("REAL|FLOA|DOUB", pa.float64())):
        if re.search(mark, declared):
            return found
    return None


def _truth(value: Any) -> bool:
    if value not in (0, 1):
        raise ValueError("neither 0 nor 1")
    return bool(value)


def _moment(value: Any) -> dt.datetime:
    found = dt.datetime.fromisoformat(value)
    if found.tzinfo is not None:
        raise ValueError("a zone, which the type of the column does not tell")
    return found


def _moment_in_utc(value: Any) -> dt.datetime:
    found = dt.datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise ValueError("no zone")
    return found.astimezone(dt.UTC)


_DECLARED: tuple[tuple[str, pa.DataType, Callable[[Any], Any] | None], ...] = (
    ("BOOL", pa.bool_(), _truth),
    ("TIMESTAMPTZ|TIMESTAMP WITH TIME ZONE", pa.timestamp("us", "UTC"), _moment_in_utc),
    ("TIMESTAMP|DATETIME", pa.timestamp("us"), _moment),
    ("^DATE$", pa.date32(), dt.date.fromisoformat),
    ("^TIME$", pa.time64("us"), dt.time.fromisoformat),
)
