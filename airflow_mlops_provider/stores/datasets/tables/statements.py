"""The SQL that reads a dataset; names are checked where the dataset is declared."""

from __future__ import annotations

from airflow_mlops_provider.records.table_source import TableSource


def select_rows(source: TableSource) -> str:
    """All rows of a dataset, in one statement."""
    # The line break ends a comment that the SQL may end with.
    origin = source.table if source.query is None else f"({source.query.strip().rstrip(';')}\n) selected_rows"
    if source.where is None:
        return source.query.strip().rstrip(";") if source.query is not None else f"SELECT * FROM {origin}"  # noqa: S608  # the user's own names
    return f"SELECT * FROM {origin} WHERE ({source.where}\n)"  # noqa: S608  # the user's own SQL, on the user's own rights


def quoted(column: str) -> str:
    """The exact name of a column, as PostgreSQL, DuckDB and SQLite quote it."""
    return '"' + column.replace('"', '""') + '"'


def any_row(source: TableSource) -> str:
    """One row, whose only value is 1 where the dataset has a row and 0 where it has none."""
    return f"SELECT CASE WHEN EXISTS ({select_rows(source)}\n) THEN 1 ELSE 0 END AS is_there"
