"""Which rule goes where: into the scan, into a query of its own, or to Great Expectations."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import duckdb
import pyarrow as pa

from airflow_mlops_provider.analysis.validation.custom_sql import columns_in, condition_of
from airflow_mlops_provider.analysis.validation.expectation_arguments import ARGUMENTS
from airflow_mlops_provider.analysis.validation.query_rules import query_check
from airflow_mlops_provider.analysis.validation.row_checks import row_check
from airflow_mlops_provider.analysis.validation.sql_checks import (
    NotInScanError,
    QueryCheck,
    RowCheck,
    TableCheck,
    UnfitDataError,
)
from airflow_mlops_provider.analysis.validation.sql_columns import Column
from airflow_mlops_provider.analysis.validation.table_checks import table_check
from airflow_mlops_provider.records.rules import Rule


@dataclass(slots=True, kw_only=True)
class Plan:
    """Every rule's way, by its position in the declaration.

    :param rows: row rules of the scan.
    :param tables: table rules of the scan.
    :param queries: rules that are a query of their own.
    :param others: rules for Great Expectations.
    :param unfit: rules that this batch fails by its columns, with the reason.
    """

    rules: list[Rule] = field(default_factory=list)
    rows: dict[int, RowCheck] = field(default_factory=dict)
    tables: dict[int, TableCheck] = field(default_factory=dict)
    queries: dict[int, QueryCheck] = field(default_factory=dict)
    others: dict[int, Rule] = field(default_factory=dict)
    unfit: dict[int, str] = field(default_factory=dict)


def make_plan(rules: Sequence[Rule], columns: Mapping[str, Column], *, now: dt.datetime) -> Plan:
    """Find every rule's way.

    :param columns: the batch's columns.
    :param now: the moment against which freshness is measured.
    """
    plan = Plan()
    with duckdb.connect() as connection:
        for number, declared in enumerate(rules):
            rule = _with_columns(declared, columns)
            plan.rules.append(rule)
            try:
                _place(plan, number, rule, columns, connection, now)
            except UnfitDataError as error:
                plan.unfit[number] = _why_unfit(error, rule, columns)
            except NotInScanError:
                plan.others[number] = rule
    return plan


def _why_unfit(error: UnfitDataError, rule: Rule, columns: Mapping[str, Column]) -> str:
    """A column without a single value has no type to complain of."""
    empty = [name for name in rule.columns if name in columns and pa.types.is_null(columns[name].type)]
    return f"all values of column {empty[0]!r} are missing" if empty else str(error)


def _place(  # noqa: PLR0917  # one call, right above
    plan: Plan,
    number: int,
    rule: Rule,
    columns: Mapping[str, Column],
    connection: duckdb.DuckDBPyConnection,
    now: dt.datetime,
) -> None:
    gone = [name for name in rule.columns if name not in columns]
    if gone and rule.type != "expect_column_to_exist":
        raise UnfitDataError(f"column {gone[0]!r} is missing")
    if rule.type not in ARGUMENTS:
        raise NotInScanError
    table = table_check(rule, columns, now=now)
    if table is not None:
        plan.tables[number] = table
        return
    row = row_check(rule, columns, connection)
    if row is not None:
        plan.rows[number] = row
        return
    plan.queries[number] = query_check(rule)


def _with_columns(rule: Rule, columns: Mapping[str, Column]) -> Rule:
    """The rule with the columns that its SQL reads."""
    condition = rule.kwargs.get("condition") if rule.type == "expect_rows_to_satisfy" else None
    if rule.type == "unexpected_rows_expectation":
        condition = condition_of(rule.kwargs["unexpected_rows_query"])
    return rule if condition is None else replace(rule, columns_read=columns_in(condition, columns))
