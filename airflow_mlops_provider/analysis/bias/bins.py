"""Numeric columns cut into bins; the edges depend on the columns alone, never on how well the model does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from airflow_mlops_provider.analysis.bias.columns import MAX_DISTINCT, QUARTILES, SliceColumn, SlicePlan
from airflow_mlops_provider.exceptions import BadInputError

_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_NUMERIC = frozenset([*_INTEGERS, *(f"U{name}" for name in _INTEGERS), "FLOAT", "DOUBLE", "DECIMAL"])


def cut_plan(scan: Callable[[], Any], plan: SlicePlan) -> SlicePlan:
    """The plan with edges for the columns that are cut into quantiles, asked for or because they have many values.

    :param scan: gives the rows, as anything DuckDB can read.
    :raises BadInputError: when a column to be cut holds no numbers.
    """
    if plan.is_cut:
        return plan
    rows = scan()
    if not any(column.edges or column.quantiles or _may_be_numeric(rows, column.name) for column in plan.columns):
        return replace(plan, is_cut=True)
    import duckdb  # heavy, and columns of text need no cutting

    with duckdb.connect() as connection:
        connection.register("rows", rows)
        types = types_of(connection)
        for column in plan.columns:
            if (column.edges or column.quantiles) and not _is_numeric(types[column.name]):
                raise BadInputError(f"column {column.name!r} holds {types[column.name]}: bins need numbers")
        cut = _asked(connection, plan, types)
        columns = tuple(cut.get(column.name, column) for column in plan.columns)
    return replace(plan, columns=columns, is_cut=True)


def _asked(connection: Any, plan: SlicePlan, types: Mapping[str, str]) -> dict[str, SliceColumn]:
    open_ones = [c for c in plan.columns if not c.edges and (c.quantiles or _is_numeric(types[c.name]))]
    if not open_ones:
        return {}
    asked = ", ".join(
        f"approx_count_distinct({present(c.name, types)}), "
        f"quantile_disc({present(c.name, types)}, {_shares(c.quantiles or QUARTILES)})"
        for c in open_ones
    )
    row = connection.execute(f"SELECT {asked} FROM rows").fetchone()  # noqa: S608  # quoted names
    return {
        column.name: replace(column, edges=tuple(sorted({float(edge) for edge in row[2 * i + 1]})))
        for i, column in enumerate(open_ones)
        if row[2 * i + 1] is not None and (column.quantiles or row[2 * i] > MAX_DISTINCT)
    }


def types_of(connection: Any) -> dict[str, str]:
    """Column name to DuckDB type of the relation registered as ``rows``."""
    return {str(row[0]): str(row[1]) for row in connection.execute("DESCRIBE rows").fetchall()}


def binned(column: SliceColumn, types: Mapping[str, str]) -> str:
    """SQL of the column's value, or of the number of its bin."""
    value = present(column.name, types)
    if not column.edges:
        return value
    above = " ".join(f"WHEN {value} < {edge!r} THEN {i}" for i, edge in enumerate(column.edges))
    return f"CASE WHEN {value} IS NULL THEN NULL {above} ELSE {len(column.edges)} END"


def present(name: str, types: Mapping[str, str]) -> str:
    """SQL of the column with NaN as missing."""
    return f"nullif({quoted(name)}, 'nan')" if types[name] in ("FLOAT", "DOUBLE") else quoted(name)


def quoted(name: str) -> str:
    """The column's name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def _may_be_numeric(rows: Any, column: str) -> bool:
    kind = str(rows.schema.field(column).type)
    return "string" not in kind


def _is_numeric(kind: str) -> bool:
    return kind.partition("(")[0] in _NUMERIC


def _shares(quantiles: int) -> str:
    return f"[{', '.join(repr(i / quantiles) for i in range(1, quantiles))}]"
