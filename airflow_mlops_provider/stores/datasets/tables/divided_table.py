"""A dataset's rows divided inside its database: failing rows into one table, clean rows into another, all at once.

The rows do not travel: the keys of the failing rows and their reasons do, and each table is written by one statement
that reads what the job read, because it is the same transaction. Readers see the tables of before until the commit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager

import pyarrow as pa
import pyarrow.types as pt

from airflow_mlops_provider.exceptions import BackendError, BadInputError, MLOpsError
from airflow_mlops_provider.records.table_source import TableSource, table_source
from airflow_mlops_provider.stores.datasets.tables.address import DatabaseAddress
from airflow_mlops_provider.stores.datasets.tables.failures import telling
from airflow_mlops_provider.stores.datasets.tables.session import WritingSession
from airflow_mlops_provider.stores.datasets.tables.statements import select_rows

_KEYS = "mlops_failing_keys"


class DividedTable:
    """One division, in the transaction that read the rows.

    :param source: what was read; its key names each row.
    :param schema: of its rows.
    :param session: the transaction.
    :param address: of the database.
    :param reasons: the name of the column that failing rows get.
    """

    def __init__(
        self, source: TableSource, schema: pa.Schema, *, session: WritingSession, address: DatabaseAddress, reasons: str
    ) -> None:
        self._source = source
        self._schema = schema
        self._session = session
        self._address = address
        self._reasons = reasons

    def make_table(self, table: str, *, with_reasons: bool) -> None:
        """Make a table that is to be filled, unless it is there; before anything is filled.

        :param with_reasons: whether it is to hold failing rows.
        """
        with self._telling(table):
            self._session.create_table(table, select_rows(self._source), [self._reasons] if with_reasons else [])

    def mark(self, failing: Iterator[pa.RecordBatch]) -> None:
        """Hand over the failing rows: the columns of the key and the reasons.

        :param failing: their batches; columns in this order.
        """
        kinds = [self._schema.field(name).type for name in self._source.key]
        names = [*(f"key_{number}" for number in range(len(kinds))), "reasons"]
        schema = pa.schema([*zip(names, [*kinds, pa.string()], strict=True)])
        renamed = (pa.RecordBatch.from_arrays(batch.columns, schema=schema) for batch in failing)
        with self._telling(self._source.uri):
            self._session.load(_KEYS, renamed, schema)

    @property
    def is_one_state(self) -> bool:
        """Whether what is written comes from the very rows that were read."""
        return self._session.is_one_state

    @property
    def tells_types(self) -> bool:
        """Whether the tables have the types of the dataset, whichever rows they hold."""
        return self._session.tells_types

    def write_failing(self, table: str, *, expected: int) -> pa.Schema:
        """Fill ``table`` with the failing rows and their reasons.

        :param table: its name; what it holds goes.
        :param expected: how many rows there must be.
        :returns: its columns.
        :raises BadInputError: when it has other columns, or the key does not name each row.
        :raises BackendError: when rows changed meanwhile, where the database lets them.
        """
        columns = ", ".join(f"r.{self._session.quoted(name)}" for name in self._schema.names)
        select = f"SELECT {columns}, k.reasons FROM {self._rows} r JOIN {_KEYS} k ON {self._is_of_key}"  # noqa: S608
        schema = self._schema.append(pa.field(self._reasons, pa.string()))
        return self._fill(table, select, schema, expected=expected)

    def write_clean(self, table: str, *, expected: int) -> pa.Schema:
        """Fill ``table`` with the other rows; see :meth:`write_failing`."""
        columns = ", ".join(f"r.{self._session.quoted(name)}" for name in self._schema.names)
        # MariaDB 10.11 takes no text for equal in a NOT EXISTS that it turns into an IN.
        others = f"LEFT JOIN {_KEYS} k ON {self._is_of_key} WHERE k.reasons IS NULL"
        select = f"SELECT {columns} FROM {self._rows} r {others}"  # noqa: S608  # own and quoted names
        return self._fill(table, select, self._schema, expected=expected)

    def rows_of(self, table: str) -> Iterator[pa.RecordBatch]:
        """The rows of a table that was written, as they are now."""
        with self._telling(table):
            yield from self._session.rows(f"SELECT * FROM {table}", name=table)  # noqa: S608  # a checked name

    def commit(self) -> None:
        """Let the tables appear."""
        with self._telling(self._source.uri):
            self._session.commit()

    def _fill(self, table: str, select: str, schema: pa.Schema, *, expected: int) -> pa.Schema:
        with self._telling(table):
            there = self._require_columns(table, schema)
            # Emptied, not dropped: its grants, its indexes and the views of it stay.
            self._session.execute(f"DELETE FROM {table}")  # noqa: S608  # a checked name
            names = ", ".join(map(self._session.quoted, schema.names))
            self._session.execute(f"INSERT INTO {table} ({names}) {select}")  # own and quoted names
            found = self._count(table)
        if found != expected:
            raise self.mismatch(
                f"table {table}: {found:,} rows belong there by the key {', '.join(self._source.key)}, and {expected:,}"
                " were judged so"
            )
        return there

    def mismatch(self, said: str) -> MLOpsError:
        """The error of tables that would not hold what was judged.

        :param said: which table, and what differs.
        """
        if self._session.is_one_state:
            return BadInputError(f"{said}: the key does not name each row; nothing was written")
        return BackendError(f"{said}: rows changed meanwhile, or the key does not name each row; nothing was written")

    def _require_columns(self, table: str, schema: pa.Schema) -> pa.Schema:
        """The columns of the table, which are those of the rows in whatever order."""
        asked = f"SELECT * FROM {table} WHERE 1 = 0"  # noqa: S608  # a checked name
        there: pa.Schema = pa.concat_tables(map(_as_table, self._session.rows(asked, name=table))).schema
        if {*map(_column, there)} != {*map(_column, schema)}:
            raise BadInputError(
                f"table {table} is there with the columns {', '.join(sorted(map(_column, there)))}, and "
                f"{', '.join(sorted(map(_column, schema)))} are to be written; name another table, or drop this one"
            )
        return there

    def _count(self, table: str) -> int:
        batches = self._session.rows(f"SELECT count(*) AS n FROM {table}", name=table)  # noqa: S608  # a checked name
        return sum(value.as_py() for batch in batches for value in batch.column(0))

    @property
    def _rows(self) -> str:
        return f"({select_rows(self._source)}\n)"

    @property
    def _is_of_key(self) -> str:
        return " AND ".join(
            f"{self._comparable(name)} = k.key_{number}" for number, name in enumerate(self._source.key)
        )

    def _comparable(self, name: str) -> str:
        column = f"r.{self._session.quoted(name)}"
        return self._session.as_text(column) if pt.is_string(self._schema.field(name).type) else column

    def _telling(self, place: str) -> AbstractContextManager[None]:
        return telling(self._address, f"table {place} cannot be written")


def _column(field: pa.Field) -> str:
    """Name and type, as far as they tell one table from another: decimals of a query have the digits of its rows."""
    return f"{field.name} ({'decimal' if pt.is_decimal(field.type) else field.type})"


def _as_table(batch: pa.RecordBatch) -> pa.Table:
    return pa.Table.from_batches([batch])


def require_table_outputs(source: TableSource, outputs: Mapping[str, str | None]) -> dict[str, str]:
    """The tables that a job is to write, by the key of the spec.

    :param source: what it reads.
    :param outputs: key of the spec to URI; ``None`` where nothing is written.
    :raises BadInputError: unless each is a table of the same database, none is what is read, and the source has a key.
    """
    found: dict[str, str] = {}
    for key, uri in outputs.items():
        if uri is None:
            continue
        target = table_source(uri)
        if target.table is None or target.where is not None or target.conn_id != source.conn_id:
            raise BadInputError(
                f"key {key!r}: {uri} is no table of the database {source.conn_id!r}, which holds the dataset"
            )
        if target.table in (source.table, *found.values()):
            raise BadInputError(f"key {key!r}: {uri} is read or written already")
        found[key] = target.table
    if not source.key:
        raise BadInputError(
            f"dataset {source.uri} has no 'key': columns that name a row, by which its database divides it"
        )
    return found
