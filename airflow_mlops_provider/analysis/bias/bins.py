"""Cut numeric columns into bins, with edges that depend on the columns alone and not on the model's errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from airflow_mlops_provider.analysis.bias.columns import MAX_DISTINCT, QUARTILES, SliceColumn, SlicePlan
from airflow_mlops_provider.exceptions import BadInputError

_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_NUMERIC = frozenset([*_INTEGERS, *(f"U{name}" for name in _INTEGERS), "FLOAT", "DOUBLE", "DECIMAL"])


def cut_plan(scan: Callable[[], Any], plan: SlicePlan) -> SlicePlan:
    """Return the plan with the bin edges of every numeric column that is cut into quantiles.

    A column is cut when the plan says so, or when it has more than :data:`MAX_DISTINCT` different values.

    :param scan: returns the rows, as anything that DuckDB can read.
    :param plan: columns and intersections to slice by; a plan that is cut already is returned as it is.
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
        cut = _quantile_edges(connection, plan, types)
        columns = tuple(cut.get(column.name, column) for column in plan.columns)
    return replace(plan, columns=columns, is_cut=True)


def _quantile_edges(connection: Any, plan: SlicePlan, types: Mapping[str, str]) -> dict[str, SliceColumn]:
    to_cut = [c for c in plan.columns if not c.edges and (c.quantiles or _is_numeric(types[c.name]))]
    if not to_cut:
        return {}
    asked = ", ".join(
        f"approx_count_distinct({present(c.name, types)}), "
        f"quantile_disc({present(c.name, types)}, {_shares(c.quantiles or QUARTILES)})"
        for c in to_cut
    )
    row = connection.execute(f"SELECT {asked} FROM rows").fetchone()  # noqa: S608  # quoted names
    return {
        column.name: replace(column, edges=tuple(sorted({float(edge) for edge in row[2 * i + 1]})))
        for i, column in enumerate(to_cut)
        if row[2 * i + 1] is not None and (column.quantiles or row[2 * i] > MAX_DISTINCT)
    }


def types_of(connection: Any) -> dict[str, str]:
    """Return the DuckDB type of each column of the relation that is registered as ``rows``."""
    return {str(row[0]): str(row[1]) for row in connection.execute("DESCRIBE rows").fetchall()}


def binned(column: SliceColumn, types: Mapping[str, str]) -> str:
    """Return the SQL of the column's value, or of its bin number when the column has edges."""
    value = present(column.name, types)
    if not column.edges:
        return value
    above = " ".join(f"WHEN {value} < {edge!r} THEN {i}" for i, edge in enumerate(column.edges))
    return f"CASE WHEN {value} IS NULL THEN NULL {above} ELSE {len(column.edges)} END"


def present(name: str, types: Mapping[str, str]) -> str:
    """Return the SQL of the column with NaN as null."""
    return f"nullif({quoted_name(name)}, 'nan')" if types[name] in ("FLOAT", "DOUBLE") else quoted_name(name)


def quoted_name(name: str) -> str:
    """Return the column's name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _may_be_numeric(rows: Any, column: str) -> bool:
    kind = str(rows.schema.field(column).type)
    return "string" not in kind


def _is_numeric(kind: str) -> bool:
    return kind.partition("(")[0] in _NUMERIC


def _shares(quantiles: int) -> str:
    return f"[{', '.join(repr(i / quantiles) for i in range(1, quantiles))}]"
