"""Which columns a database compares as this package does: by type, and without a collation for which letters are equal.

What is asked is asked of the columns themselves, so that it holds for queries and views too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from airflow_mlops_provider.stores.datasets.tables.statements import quoted

DIALECTS = {"postgresql": "postgres", "postgres": "postgres", "duckdb": "duckdb"}
"""Scheme of an address to the name that ibis knows the database by."""

_TYPE = {"postgres": "pg_typeof({})::text", "duckdb": "typeof({})"}
_TYPES = {
    "postgres": {
        *("smallint", "integer", "bigint", "double precision", "boolean", "date", "timestamp without time zone"),
        *("text", "character varying", "numeric"),
    },
    "duckdb": {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP", "VARCHAR"},
}
_TEXTS = ("text", "character varying", "VARCHAR")
_PAIRS = (("a", "A"), ("a", "\u00e1"), ("\u00e9", "e\u0301"))
"""Texts that are equal under some collation."""


def compared_alike(
    run: Callable[[str], Iterator[pa.RecordBatch]], schema: pa.Schema, *, dialect: str, rows: str
) -> set[str]:
    """The columns whose values the database compares as the scan does; all of them where there is no row.

    :param run: gives the rows of a statement.
    :param schema: of the dataset.
    :param dialect: see :data:`DIALECTS`.
    :param rows: the SELECT of the dataset.
    """
    types = _first(run, [_TYPE[dialect].format(quoted(name)) for name in schema.names], rows)
    if types is None:
        return set(schema.names)
    found = {
        name: kind
        for name, kind, field in zip(schema.names, types, schema, strict=True)
        if kind in _TYPES[dialect] or (kind.startswith("DECIMAL(") and dialect == "duckdb")
        # The digits of a numeric without declared ones depend on the rows that are read.
        if not (kind == "numeric" and field.type == pa.decimal128(1, 0))
    }
    texts = [name for name, kind in found.items() if kind in _TEXTS]
    asked = [_any_equal(quoted(name)) for name in texts]
    loose = dict(zip(texts, _first(run, asked, rows) or (), strict=False)) if asked else {}
    return {name for name in found if not loose.get(name)}


def _any_equal(column: str) -> str:
    # Of the collation of the column, whatever its values are.
    return " OR ".join(f"(CASE WHEN 1 = 0 THEN {column} ELSE '{one}' END) = '{other}'" for one, other in _PAIRS)


def _first(run: Callable[[str], Iterator[pa.RecordBatch]], asked: Sequence[str], rows: str) -> tuple[Any, ...] | None:
    columns = ", ".join(f"{each} AS c{number}" for number, each in enumerate(asked))
    statement = f"SELECT {columns} FROM ({rows}\n) r LIMIT 1"  # noqa: S608  # quoted names, and the user's own SELECT
    found = [row for batch in run(statement) for row in batch.to_pylist()]
    return tuple(found[0].values()) if found else None
