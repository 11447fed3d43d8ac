"""The one scan: every row and table rule of a plan, counted in a single pass over the batch."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb

from airflow_mlops_provider.analysis.validation.batch import SOURCE, Batch, what_duckdb_says
from airflow_mlops_provider.analysis.validation.json_values import json_value
from airflow_mlops_provider.analysis.validation.plan import Plan
from airflow_mlops_provider.analysis.validation.sql_checks import Conclusion, RowCheck
from airflow_mlops_provider.analysis.validation.sql_columns import Column, Family, count_where
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.rules import Rule

_ORDERED = (Family.NUMBER, Family.DATE, Family.TIMESTAMP, Family.TIME)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCount:
    """A row rule, counted.

    :param in_scope: rows that meet its row condition.
    :param considered: those of them that are not missing.
    :param unexpected: those of them that do not meet the rule.
    """

    in_scope: int
    considered: int
    unexpected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """What the scan found.

    :param rows: rows of the batch.
    :param counts: row rules by position.
    :param conclusions: table rules by position.
    :param present: non-missing values of every column that a row rule, or one outside the scan, reads.
    :param infinite: infinite values of every float column that has any.
    :param ranges: smallest and largest value of ordered columns that a row rule reads, as JSON.
    :param flags: row rules by position to the condition that is true for their unexpected rows.
    :param joined: the tables of the FROM clause in which ``flags`` hold.
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

    :param sensitive: columns whose range is not asked.
    :raises BadInputError: when the SQL of a rule does not fit the batch, naming the rule.
    """
    checks, joined = _with_repeated_keys(plan.rows, batch)
    for check in checks.values():
        _check_binds(check, batch)
    query = _Query()
    query.add("batch", "rows", "count(*)")
    flags = {number: f"({check.considered} AND {check.bad})" for number, check in checks.items()}
    for number, check in checks.items():
        query.add(f"row {number}", "scope", count_where(check.in_scope) if check.domain else "count(*)")
        query.add(f"row {number}", "considered", count_where(check.considered))
        query.add(f"row {number}", "unexpected", count_where(f"mlops_flag_{number}"))
    for number, table in plan.tables.items():
        for name, sql in table.aggregates.items():
            query.add(f"table {number}", name, sql)
    read = {name for rule in plan.others.values() for name in rule.columns}
    _ask_columns(query, checks.values(), batch.columns, sensitive, others=read)
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
    """Uniqueness needs a pass of its own over the key columns; what repeats, usually nothing, then joins the scan."""
    ready, joined = {}, SOURCE
    batch.at_once([_repeats(number, check) for number, check in checks.items() if check.keys])
    for number, check in checks.items():
        if not check.keys:
            ready[number] = check
            continue
        table = f"repeated_{number}"
        if batch.row(f"SELECT count(*) FROM {table}")[0] == 0:  # own SQL
            ready[number] = replace(check, bad="false")
            continue
        same = " AND ".join(
            f"{column.value} IS NOT DISTINCT FROM {table}.mlops_key_{position}"
            for position, column in enumerate(check.keys)
        )
        # A subquery has no rowid of its own, which a table has.
        joined += f" LEFT JOIN (SELECT * FROM {table}) AS {table} ON {same}"  # own SQL
        ready[number] = replace(check, bad=f"{table}.mlops_copies IS NOT NULL")
    return ready, joined


def _repeats(number: int, check: RowCheck) -> str:
    # No name here may be one that a column of the batch can have: those are not qualified.
    keys = ", ".join(f"{column.value} AS mlops_key_{position}" for position, column in enumerate(check.keys))
    return (
        f"CREATE TABLE repeated_{number} AS SELECT {keys}, count(*) AS mlops_copies FROM {SOURCE} "  # own SQL
        f"WHERE {check.considered} GROUP BY ALL HAVING count(*) > 1"
    )


def _check_binds(check: RowCheck, batch: Batch) -> None:
    if check.rule.columns_read or check.rule.type in ("expect_rows_to_satisfy", "unexpected_rows_expectation"):
        require_binds(check.rule, f"SELECT {check.bad} FROM {SOURCE}", batch)
    if check.condition and not check.rule.columns_read:
        # One that reads no column is the same for every row: it can be computed, or the rule is broken.
        _require(check.rule, f"SELECT ({check.condition})::BOOLEAN", batch)


def require_binds(rule: Rule, query: str, batch: Batch) -> None:
    """Raise ``BadInputError`` that names the rule when its SQL does not fit the batch; no value is read."""
    _require(rule, f"EXPLAIN {query}", batch)


def _require(rule: Rule, statement: str, batch: Batch) -> None:
    try:
        batch.rows(statement)  # the rule's own SQL, as declared
    except duckdb.Error as error:
        raise BadInputError(f"{rule.source}: {rule.type}: {what_duckdb_says(error)}") from error


@dataclass(slots=True)
class _Query:
    """Aggregates by group and name; equal ones are computed once."""

    names: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, group: str, name: str, sql: str) -> None:
        self.names[group, name] = sql

    def run(self, batch: Batch, flags: Mapping[int, str], joined: str) -> dict[str, dict[str, Any]]:
        distinct = list(dict.fromkeys(self.names.values()))
        flagged = ", ".join(f"{flag} AS mlops_flag_{number}" for number, flag in flags.items())
        inner = f"SELECT {SOURCE}.*{', ' if flagged else ''}{flagged} FROM {joined}"  # own SQL
        parts = _by_columns(distinct, flags) if batch.is_in_place else [distinct]
        rows = batch.at_once([f"SELECT {', '.join(part)} FROM ({inner})" for part in parts])  # own SQL
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


def _ask_columns(
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
