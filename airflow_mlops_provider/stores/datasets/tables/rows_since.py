"""A table narrowed to the rows that an increment may need, so that its database hands over no others.

The condition lets through every row at or beyond the watermark, and those without one. Which of them are new is for
:class:`~airflow_mlops_provider.stores.datasets.increments.Increment` to say, which compares values as Arrow does.
"""

from __future__ import annotations

from dataclasses import replace

from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.table_source import is_table_uri, table_source
from airflow_mlops_provider.stores.datasets.tables.address import address_of
from airflow_mlops_provider.stores.datasets.tables.statements import quoted

_STANDARD = ("postgresql", "postgres", "duckdb")
_MYSQL = ("mysql", "mariadb")


def rows_since(source: DatasetRef, column: str, kind: str, after: str) -> DatasetRef:
    """``source`` without the rows of a table whose watermark lies before ``after``.

    Files, databases of other kinds, and types whose order a database may see otherwise, stay as they are: all is read.

    :param column: of the watermark.
    :param kind: its Arrow type, as a snapshot's ``columns`` have it.
    :param after: the largest watermark so far, as text.
    """
    if not is_table_uri(source.uri) or source.fingerprint is not None:
        return source
    found = table_source(source.uri)
    condition = _condition(address_of(found.conn_id).kind, column, kind, after)
    if condition is None:
        return source
    where = condition if found.where is None else f"({found.where}\n) AND ({condition})"
    return replace(source, uri=replace(found, where=where).uri)


def _condition(database: str, column: str, kind: str, after: str) -> str | None:
    name = f"`{column.replace('`', '``')}`" if database in _MYSQL else quoted(column)
    sides = _sides(database, name, kind, after) if after.isprintable() else None
    return None if sides is None else f"{sides[0]} >= {sides[1]} OR {sides[0]} IS NULL"


def _sides(database: str, name: str, kind: str, after: str) -> tuple[str, str] | None:
    """What is compared with what, in SQL; ``None`` where it is not certain that no new row is left out."""
    text = "'" + after.replace("'", "''") + "'"
    if database not in (*_STANDARD, *_MYSQL, "sqlite"):
        return None
    if kind.startswith(("int", "uint")) or (kind.startswith("decimal") and database != "sqlite"):
        return name, after
    if kind == "double":
        return (name, after) if after not in ("inf", "-inf", "nan") else None
    if kind.startswith(("date32", "timestamp")):
        return _moments(database, name, kind, after)
    if kind == "string" and database not in _MYSQL:
        return _TEXTS[database].format(name), text
    return None


_TEXTS = {
    "postgresql": 'CAST({} AS TEXT) COLLATE "C"',
    "postgres": 'CAST({} AS TEXT) COLLATE "C"',
    "duckdb": "CAST({} AS VARCHAR)",
    "sqlite": "{} COLLATE BINARY",
}
"""A column as text whose order is that of its bytes."""


def _moments(database: str, name: str, kind: str, after: str) -> tuple[str, str] | None:
    if database == "sqlite":
        # Its moments are text of several forms; a minute covers what its own numbers of days round away.
        return f"julianday({name})", f"julianday('{after}', '-1 minute')"
    if kind.startswith("date32"):
        return name, f"DATE '{after}'"
    moment = after.removesuffix("Z")[:26]  # databases have microseconds
    if "tz=" not in kind or database in _MYSQL:  # whose session is in UTC
        return name, f"TIMESTAMP '{moment}'"
    return name, f"TIMESTAMPTZ '{moment}+00:00'"
