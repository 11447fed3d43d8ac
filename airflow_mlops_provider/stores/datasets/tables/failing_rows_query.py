"""SQL that selects the failing rows of a table, for whoever looks into them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from airflow_mlops_provider.records.table_source import TableSource
from airflow_mlops_provider.stores.datasets.tables.address import address_of
from airflow_mlops_provider.stores.datasets.tables.statements import quoted, select_rows

MOST_ROWS = 100
"""More rows are not named one by one: a table of them says it better."""

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
_BACKTICKS = ("mysql", "mariadb", "bigquery")


def query_of_table(table: str) -> str:
    """The rows of a table that holds nothing but failing rows."""
    return f"SELECT * FROM {table}"  # noqa: S608  # to be read, not run


def query_of_keys(source: TableSource, keys: Iterable[Sequence[Any]]) -> str | None:
    """The rows of a dataset with these keys; ``None`` for none or many, or when a value cannot be written for certain.

    :param keys: for each row its values of the key's columns.
    """
    found = list(keys)
    written = [[_literal(value) for value in key] for key in found]
    if not 0 < len(found) <= MOST_ROWS or any(value is None for key in written for value in key):
        return None
    names = [_name(column, address_of(source.conn_id).kind) for column in source.key]
    if len(names) == 1:
        chosen = f"{names[0]} IN ({', '.join(str(value) for (value,) in written)})"
    else:
        each = (" AND ".join(f"{n} = {v}" for n, v in zip(names, key, strict=True)) for key in written)
        chosen = " OR ".join(f"({one})" for one in each)
    rows = source.table if source.query is None and source.where is None else f"({select_rows(source)}\n) failing"
    query = f"SELECT * FROM {rows} WHERE {chosen}"  # noqa: S608  # to be read, not run
    return query if "--" in query else " ".join(query.split("\n"))  # a comment ends with its line


def _name(column: str, kind: str) -> str:
    if _PLAIN.fullmatch(column):
        return column
    return f"`{column}`" if kind in _BACKTICKS else quoted(column)


def _literal(value: Any) -> str | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, dt.datetime) and value.tzinfo is None:
        return f"'{value.isoformat(' ')}'"
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return f"'{value.isoformat()}'"
    # Databases disagree about what a backslash is.
    is_plain = isinstance(value, str) and "\\" not in value and value.isprintable()
    return "'" + value.replace("'", "''") + "'" if is_plain else None
