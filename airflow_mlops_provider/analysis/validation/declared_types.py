"""Derive the types of columns from the rules, for files without types, such as CSV files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from airflow_mlops_provider.analysis.validation.expectation_arguments import bounds
from airflow_mlops_provider.analysis.validation.sql_columns import parse_datetime
from airflow_mlops_provider.records.csv_format import ColumnType, DeclaredType
from airflow_mlops_provider.records.rules import Rule

LOGICAL_TYPE = "expect_column_logical_type_to_be"


def declared_types(rules: Sequence[Rule]) -> dict[str, DeclaredType]:
    """Return the type of each column: its logical type in the contract, else the type that its rules need.

    A column is left out when two rules need different types. Rules that are only warnings do not count, because rows
    that break them are kept, so their cells must be readable.

    :param rules: all rules.
    :returns: column to type.
    """
    found: dict[str, list[DeclaredType]] = {}
    stated: dict[str, DeclaredType] = {}
    for rule in rules:
        if rule.type == LOGICAL_TYPE:
            declared = _type_in_contract(rule)
            stated |= {} if declared is None else {rule.kwargs["column"]: declared}
            continue
        kind = _KINDS.get(rule.type, _no_type)(rule.kwargs) if rule.is_error else None
        if kind is not None:
            for column in rule.columns:
                found.setdefault(column, []).append(DeclaredType(kind=kind, by=rule.source))
    agreed = {column: each for column, each in found.items() if len({one.kind for one in each}) == 1}
    return {column: each[0] for column, each in agreed.items()} | stated


def _type_in_contract(rule: Rule) -> DeclaredType | None:
    kind = _LOGICAL.get(rule.kwargs["logical_type"])
    form = rule.kwargs.get("format")
    return None if kind is None else DeclaredType(kind=kind, form=form, by=rule.source)


_LOGICAL = {
    "string": ColumnType.TEXT,
    "integer": ColumnType.INTEGER,
    "number": ColumnType.NUMBER,
    "boolean": ColumnType.BOOLEAN,
    "date": ColumnType.DATE,
    "timestamp": ColumnType.TIMESTAMP,
    "time": ColumnType.TIME,
}


def _no_type(_: Mapping[str, Any]) -> ColumnType | None:
    return None


def _text(_: Mapping[str, Any]) -> ColumnType | None:
    return ColumnType.TEXT


def _number(_: Mapping[str, Any]) -> ColumnType | None:
    return ColumnType.NUMBER


def _date(_: Mapping[str, Any]) -> ColumnType | None:
    return ColumnType.DATE


def _type_of_bounds(kwargs: Mapping[str, Any]) -> ColumnType | None:
    return _common_type([bound for bound in bounds(kwargs) if bound is not None])


def _type_of_set(kwargs: Mapping[str, Any]) -> ColumnType | None:
    return _common_type([value for value in kwargs.get("value_set") or () if value is not None])


def _type_of_type_names(kwargs: Mapping[str, Any]) -> ColumnType | None:
    names = kwargs.get("type_list") or [kwargs["type_"]]
    return ColumnType.TEXT if all(name in _TEXT_NAMES for name in names) else None


_TEXT_NAMES = {"str", "object", "object_", "string", "STRING", "String", "TEXT", "VARCHAR", "StringType", "StringDtype"}


def _common_type(values: Sequence[Any]) -> ColumnType | None:
    kinds = {_type_of_value(value) for value in values}
    if ColumnType.TEXT in kinds and kinds <= {ColumnType.DATE, ColumnType.TIME, ColumnType.TEXT}:
        return ColumnType.TEXT
    return kinds.pop() if len(kinds) == 1 else None


def _type_of_value(value: Any) -> ColumnType | None:
    if isinstance(value, bool):
        return None  # a CSV file may have 1 and 0 instead
    if isinstance(value, int | float):
        return ColumnType.NUMBER
    if isinstance(value, dt.date):
        return ColumnType.DATE
    if not isinstance(value, str):
        return None
    if "-" in value and parse_datetime(value) is not None:
        return ColumnType.DATE
    return ColumnType.TIME if _is_time_of_day(value) else ColumnType.TEXT


def _is_time_of_day(value: str) -> bool:
    try:
        dt.time.fromisoformat(value)
    except ValueError:
        return False
    return ":" in value


_V, _C = "expect_column_values_to_", "expect_column_"
_KINDS: dict[str, Callable[[Mapping[str, Any]], ColumnType | None]] = {
    **dict.fromkeys(
        (
            *(f"{_V}match_regex", f"{_V}not_match_regex", f"{_V}match_regex_list", f"{_V}not_match_regex_list"),
            *(f"{_V}match_like_pattern", f"{_V}not_match_like_pattern"),
            *(f"{_V}match_like_pattern_list", f"{_V}not_match_like_pattern_list"),
            *(f"{_V}match_strftime_format", f"{_V}be_dateutil_parseable", f"{_V}be_json_parseable"),
            *(f"{_V}match_json_schema", f"{_V}match_xml_schema"),
            *(f"{_C}value_lengths_to_be_between", f"{_C}value_lengths_to_equal"),
        ),
        _text,
    ),
    **dict.fromkeys(
        (
            *(f"{_V}be_multiple_of", f"{_C}value_z_scores_to_be_less_than", "expect_multicolumn_sum_to_equal"),
            *(f"{_C}{name}_to_be_between" for name in ("mean", "median", "stdev", "sum", "quantile_values")),
        ),
        _number,
    ),
    **dict.fromkeys((f"{_V}be_between", f"{_C}min_to_be_between", f"{_C}max_to_be_between"), _type_of_bounds),
    **dict.fromkeys(
        (
            *(f"{_V}be_in_set", f"{_V}not_be_in_set"),
            *(f"{_C}distinct_values_to_{relation}" for relation in ("be_in_set", "contain_set", "equal_set")),
        ),
        _type_of_set,
    ),
    **dict.fromkeys((f"{_V}be_of_type", f"{_V}be_in_type_list"), _type_of_type_names),
    f"{_C}to_be_fresh": _date,
}
