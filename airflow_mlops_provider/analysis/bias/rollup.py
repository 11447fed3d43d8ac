"""Scan the rows into cells once, and add the cells up to every slice and intersection, with DuckDB.

A cell is one combination of the values of all slice columns, and of label and prediction when these are classes.
Everything that is measured here is a sum over rows, so the sums of cells add up to those of slices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import product
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.bias.bins import binned, quoted_name, types_of
from airflow_mlops_provider.analysis.bias.columns import SlicePlan
from airflow_mlops_provider.analysis.bias.contingency import ContingencyTable
from airflow_mlops_provider.analysis.bias.slices import Slice, value_text
from airflow_mlops_provider.exceptions import BadInputError

Floats = NDArray[np.float64]


class Cells:
    """The cells of a data set.

    :param scan: returns the rows, as anything that DuckDB can read: an Arrow table or record batch reader.
    :param plan: columns and intersections to slice by; numeric columns are cut already.
    :param keys: columns that distinguish cells besides the slice columns: label and prediction.
    :param terms: what each row adds, shape ``(n, p)``; every row is then a cell. ``None`` when the terms follow from
        the ``keys``.
    :param group: column of the group of each row.
    :raises BadInputError: when a row has no group.
    """

    def __init__(
        self,
        scan: Callable[[], Any],
        plan: SlicePlan,
        *,
        keys: Sequence[str] = (),
        terms: Floats | None = None,
        group: str | None = None,
    ) -> None:
        import duckdb  # slow to import, as is pandas below; counting batches needs neither

        self._connection = duckdb.connect()
        self._connection.execute("SET python_enable_replacements = false")
        self._connection.execute("SET GLOBAL TimeZone = 'UTC'")  # else the names of slices depend on the machine
        self._keys, self._group = tuple(keys), group
        self._terms = 0 if terms is None else terms.shape[1]
        self._connection.register("rows", scan())
        self.columns, self.sets = plan.columns, plan.sets
        self._fill(terms)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    def groups(self) -> int | None:
        """Return the number of groups of rows; ``None`` without a group column."""
        return self._fetch("SELECT count(DISTINCT g) FROM cells")[0][0] if self._group else None

    def group_codes(self) -> NDArray[np.intp] | None:
        """Return the group number of each row in row order, shape ``(n,)``, when every row is a cell.

        :returns: ``None`` without a group column.
        """
        if not self._group:
            return None
        codes: NDArray[np.intp] = self._connection.execute("SELECT g FROM cells ORDER BY r").df()["g"].factorize()[0]
        return codes

    def rows_of(self, piece: Slice) -> NDArray[np.bool_]:
        """Return a mask of the rows of a slice in row order, shape ``(n,)``, when every row is a cell."""
        number = {column.name: i for i, column in enumerate(self.columns)}
        inside = np.ones(len(self._coded[0][0]), dtype=bool)
        for name, key in zip(piece.columns, piece.keys, strict=True):
            codes, numbers = self._coded[number[name]]
            inside &= codes == numbers.get(key, -1)
        return inside

    @cached_property
    def _coded(self) -> list[tuple[NDArray[np.intp], dict[Any, int]]]:
        """For each slice column, the code of each row, and value to code; the code of missing values is -1."""
        listed = ", ".join(f"s{i}" for i in range(len(self.columns)))
        frame = self._connection.execute(f"SELECT {listed} FROM cells ORDER BY r").df()  # noqa: S608  # own names
        coded = [frame[name].astype(object).factorize() for name in frame]
        return [(codes, {value: i for i, value in enumerate(values)}) for codes, values in coded]

    def counts(self) -> NDArray[np.int64]:
        """Return the rows of each cell of :meth:`contingency_table`, or a 1 for each row when every row is a cell."""
        if not self._keys:
            return np.ones(self._fetch("SELECT count(*) FROM cells")[0][0], dtype=np.int64)
        return self.contingency_table().rows

    def contingency_table(self) -> ContingencyTable:
        """Return the different combinations of the two ``keys`` with their numbers of rows."""
        listed = ", ".join(self._key_names)
        sql = f"SELECT {listed}, sum(n)::BIGINT FROM cells GROUP BY {listed} ORDER BY {listed}"  # noqa: S608  # own names
        rows = [tuple(None if value != value else value for value in row) for row in self._fetch(sql)]  # noqa: PLR0124  # NaN
        return ContingencyTable(
            labels=[row[0] for row in rows],
            predictions=[row[1] for row in rows],
            rows=np.array([row[2] for row in rows], dtype=np.int64),
        )

    def roll_up(self, terms_of_pair: Floats | None = None, *, products: bool = False) -> list[Slice]:
        """Add up the terms over every slice.

        :param terms_of_pair: what one row of each cell of :meth:`contingency_table` adds, shape ``(k, p)``; ``None``
            when every row is a cell.
        :param products: whether to add up the products of the terms as well, over rows or, with a group column, over
            groups.
        :returns: all rows first, then the slices of each set of columns in the plan's order, the largest first.
        """
        p = self._terms if terms_of_pair is None else terms_of_pair.shape[1]
        source = self._with_terms(terms_of_pair, p)
        sql = self._by_group(source, p) if self._group and products else self._by_cell(source, p, products=products)
        found = [self._slice(row, p) for row in self._fetch(sql)]
        rank = {names: position for position, names in enumerate([(), *self.sets])}
        return sorted(found, key=lambda piece: (rank[piece.columns], -piece.sums[0], piece.values))

    @property
    def _key_names(self) -> list[str]:
        return [f"k{i}" for i in range(len(self._keys))]

    def _fetch(self, sql: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._connection.execute(sql).fetchall()
        return found

    def _fill(self, terms: Floats | None) -> None:
        types = types_of(self._connection)
        columns = [f"{binned(column, types)} AS s{i}" for i, column in enumerate(self.columns)]
        keys = [f"{quoted_name(key)} AS k{i}" for i, key in enumerate(self._keys)]
        group = [f"{quoted_name(self._group)} AS g"] if self._group else []
        listed = ", ".join([*columns, *keys, *group])
        if terms is None:
            sql = f"SELECT {listed}, count(*) AS n FROM rows GROUP BY ALL"  # noqa: S608  # quoted names
        else:
            import pandas as pd

            names = [f"t{j}" for j in range(terms.shape[1])]
            self._connection.register("terms", pd.DataFrame(terms, columns=names).assign(r=np.arange(len(terms))))
            sql = f"SELECT {listed}, 1 AS n, r, {', '.join(names)} FROM rows POSITIONAL JOIN terms"  # noqa: S608  # as above
        self._connection.execute(f"CREATE TEMP TABLE cells AS {sql}")
        self._connection.unregister("rows")
        if self._group:
            missing, rows = self._fetch("SELECT coalesce(sum(n) FILTER (g IS NULL), 0), sum(n) FROM cells")[0]
            if missing:
                raise BadInputError(f"group column {self._group!r} has {missing:,} missing values of {rows:,} rows")

    def _with_terms(self, terms_of_pair: Floats | None, p: int) -> str:
        if terms_of_pair is None:
            return "cells"
        names = self._key_names
        table = self.contingency_table().frame(*names)[names].assign(**{f"t{j}": terms_of_pair[:, j] for j in range(p)})
        self._connection.register("contingency_table", table)
        # No key is null: missing labels and predictions were refused before.
        return f"cells JOIN contingency_table USING ({', '.join(names)})"

    def _by_cell(self, source: str, p: int, *, products: bool) -> str:
        slices = [f"s{i}" for i in range(len(self.columns))]
        sums = ["sum(n)", "sum(n)", *(f"sum(n * t{j})" for j in range(p))]
        sums += [f"sum(n * t{i} * t{j})" for i, j in product(range(p), repeat=2)] if products else []
        return (
            f"SELECT grouping_id({', '.join(slices)}), {', '.join([*slices, *sums])} "  # noqa: S608  # own names
            f"FROM {source} GROUP BY GROUPING SETS ({self._grouping_sets()})"
        )

    def _by_group(self, source: str, p: int) -> str:
        slices = [f"s{i}" for i in range(len(self.columns))]
        listed, pairs = ", ".join(slices), list(product(range(p), repeat=2))
        everything = (1 << len(slices)) - 1
        inner = ", ".join(f"sum(n * t{j}) AS u{j}" for j in range(p))
        outer = ["count(*)", "count(*) FILTER (u0 = w0)", *(f"sum(u{j})" for j in range(p))]
        outer += [f"sum(u{i} * u{j})" for i, j in pairs] + [f"sum(u{i} * w{j})" for i, j in pairs]
        return (
            f"WITH parts AS (SELECT grouping_id({listed}) AS which, {listed}, g, {inner} "  # noqa: S608  # own names
            f"FROM {source} GROUP BY GROUPING SETS ({self._grouping_sets('g')})), "
            f"wholes AS (SELECT g, {', '.join(f'u{j} AS w{j}' for j in range(p))} "
            f"FROM parts WHERE which = {everything}) "
            f"SELECT which, {listed}, {', '.join(outer)} FROM parts JOIN wholes USING (g) GROUP BY which, {listed}"
        )

    def _grouping_sets(self, *more: str) -> str:
        number = {column.name: i for i, column in enumerate(self.columns)}
        sets = [[*(f"s{number[name]}" for name in names), *more] for names in [(), *self.sets]]
        return ", ".join(f"({', '.join(names)})" for names in sets)

    def _slice(self, row: tuple[Any, ...], p: int) -> Slice:
        k = len(self.columns)
        # grouping_id has a 1 bit for each column that was rolled up; the first column is the highest bit.
        kept = {column.name: i for i, column in enumerate(self.columns) if not row[0] >> (k - 1 - i) & 1}
        names = next(names for names in [(), *self.sets] if set(names) == set(kept))
        values = tuple(value_text(self.columns[kept[name]], row[1 + kept[name]]) for name in names)
        numbers = np.asarray(row[3 + k :], dtype=np.float64)
        squares = numbers[p:].reshape(-1, p, p)
        return Slice(
            columns=names,
            values=values,
            keys=tuple(row[1 + kept[name]] for name in names),
            sums=numbers[:p],
            units=int(row[1 + k]),
            whole_units=int(row[2 + k]),
            products=squares[0] if len(squares) else None,
            cross=squares[-1] if len(squares) else None,
        )
