"""The scan: evaluate all row and table rules of a plan in one pass over the batch."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb

from airflow_mlops_provider.analysis.validation.batch import SOURCE, Batch, duckdb_message
from airflow_mlops_provider.analysis.validation.json_values import json_value
from airflow_mlops_provider.analysis.validation.plan import Plan
from airflow_mlops_provider.analysis.validation.sql_checks import Conclusion, RowCheck
from airflow_mlops_provider.analysis.validation.sql_columns import Column, Family, count_where
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.rules import Rule

_ORDERED = (Family.NUMBER, Family.DATE, Family.TIMESTAMP, Family.TIME)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCount:
    """Counts of a row rule.

    :param in_scope: number of rows that meet its row condition.
    :param considered: number of these rows whose value is not missing.
    :param unexpected: number of the considered rows that do not meet the rule.
    """

    in_scope: int
    considered: int
    unexpected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """Results of the scan.

    :param rows: number of rows of the batch.
    :param counts: position of a row rule to its counts.
    :param conclusions: position of a table rule to its conclusion.
    :param present: column to number of values that are not missing, for columns of row rules and of rules for Great
        Expectations.
    :param infinite: column to number of infinite values, for float columns that have any.
    :param ranges: column to smallest and largest value, as JSON, for ordered columns of row rules.
    :param flags: position of a row rule to the SQL condition of its unexpected rows.
    :param joined: the FROM clause that ``flags`` need.
    """

    rows: int
    counts: dict[int, RowCount]
    conclusions: dict[int, Conclusion]
    present: dict[str, int]
    infinite: dict[str, int]
    ranges: dict[str, tuple[Any, Any]]
    flags: dict[int, str]
    joined: str


def scan(plan: Plan, batch: Batch, *, sensitive: Collection[str] = ()) -> Scanned:
    """Evaluate the row and table rules of ``plan``.

    :param plan: the planned rules.
    :param batch: the batch.
    :param sensitive: columns whose range must not be reported.
    :raises BadInputError: when the SQL of a rule is invalid for the batch; names the rule.
    """
    checks, joined = _with_repeated_keys(plan.rows, batch)
    for check in checks.values():
        _check_binds(check, batch)
    query = _Query()
    query.add("batch", "rows", "count(*)")
    flags = {number: f"({check.considered} AND {check.unexpected})" for number, check in checks.items()}
    for number, check in checks.items():
        query.add(f"row {number}", "scope", count_where(check.in_scope) if check.domain else "count(*)")
        query.add(f"row {number}", "considered", count_where(check.considered))
        query.add(f"row {number}", "unexpected", count_where(f"mlops_flag_{number}"))
    for number, table in plan.tables.items():
        for name, sql in table.aggregates.items():
            query.add(f"table {number}", name, sql)
    read = {name for rule in plan.others.values() for name in rule.columns}
    _add_column_aggregates(query, checks.values(), batch.columns, sensitive, others=read)
    found = query.run(batch, flags, joined)
    return Scanned(
        rows=found["batch"]["rows"],
        counts={number: _row_count(found[f"row {number}"]) for number in checks},
        conclusions={number: table.conclude(found.get(f"table {number}", {})) for number, table in plan.tables.items()},
        present=found.get("present", {}),
        infinite={name: count for name, count in found.get("infinite", {}).items() if count},
        ranges=_ranges(found),
        flags=flags,
        joined=joined,
    )


def _with_repeated_keys(checks: Mapping[int, RowCheck], batch: Batch) -> tuple[dict[int, RowCheck], str]:
    """Return the checks and the FROM clause, with a join to the repeated keys for each uniqueness rule.

    The repeated keys are found in a separate pass over the key columns. Usually there are none, and no join is needed.
    """
    ready, joined = {}, SOURCE
    batch.first_rows([_repeated_keys_sql(number, check) for number, check in checks.items() if check.keys])
    for number, check in checks.items():
        if not check.keys:
            ready[number] = check
            continue
        table = f"repeated_{number}"
        if batch.row(f"SELECT count(*) FROM {table}")[0] == 0:  # own SQL
            ready[number] = replace(check, unexpected="false")
            continue
        same = " AND ".join(
            f"{column.value} IS NOT DISTINCT FROM {table}.mlops_key_{position}"
            for position, column in enumerate(check.keys)
        )
        # A subquery, because a table would add its own rowid.
        joined += f" LEFT JOIN (SELECT * FROM {table}) AS {table} ON {same}"  # own SQL
        ready[number] = replace(check, unexpected=f"{table}.mlops_copies IS NOT NULL")
    return ready, joined


def _repeated_keys_sql(number: int, check: RowCheck) -> str:
    # These names must differ from column names, because columns of the batch are not qualified.
    keys = ", ".join(f"{column.value} AS mlops_key_{position}" for position, column in enumerate(check.keys))
    return (
        f"CREATE TABLE repeated_{number} AS SELECT {keys}, count(*) AS mlops_copies FROM {SOURCE} "  # own SQL
        f"WHERE {check.considered} GROUP BY ALL HAVING count(*) > 1"
    )


def _check_binds(check: RowCheck, batch: Batch) -> None:
    if check.rule.columns_read or check.rule.type in ("expect_rows_to_satisfy", "unexpected_rows_expectation"):
        require_binds(check.rule, f"SELECT {check.unexpected} FROM {SOURCE}", batch)
    if check.condition and not check.rule.columns_read:
        # A condition without columns is the same for every row; when it cannot be computed, the rule is invalid.
        _require(check.rule, f"SELECT ({check.condition})::BOOLEAN", batch)


def require_binds(rule: Rule, query: str, batch: Batch) -> None:
    """Raise ``BadInputError`` when the SQL of a rule is invalid for the batch; names the rule. Reads no rows."""
    _require(rule, f"EXPLAIN {query}", batch)


def _require(rule: Rule, statement: str, batch: Batch) -> None:
    try:
        batch.rows(statement)  # the rule's own SQL, as declared
    except duckdb.Error as error:
        raise BadInputError(f"{rule.source}: {rule.type}: {duckdb_message(error)}") from error


@dataclass(slots=True)
class _Query:
    """Aggregates by group and name; equal aggregates are computed once."""

    names: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, group: str, name: str, sql: str) -> None:
        self.names[group, name] = sql

    def run(self, batch: Batch, flags: Mapping[int, str], joined: str) -> dict[str, dict[str, Any]]:
        distinct = list(dict.fromkeys(self.names.values()))
        flagged = ", ".join(f"{flag} AS mlops_flag_{number}" for number, flag in flags.items())
        inner = f"SELECT {SOURCE}.*{', ' if flagged else ''}{flagged} FROM {joined}"  # own SQL
        parts = _by_columns(distinct, flags) if batch.is_in_place else [distinct]
        rows = batch.first_rows([f"SELECT {', '.join(part)} FROM ({inner})" for part in parts])  # own SQL
        values = {
            sql: value for part, row in zip(parts, rows, strict=True) for sql, value in zip(part, row, strict=True)
        }
        found: dict[str, dict[str, Any]] = {}
        for (group, name), sql in self.names.items():
            found.setdefault(group, {})[name] = values[sql]
        return found


def _by_columns(aggregates: Sequence[str], flags: Mapping[int, str]) -> list[list[str]]:
    """The aggregates in two groups, each of which reads about half of the columns."""
    columns: dict[str, int] = {}
    groups: tuple[list[str], list[str]] = ([], [])
    for sql in aggregates:
        flag = _FLAG.search(sql)
        name = _NAME.search(flags[int(flag[1])] if flag else sql)
        groups[columns.setdefault(name[0] if name else "", len(columns)) % 2].append(sql)
    return [each for each in groups if each]


_FLAG, _NAME = re.compile(r"mlops_flag_(\d+)"), re.compile(r'"[^"]+"')


def _add_column_aggregates(
    query: _Query,
    checks: Collection[RowCheck],
    columns: Mapping[str, Column],
    sensitive: Collection[str],
    *,
    others: Collection[str],
) -> None:
    read = {name for check in checks for name in check.rule.columns}
    for name, column in columns.items():
        if column.infinite:
            query.add("infinite", name, count_where(column.infinite))
        if name in read or name in others:
            query.add("present", name, count_where(f"NOT {column.missing}"))
        if name in read and column.family in _ORDERED and name not in sensitive:
            query.add("low", name, f"min({column.value})")
            query.add("high", name, f"max({column.value})")


def _row_count(own: Mapping[str, Any]) -> RowCount:
    return RowCount(in_scope=own["scope"], considered=own["considered"], unexpected=own["unexpected"])


def _ranges(found: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[Any, Any]]:
    low, high = found.get("low", {}), found.get("high", {})
    return {name: (json_value(low[name]), json_value(high[name])) for name in low if low[name] is not None}
