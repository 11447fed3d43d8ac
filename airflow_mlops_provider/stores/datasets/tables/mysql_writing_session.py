"""MySQL and MariaDB, to write tables in: their statements that make tables commit, and those that fill them do not.

So tables are made first, empty, after the rows were read; then all that fills them is one transaction, and readers see
the rows of before until its commit. A statement that fills a table from another one reads the rows of that moment,
whatever was read before: whoever writes compares what was written with what was judged, and commits only when they
agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.stores.datasets.tables.address import DatabaseAddress
from airflow_mlops_provider.stores.datasets.tables.dbapi_session import DbApiSession

_LONGEST_KEY = 700
"""Bytes of text in a key: four of them fit into an index."""


class MysqlWritingSession(DbApiSession):
    """One connection that reads in one transaction and writes in the next.

    :param address: ``mysql://...`` or ``mariadb://...``.
    """

    tells_types = True
    is_one_state = False

    def __init__(self, address: DatabaseAddress) -> None:
        super().__init__(address)
        self._conn_id = address.conn_id
        self._is_reading = True

    def quoted(self, column: str) -> str:
        """The exact name of a column."""
        return "`" + column.replace("`", "``") + "`"

    def as_text(self, expression: str) -> str:
        """A text as its bytes, whatever its collation takes for equal."""
        return f"CAST(CONVERT({expression} USING utf8mb4) AS BINARY)"

    def execute(self, statement: str) -> None:
        """Run a statement that gives no rows."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement)

    def create_table(self, name: str, statement: str, texts: Sequence[str] = ()) -> None:
        """Make a table with the columns of a SELECT, and further ones of text, unless there is one of this name.

        :raises BadInputError: when the table there cannot be filled in a transaction.
        """
        self._end_reading()
        declared = ", ".join(f"{self.quoted(column)} LONGTEXT CHARACTER SET utf8mb4" for column in texts)
        more = "".join(f", NULL AS {self.quoted(column)}" for column in texts)
        select = f"SELECT r.*{more} FROM ({statement}\n) r WHERE 1 = 0"  # noqa: S608  # checked and quoted names
        columns = f" ({declared})" if declared else ""
        self.execute(f"CREATE TABLE IF NOT EXISTS {name}{columns} ENGINE=InnoDB AS {select}")
        if "ENGINE=InnoDB" not in self._definition(name):
            raise BadInputError(
                f"table {name} is no table of InnoDB, which alone can be filled in a transaction; name another one"
            )

    def load(self, name: str, batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> None:
        """Fill a new temporary table of this session, with an index over all its columns but the last."""
        self._end_reading()
        *keys, last = schema.names
        columns = [
            *(f"{key} {_declared(schema.field(key).type)}" for key in keys),
            f"{last} LONGTEXT CHARACTER SET utf8mb4",
        ]
        with self._connection.cursor() as cursor:
            cursor.execute(f"CREATE TEMPORARY TABLE {name} ({', '.join(columns)}, INDEX ({', '.join(keys)}))")
            marks = ", ".join(["%s"] * len(schema))
            for batch in batches:
                rows = list(zip(*(column.to_pylist() for column in batch.columns), strict=True))
                cursor.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)  # noqa: S608  # own names

    def commit(self) -> None:
        """Let what was written appear."""
        self._connection.commit()

    def _end_reading(self) -> None:
        if self._is_reading:
            self._connection.rollback()
            self.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
            self._is_reading = False

    def _definition(self, table: str) -> str:
        with self._connection.cursor() as cursor:
            cursor.execute(f"SHOW CREATE TABLE {table}")
            found: Any = cursor.fetchone()
        return str(found[1])


def _declared(kind: pa.DataType) -> str:
    """How a column of keys is declared; text as bytes, so that only the same text is equal."""
    if pt.is_decimal(kind):
        return f"DECIMAL({kind.precision}, {kind.scale})"
    return next((declared for is_kind, declared in _DECLARED if is_kind(kind)), f"VARBINARY({_LONGEST_KEY})")


_DECLARED: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (pt.is_unsigned_integer, "BIGINT UNSIGNED"),
    (pt.is_integer, "BIGINT"),
    (pt.is_floating, "DOUBLE"),
    (pt.is_date, "DATE"),
    (pt.is_timestamp, "DATETIME(6)"),
    (pt.is_time, "TIME(6)"),
)
