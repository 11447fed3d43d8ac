"""Plan how each rule is evaluated: in the scan, by a query of its own, or by Great Expectations."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import duckdb
import pyarrow as pa

from airflow_mlops_provider.analysis.validation.custom_sql import columns_of_condition, condition_of
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
    """How each rule is evaluated; the keys are the positions of the rules.

    :param rules: all rules, in order.
    :param rows: row rules of the scan.
    :param tables: table rules of the scan.
    :param queries: rules that are a query of their own.
    :param others: rules for Great Expectations.
    :param unfit: rules that fail because a column is missing or of the wrong type, with the reason.
    """

    rules: list[Rule] = field(default_factory=list)
    rows: dict[int, RowCheck] = field(default_factory=dict)
    tables: dict[int, TableCheck] = field(default_factory=dict)
    queries: dict[int, QueryCheck] = field(default_factory=dict)
    others: dict[int, Rule] = field(default_factory=dict)
    unfit: dict[int, str] = field(default_factory=dict)


def make_plan(rules: Sequence[Rule], columns: Mapping[str, Column], *, now: dt.datetime) -> Plan:
    """Decide how each rule is evaluated.

    :param rules: the rules.
    :param columns: columns of the batch, by name.
    :param now: the time of the check, with time zone, for freshness.
    :raises BadInputError: when a rule has an invalid argument; names the rule.
    """
    plan = Plan()
    with duckdb.connect() as connection:
        for number, declared in enumerate(rules):
            rule = _with_columns(declared, columns)
            plan.rules.append(rule)
            try:
                _assign(plan, number, rule, columns, connection, now)
            except UnfitDataError as error:
                plan.unfit[number] = _unfit_reason(error, rule, columns)
            except NotInScanError:
                plan.others[number] = rule
    return plan


def _unfit_reason(error: UnfitDataError, rule: Rule, columns: Mapping[str, Column]) -> str:
    """Return why a rule fails; a column without values has no type, so its missing values are named instead."""
    empty = [name for name in rule.columns if name in columns and pa.types.is_null(columns[name].type)]
    return f"all values of column {empty[0]!r} are missing" if empty else str(error)


def _assign(  # noqa: PLR0917  # called only by the function above
    plan: Plan,
    number: int,
    rule: Rule,
    columns: Mapping[str, Column],
    connection: duckdb.DuckDBPyConnection,
    now: dt.datetime,
) -> None:
    absent = [name for name in rule.columns if name not in columns]
    if absent and rule.type != "expect_column_to_exist":
        raise UnfitDataError(f"column {absent[0]!r} is missing")
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
    """Return the rule with the columns that its SQL reads."""
    condition = rule.kwargs.get("condition") if rule.type == "expect_rows_to_satisfy" else None
    if rule.type == "unexpected_rows_expectation":
        condition = condition_of(rule.kwargs["unexpected_rows_query"])
    return rule if condition is None else replace(rule, columns_read=columns_of_condition(condition, columns))
