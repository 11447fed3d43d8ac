"""SQLite by Python's own driver, which holds each value as it is: types by what the columns are declared to be.

SQLite keeps days, moments, booleans and decimals as text or numbers, and any column may hold anything. Its ADBC driver
takes the type of a column from the first rows that it meets, and ends at a later row of another type.
"""

from __future__ import annotations

import datetime as dt
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import pyarrow as pa

from airflow_mlops_provider.stores.datasets.file_dataset import BATCH_ROWS
from airflow_mlops_provider.stores.datasets.tables.address import DatabaseAddress
from airflow_mlops_provider.stores.datasets.tables.python_columns import ColumnOf, exact_decimal, record_batch
from airflow_mlops_provider.stores.datasets.tables.statements import quoted


class SqliteSession:
    """One transaction on a database file.

    :param address: ``sqlite:///relative/path.db`` or ``sqlite:////absolute/path.db``.
    :param writes: whether anything is to be written; other writers then wait from the start.
    """

    tells_types = False
    is_one_state = True

    def __init__(self, address: DatabaseAddress, *, writes: bool = False) -> None:
        path = address.path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
        # Never created: a wrong path would otherwise become a new and empty database.
        mode = "rw" if writes else "ro"
        self._connection = sqlite3.connect(f"file:{path}?mode={mode}", uri=True, isolation_level=None)
        self._connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
        self._views = 0

    def rows(self, statement: str, *, name: str) -> Iterator[pa.RecordBatch]:
        """The rows of a SELECT; see :class:`~airflow_mlops_provider.stores.datasets.tables.session.Session`."""
        view = self._view(statement)
        columns = [_column(column, kind) for column, kind in self._declared(view)]
        cursor = self._connection.execute(f"SELECT * FROM {view}")  # noqa: S608  # the name above
        yield record_batch([], columns, name=name)
        while rows := cursor.fetchmany(BATCH_ROWS):
            yield record_batch(rows, columns, name=name)

    def quoted(self, column: str) -> str:
        """The exact name of a column."""
        return quoted(column)

    def as_text(self, expression: str) -> str:
        """What comes as text may be of a type that is not compared with text, as a UUID."""
        return f"CAST({expression} AS TEXT)"

    def execute(self, statement: str) -> None:
        """Run a statement that gives no rows."""
        self._connection.execute(statement)

    def load(self, name: str, batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> None:
        """Fill a new temporary table of this session."""
        self._connection.execute(f"CREATE TEMP TABLE {name} ({', '.join(map(quoted, schema.names))})")
        marks = ", ".join("?" * len(schema.names))
        for batch in batches:
            rows = zip(*(map(_stored, column.to_pylist()) for column in batch.columns), strict=True)
            self._connection.executemany(f"INSERT INTO temp.{name} VALUES ({marks})", rows)  # noqa: S608  # own names

    def create_table(self, name: str, statement: str, texts: Sequence[str] = ()) -> None:
        """Make a table with the columns of a SELECT, and further ones of text, unless there is one of this name."""
        # Of a SELECT, SQLite itself would keep little of what its columns are declared to be.
        found = [*self._declared(self._view(statement)), *((column, "TEXT") for column in texts)]
        columns = ", ".join(f"{quoted(column)} {kind}" for column, kind in found)
        self._connection.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns})")

    def commit(self) -> None:
        """Let what was written appear."""
        self._connection.execute("COMMIT")

    def _view(self, statement: str) -> str:
        """A view of the statement's rows: it tells what its columns are declared to be, which a result does not."""
        self._views += 1
        name = f"mlops_selected_rows_{self._views}"
        self._connection.execute(f"CREATE TEMP VIEW {name} AS {statement}")
        return f"temp.{name}"

    def _declared(self, view: str) -> list[tuple[str, str]]:
        found = self._connection.execute(f"PRAGMA {view.replace('.', '.table_info(')})").fetchall()
        return [(column, kind) for _, column, kind, *_ in found]

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


def _stored(value: Any) -> Any:
    """A value as SQLite keeps it: days, moments and decimals as text."""
    if isinstance(value, dt.datetime):
        return value.isoformat(" ")
    return value if value is None or isinstance(value, bytes | float | int | str) else str(value)


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
