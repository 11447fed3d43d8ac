"""The same rows as a file or a table: for tests of what must not depend on where rows lie."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

ORDERS = pa.schema(
    [
        ("id", pa.int64()),
        ("amount", pa.float64()),
        ("name", pa.string()),
        ("day", pa.date32()),
        ("placed_at", pa.timestamp("us")),
        ("price", pa.decimal128(10, 2)),
    ]
)
"""Columns of types that every database has, apart from truth values and moments with a zone."""

CSV_TYPES = {
    "id": "integer",
    "amount": "number",
    "name": "text",
    "day": "date",
    "placed_at": "timestamp",
    "price": "number",
}

COLUMNS: Mapping[str, Sequence[str]] = {
    "sqlite": ("INTEGER", "REAL", "TEXT", "DATE", "TIMESTAMP", "DECIMAL(10, 2)"),
    "duckdb": ("BIGINT", "DOUBLE", "VARCHAR", "DATE", "TIMESTAMP", "DECIMAL(10, 2)"),
    "postgresql": ("bigint", "double precision", "text", "date", "timestamp", "numeric(10, 2)"),
    "mysql": ("BIGINT", "DOUBLE", "VARCHAR(99) COLLATE utf8mb4_bin", "DATE", "DATETIME(6)", "DECIMAL(10, 2)"),
}
"""How each kind of database declares them."""


def create_table(kind: str, name: str = "orders") -> str:
    """The statement that makes the table of orders."""
    columns = ", ".join(f"{column} {declared}" for column, declared in zip(ORDERS.names, COLUMNS[kind], strict=True))
    return f"CREATE TABLE {name} ({columns})"


def fill(rows: pa.Table, *, kind: str, execute: Callable[[str], Any], insert: Callable[[str, list[Any]], Any]) -> None:
    """Make the table of orders anew and fill it.

    :param execute: runs a statement.
    :param insert: runs a statement once for each of several rows.
    """
    execute("DROP TABLE IF EXISTS orders")
    execute(create_table(kind))
    mark = "?" if kind in ("sqlite", "duckdb") else "%s"
    marks = ", ".join([mark] * len(ORDERS))
    if rows.num_rows:
        insert(f"INSERT INTO orders VALUES ({marks})", [_values(row, kind) for row in rows.to_pylist()])


def _values(row: dict[str, Any], kind: str) -> tuple[Any, ...]:
    if kind != "sqlite":
        return tuple(row.values())
    return tuple(_in_sqlite(value) for value in row.values())


def _in_sqlite(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.isoformat(" ")
    return value if value is None or isinstance(value, int | float | str) else str(value)


def sqlite_orders(path: Path, rows: pa.Table) -> str:
    """A database file with the table of orders; returns its address."""
    connection = sqlite3.connect(path)
    fill(rows, kind="sqlite", execute=connection.execute, insert=connection.executemany)
    connection.commit()
    connection.close()
    return f"sqlite:///{path}"


def duckdb_orders(path: Path, rows: pa.Table) -> str:
    """A database file with the table of orders; returns its address."""
    with duckdb.connect(str(path)) as connection:
        fill(rows, kind="duckdb", execute=connection.execute, insert=connection.executemany)
    return f"duckdb:///{path}"


def order_files(folder: Path, rows: pa.Table) -> dict[str, dict[str, Any]]:
    """The orders as a Parquet and as a CSV file; returns a reference to each."""
    pq.write_table(rows, folder / "orders.parquet")
    pa.csv.write_csv(rows, folder / "orders.csv")
    return {
        "parquet": {"uri": str(folder / "orders.parquet")},
        "csv": {"uri": str(folder / "orders.csv"), "csv": {"types": CSV_TYPES}},
    }


def orders(rows: Sequence[Sequence[Any]]) -> pa.Table:
    """The orders of these rows, each with an ``id`` from 1 on in front."""
    numbered = [dict(zip(ORDERS.names, (number, *row), strict=True)) for number, row in enumerate(rows, start=1)]
    return pa.Table.from_pylist(numbered, schema=ORDERS)
