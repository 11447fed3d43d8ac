"""Read what to slice by: columns, explicit intersections, and numeric columns cut into bins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

from airflow_mlops_provider.exceptions import BadInputError

MAX_DISTINCT = 20
"""A numeric column with more different values than this is cut into quartiles, unless the spec says how to cut it."""

QUARTILES = 4


@dataclass(frozen=True, kw_only=True)
class SliceColumn:
    """One column to slice by.

    :param name: name of the column.
    :param edges: inner edges of its bins, in increasing order, in the units of the column. A bin includes its lower
        edge. Empty when every value is a slice of its own.
    :param quantiles: number of equally filled bins to cut the column into; ``None`` when the spec names none.
    """

    name: str
    edges: tuple[float, ...] = ()
    quantiles: int | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the bins, such as ``[18, 35)``; empty for a column without edges."""
        if not self.edges:
            return ()
        inner = [f"[{low:.10g}, {high:.10g})" for low, high in pairwise(self.edges)]
        return (f"below {self.edges[0]:.10g}", *inner, f"{self.edges[-1]:.10g} and above")


@dataclass(frozen=True, kw_only=True)
class SlicePlan:
    """Columns and the sets of them whose slices are measured.

    :param columns: the columns, each once, in the order given.
    :param sets: sets of column names; single columns first, then intersections.
    :param max_depth: largest number of columns in an intersection that was not named explicitly.
    :param is_cut: whether the bin edges of numeric columns have been computed.
    """

    columns: tuple[SliceColumn, ...]
    sets: tuple[tuple[str, ...], ...]
    max_depth: int
    is_cut: bool = False


def plan_slices(items: Sequence[Any], max_depth: int) -> SlicePlan:
    """Read the columns and intersections of the key ``slices`` of a spec.

    :param items: column names, lists of names for explicit intersections, ``{"column": ..., "bins": [edges]}`` or
        ``{"column": ..., "quantiles": n}``.
    :param max_depth: single columns are combined into intersections of up to this many columns.
    :raises BadInputError: when an item is none of these, ``items`` is empty, or ``max_depth`` is below 1.
    """
    if not items:
        raise BadInputError("key 'slices' is empty: name at least one column")
    if max_depth < 1:
        raise BadInputError(f"key 'max_depth' is {max_depth}; it must be 1 or more")
    columns: dict[str, SliceColumn] = {}
    singles: list[str] = []
    explicit: list[tuple[str, ...]] = []
    for item in items:
        if isinstance(item, list | tuple):
            names = tuple(_column(part, columns) for part in item)
            if len(set(names)) < len(names) or not names:
                raise BadInputError(f"slices: the intersection {list(item)!r} needs different columns")
            explicit.append(names)
        else:
            singles.append(_column(item, columns))
    singles = list(dict.fromkeys(singles))
    crossed = [names for depth in range(1, max_depth + 1) for names in combinations(singles, depth)]
    return SlicePlan(columns=tuple(columns.values()), sets=_distinct([*crossed, *explicit]), max_depth=max_depth)


def _distinct(sets: Iterable[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    found: dict[frozenset[str], tuple[str, ...]] = {}
    for names in sets:
        found.setdefault(frozenset(names), names)
    return tuple(found.values())


def _column(item: Any, columns: dict[str, SliceColumn]) -> str:
    column = SliceColumn(name=item) if isinstance(item, str) else _binned(item)
    if columns.get(column.name, column) != column:
        if isinstance(item, str):
            return column.name  # the intersection names a column again; its bins stay
        if columns[column.name] != SliceColumn(name=column.name):
            raise BadInputError(f"slices: column {column.name!r} is cut in two ways")
    columns[column.name] = column
    return column.name


def _binned(item: Any) -> SliceColumn:
    if not isinstance(item, dict) or not isinstance(item.get("column"), str):
        raise BadInputError(f"slices: {item!r} is no column name, list of names or {{'column': ..., 'bins': [...]}}")
    unknown = sorted(set(item) - {"column", "bins", "quantiles"})
    if unknown:
        raise BadInputError(f"slices: unknown key {unknown[0]!r} for column {item['column']!r}")
    bins, quantiles = item.get("bins"), item.get("quantiles")
    if (bins is None) == (quantiles is None):
        raise BadInputError(f"slices: column {item['column']!r} needs either 'bins' or 'quantiles'")
    if quantiles is not None:
        if not isinstance(quantiles, int) or isinstance(quantiles, bool) or quantiles < 2:
            raise BadInputError(f"slices: 'quantiles' of column {item['column']!r} must be a whole number, 2 or more")
        return SliceColumn(name=item["column"], quantiles=quantiles)
    return SliceColumn(name=item["column"], edges=_edges(item["column"], bins))


def _edges(column: str, bins: Any) -> tuple[float, ...]:
    numbers = isinstance(bins, list | tuple) and all(
        isinstance(edge, int | float) and not isinstance(edge, bool) for edge in bins
    )
    if not numbers or not bins or any(low >= high for low, high in pairwise(bins)):
        raise BadInputError(f"slices: 'bins' of column {column!r} must be rising numbers, the edges between bins")
    return tuple(float(edge) for edge in bins)
