"""The two statements of a pushdown: one counts over all rows, the other gives the rows that break a rule."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from typing import Any

import pyarrow as pa

from airflow_mlops_provider.analysis.validation.json_values import json_value
from airflow_mlops_provider.analysis.validation.plan import Plan
from airflow_mlops_provider.analysis.validation.pushdown.rules import (
    PUSHED_TABLE_RULES,
    NotPushedError,
    PushedColumn,
    unexpected,
)
from airflow_mlops_provider.analysis.validation.scan import RowCount, Scanned
from airflow_mlops_provider.analysis.validation.sql_checks import TableCheck
from airflow_mlops_provider.analysis.validation.sql_columns import Family, columns_of
from airflow_mlops_provider.exceptions import BadInputError

NAME = "mlops_rows"
"""What the statements call the dataset."""

_CONSIDERS, _BREAKS = "mlops_considers_", "mlops_breaks_"
_ORDERED = (Family.NUMBER, Family.DATE, Family.TIMESTAMP)


@dataclass(frozen=True, kw_only=True)
class Pushdown:
    """Rules that a database counts.

    :param columns: of the table, in order.
    :param table: ibis' table, with a further column for each row rule that tells which rows break it.
    :param counts: name to the expression of a number or value over all rows of ``table``.
    :param breaks: names of those further columns.
    :param left: positions of table rules that need the values of their columns, which are fetched.
    """

    columns: tuple[str, ...]
    table: Any
    counts: Mapping[str, Any]
    breaks: tuple[str, ...]
    left: tuple[int, ...]

    def statements(self, dialect: str) -> tuple[str, str]:
        """The SQL that counts, and that of the rows that break a rule; both read a table called :data:`NAME`.

        :param dialect: ``postgres`` or ``duckdb``.
        """
        import ibis

        counts = self.table.aggregate(**self.counts)
        broken = reduce(or_, (self.table[name] for name in self.breaks), ibis.literal(value=False))
        rows = self.table.filter(broken).select(*self.columns)
        return str(ibis.to_sql(counts, dialect=dialect)), str(ibis.to_sql(rows, dialect=dialect))


def pushdown_of(plan: Plan, schema: pa.Schema, *, allowed: Collection[str]) -> Pushdown | None:
    """What of a plan a database counts; ``None`` when a rule needs whole rows, so that all of them are fetched.

    :param plan: the rules, on the columns of the table.
    :param schema: of the table.
    :param allowed: columns whose values the database compares as the scan does.
    """
    import ibis

    if plan.queries or plan.others:
        return None
    known, rows = columns_of(schema), ibis.table(ibis.Schema.from_pyarrow(_known(schema)), name=NAME)
    if any(column.is_float and name not in allowed for name, column in known.items()):
        return None  # infinite values are counted in every column
    try:
        flags = _flags(plan, {name: PushedColumn(known[name], rows[name]) for name in known if name in allowed})
    except NotPushedError:
        return None
    # Columns of their own, because a window function may stand in no condition.
    table = rows.mutate(**flags)
    columns = {name: PushedColumn(known[name], table[name]) for name in known if name in allowed}
    counts = _row_counts(table, plan, columns) | _infinite(table, columns)
    left = []
    for number, check in plan.tables.items():
        value = _table_value(check, table, columns)
        if value is None and check.aggregates:
            left.append(number)
        elif value is not None:
            counts[f"table {number}"] = value
    breaks = tuple(name for name in flags if name.startswith(_BREAKS))
    return Pushdown(columns=tuple(schema.names), table=table, counts=counts, breaks=breaks, left=tuple(left))


def _known(schema: pa.Schema) -> pa.Schema:
    """Columns of types that ibis may not know are text to it: it only hands them through."""
    known = [field for field in schema if columns_of(pa.schema([field]))[field.name].family is not Family.OTHER]
    return pa.schema([field if field in known else pa.field(field.name, pa.string()) for field in schema])


def _flags(plan: Plan, columns: Mapping[str, PushedColumn]) -> dict[str, Any]:
    """For each row rule, which rows it considers and which of them break it; neither is NULL."""
    import ibis

    flags: dict[str, Any] = {}
    for number, check in plan.rows.items():
        missing, wrong = unexpected(check.rule, columns)
        flags[f"{_CONSIDERS}{number}"] = ~missing
        flags[f"{_BREAKS}{number}"] = (~missing & wrong).fill_null(ibis.literal(value=False))
    return flags


def _infinite(table: Any, columns: Mapping[str, PushedColumn]) -> dict[str, Any]:
    import ibis

    floats = {name: column.sql.isinf() for name, column in columns.items() if column.column.is_float}
    return {
        f"infinite {name}": table.count(where=found.fill_null(ibis.literal(value=False)))
        for name, found in floats.items()
    }


def _row_counts(table: Any, plan: Plan, columns: Mapping[str, PushedColumn]) -> dict[str, Any]:
    counts: dict[str, Any] = {"rows": table.count()}
    for number in plan.rows:
        counts[f"considered {number}"] = table.count(where=table[f"{_CONSIDERS}{number}"])
        counts[f"unexpected {number}"] = table.count(where=table[f"{_BREAKS}{number}"])
    for name in {name for check in plan.rows.values() for name in check.rule.columns}:
        column = columns[name]
        counts[f"present {name}"] = table.count(where=~column.missing)
        if column.column.family in _ORDERED:
            counts[f"low {name}"] = column.value.min()
            counts[f"high {name}"] = column.value.max()
    return counts


def _table_value(check: TableCheck, table: Any, columns: Mapping[str, PushedColumn]) -> Any | None:
    """The one aggregate of a table rule; ``None`` when the database does not compute it as the scan does."""
    rule = check.rule
    if rule.type not in PUSHED_TABLE_RULES or rule.kwargs.get("row_condition"):
        return None
    if not rule.columns:
        return table.count()
    column = columns.get(rule.columns[0])
    if column is None or column.column.family not in _ORDERED:
        return None
    return column.value.min() if "_min_" in rule.type else column.value.max()


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What a database counted over all rows; the scan then reads only the rows that break a rule.

    :param values: name of a count to its value.
    """

    values: Mapping[str, Any]

    @property
    def rows(self) -> int:
        """Number of all rows."""
        return int(self.values["rows"])

    def over(self, scanned: Scanned, plan: Plan, *, sensitive: Collection[str]) -> Scanned:
        """The results of a scan of the rows that break a rule, as those of a scan of all rows.

        :raises BadInputError: when scan and database do not find the same rows; names the rule.
        """
        for number, count in scanned.counts.items():
            found = int(self.values[f"unexpected {number}"])
            if found != count.unexpected:
                rule = plan.rules[number]
                raise BadInputError(
                    f"{rule.source}: {rule.type} on {rule.subject}: the database counts {found:,} rows that do not "
                    f"meet it, and {count.unexpected:,} of those that it gave do not; leave 'pushdown' out"
                )
        return replace(
            scanned,
            rows=self.rows,
            counts={number: self._row_count(number) for number in scanned.counts},
            conclusions={
                number: check.conclude(self._aggregates(number, check)) for number, check in plan.tables.items()
            },
            present={name: int(self.values[f"present {name}"]) for name in scanned.present},
            infinite={name: count for name, count in self._named("infinite") if count},
            ranges={
                name: (json_value(low), json_value(self.values[f"high {name}"]))
                for name, low in self._named("low")
                if low is not None and name not in sensitive
            },
        )

    def _row_count(self, number: int) -> RowCount:
        return RowCount(
            in_scope=self.rows,
            considered=int(self.values[f"considered {number}"]),
            unexpected=int(self.values[f"unexpected {number}"]),
        )

    def _aggregates(self, number: int, check: TableCheck) -> dict[str, Any]:
        return dict.fromkeys(check.aggregates, self.values.get(f"table {number}"))

    def _named(self, kind: str) -> Iterable[tuple[str, Any]]:
        start = f"{kind} "
        return [(name.removeprefix(start), value) for name, value in self.values.items() if name.startswith(start)]
