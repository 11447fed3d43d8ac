"""Check the arguments of the expectations that the scan evaluates, as Great Expectations does.

A wrong argument raises ``BadInputError``; it is never a failure of the data.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from airflow_mlops_provider.analysis.validation.sql_columns import parse_datetime
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.rules import Rule

Check = Callable[[Any], str | None]
"""Returns what is wrong with a value; ``None`` when it is valid."""


def _instance_of(kind: type | tuple[type, ...], named: str) -> Check:
    def check(value: Any) -> str | None:
        is_valid = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
        return None if is_valid else f"must be {named}, not {value!r}"

    return check


def _name(value: Any) -> str | None:
    return None if isinstance(value, str) and value else f"must be a column's name, not {value!r}"


def _names(value: Any) -> str | None:
    is_valid = isinstance(value, list | tuple | set) and all(isinstance(item, str) for item in value) and bool(value)
    return None if is_valid else f"must be a list of columns' names, not {value!r}"


def _bound(value: Any) -> str | None:
    is_valid = value is None or (isinstance(value, int | float | str) and not isinstance(value, bool))
    is_valid = is_valid or parse_datetime(value) is not None
    return None if is_valid else f"must be a number, a date or a text, not {value!r}"


def _share(value: Any) -> str | None:
    is_valid = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    return None if is_valid else f"must be a number from 0 to 1, not {value!r}"


def _values(value: Any) -> str | None:
    return None if isinstance(value, list | tuple | set) else f"must be a list, not {value!r}"


def _pairs(value: Any) -> str | None:
    is_valid = isinstance(value, list | tuple) and all(isinstance(p, list | tuple) and len(p) == 2 for p in value)
    return None if is_valid else f"must be a list of pairs, not {value!r}"


def _regex(value: Any) -> str | None:
    if not isinstance(value, str):
        return f"must be a regular expression, not {value!r}"
    try:
        re.compile(value)
    except re.error as error:
        return f"{value!r} is not a regular expression: {error}"
    return None


def _each(check: Check) -> Check:
    def check_each(value: Any) -> str | None:
        if not isinstance(value, list | tuple) or not value:
            return f"must be a list, not {value!r}"
        return next((problem for problem in map(check, value) if problem), None)

    return check_each


def _one_of(*allowed: str) -> Check:
    return lambda value: None if value in allowed else f"must be one of {', '.join(allowed)}, not {value!r}"


def _optional(check: Check) -> Check:
    return lambda value: None if value is None else check(value)


_flag, _text, _count = (
    _instance_of(bool, "true or false"),
    _instance_of(str, "a text"),
    _instance_of(int, "a whole number"),
)


def _divisor(value: Any) -> str | None:
    return (
        "must not be 0" if value == 0 and not isinstance(value, bool) else _instance_of((int, float), "a number")(value)
    )


_BETWEEN = {"min_value": _bound, "max_value": _bound, "strict_min": _optional(_flag), "strict_max": _optional(_flag)}
_PAIR_IGNORES = _one_of("both_values_are_missing", "either_value_is_missing", "neither")
_LIST_IGNORES = _one_of("all_values_are_missing", "any_value_is_missing", "never")
_MATCH_ON = _one_of("any", "all")
# These arguments are about how Great Expectations reports a result, so they are ignored.
_IGNORED_ARGUMENTS: dict[str, Check] = {
    "result_format": lambda value: None,  # noqa: ARG005  # as above
    "catch_exceptions": lambda value: None,  # noqa: ARG005  # as above
    "batch_id": lambda value: None,  # noqa: ARG005  # as above
    "meta": lambda value: None,  # noqa: ARG005  # as above
    "condition_parser": _optional(_text),
}
_CONDITION: dict[str, Check] = {"row_condition": lambda value: None}  # noqa: ARG005  # read by row_conditions


def _column(**more: Check) -> dict[str, Check]:
    return {"column": _name, **_CONDITION, **more}


def _row(**more: Check) -> dict[str, Check]:
    return _column(mostly=_share, **more)


def _pair(**more: Check) -> dict[str, Check]:
    names = {"column_A": _name, "column_B": _name}
    return {**names, **_CONDITION, "mostly": _share, "ignore_row_if": _PAIR_IGNORES, **more}


def _multicolumn(**more: Check) -> dict[str, Check]:
    return {"column_list": _names, **_CONDITION, "mostly": _share, "ignore_row_if": _LIST_IGNORES, **more}


_V, _C, _T = "expect_column_values_to_", "expect_column_", "expect_table_"
ARGUMENTS: dict[str, dict[str, Check]] = {
    f"{_V}not_be_null": _row(),
    f"{_V}be_null": _row(),
    f"{_V}be_between": _row(**_BETWEEN),
    f"{_V}be_in_set": _row(value_set=_optional(_values)),
    f"{_V}not_be_in_set": _row(value_set=_optional(_values)),
    f"{_V}match_regex": _row(regex=_regex),
    f"{_V}not_match_regex": _row(regex=_regex),
    f"{_V}match_regex_list": _row(regex_list=_each(_regex), match_on=_MATCH_ON),
    f"{_V}not_match_regex_list": _row(regex_list=_each(_regex)),
    f"{_V}match_like_pattern": _row(like_pattern=_text, escape=_optional(_text)),
    f"{_V}not_match_like_pattern": _row(like_pattern=_text, escape=_optional(_text)),
    f"{_V}match_like_pattern_list": _row(like_pattern_list=_each(_text), match_on=_MATCH_ON, escape=_optional(_text)),
    f"{_V}not_match_like_pattern_list": _row(like_pattern_list=_each(_text), escape=_optional(_text)),
    f"{_V}be_unique": _row(),
    f"{_V}be_multiple_of": _row(divisor=_divisor),
    f"{_V}not_be_missing": _row(missing_values=_values),
    "expect_column_value_lengths_to_be_between": _row(**_BETWEEN),
    "expect_column_value_lengths_to_equal": _row(value=_count),
    "expect_column_pair_values_a_to_be_greater_than_b": _pair(or_equal=_optional(_flag)),
    "expect_column_pair_values_to_be_equal": _pair(),
    "expect_column_pair_values_to_be_in_set": _pair(value_pairs_set=_pairs),
    "expect_compound_columns_to_be_unique": _multicolumn(),
    "expect_multicolumn_sum_to_equal": _multicolumn(sum_total=_instance_of((int, float), "a number")),
    "expect_multicolumn_values_to_be_equal": _multicolumn(),
    "expect_select_column_values_to_be_unique_within_record": _multicolumn(),
    "expect_rows_to_satisfy": {"condition": _text, "mostly": _share},
    "unexpected_rows_expectation": {"unexpected_rows_query": _text},
    f"{_V}be_of_type": _row(type_=_text),
    f"{_V}be_in_type_list": _row(type_list=_each(_text)),
    f"{_C}to_exist": {"column": _name, "column_index": _optional(_count)},
    f"{_C}logical_type_to_be": {"column": _name, "logical_type": _text, "format": _optional(_text)},
    f"{_C}to_have_field": {"column": _name, "path": _text, "field_type": _optional(_text)},
    f"{_C}to_be_fresh": _column(max_age_hours=_instance_of((int, float), "a number of hours"), as_of=_optional(_text)),
    **{
        f"{_C}{statistic}_to_be_between": _column(**_BETWEEN)
        for statistic in (
            *("min", "max", "mean", "median", "stdev", "sum", "unique_value_count"),
            *("proportion_of_unique_values", "proportion_of_non_null_values"),
        )
    },
    **{
        f"{_C}distinct_values_to_{relation}": _column(value_set=_optional(_values))
        for relation in ("be_in_set", "contain_set", "equal_set")
    },
    f"{_T}column_count_to_be_between": {"min_value": _optional(_count), "max_value": _optional(_count)},
    f"{_T}column_count_to_equal": {"value": _count},
    f"{_T}columns_to_match_set": {"column_set": _names, "exact_match": _optional(_flag)},
    f"{_T}columns_to_match_ordered_list": {"column_list": _names},
    f"{_T}row_count_to_be_between": {**_BETWEEN, **_CONDITION},
    f"{_T}row_count_to_equal": {"value": _count, **_CONDITION},
    "expect_query_value_to_be_within": {"query": _text, "limits": _instance_of(dict, "a mapping")},
}
"""Expectation type to its arguments; Great Expectations itself evaluates all other types."""

_REQUIRED = {
    *("column", "column_A", "column_B", "column_list", "column_set", "regex", "regex_list", "like_pattern"),
    *("like_pattern_list", "value", "value_pairs_set", "sum_total", "condition", "unexpected_rows_query", "type_"),
    *("type_list", "logical_type", "max_age_hours", "path", "query", "limits", "divisor", "missing_values"),
}


def check_arguments(rule: Rule) -> None:
    """Raise ``BadInputError`` when an argument is wrong, unknown or missing; names the expectation and the argument."""
    for key, value in rule.kwargs.items():
        if _holds_incomparable_number(value):
            raise BadInputError(f"{rule.source}: {rule.type}: {key} holds a number that is not finite or too large")
    known = ARGUMENTS.get(rule.type)
    if known is None:
        return
    known = {**known, **_IGNORED_ARGUMENTS}
    for key, value in rule.kwargs.items():
        if key not in known:
            raise BadInputError(
                f"{rule.source}: {rule.type} has no argument {key!r}; it has {', '.join(sorted(known))}"
            )
        problem = known[key](value)
        if problem:
            raise BadInputError(f"{rule.source}: {rule.type}: {key} {problem}")
    for key in known:
        if key in _REQUIRED and key not in rule.kwargs:
            raise BadInputError(f"{rule.source}: {rule.type}: argument {key!r} is missing")
    if "min_value" in known:
        _check_bounds(rule)


def _holds_incomparable_number(value: Any) -> bool:
    """Return whether ``value`` contains NaN, infinity or an integer beyond 128 bits, which cannot be compared with."""
    if isinstance(value, Mapping):
        return any(map(_holds_incomparable_number, value.values()))
    if isinstance(value, list | tuple | set):
        return any(map(_holds_incomparable_number, value))
    if isinstance(value, float):
        return not math.isfinite(value)
    return isinstance(value, int) and not -(2**127) < value < 2**127


def _check_bounds(rule: Rule) -> None:
    low, high = bounds(rule.kwargs)
    if low is None and high is None:
        raise BadInputError(f"{rule.source}: {rule.type}: min_value and max_value are both missing")
    if low is None or high is None:
        return
    try:
        wrong_order = low > high
    except TypeError as error:
        text = f"min_value {low!r} and max_value {high!r} do not compare"
        raise BadInputError(f"{rule.source}: {rule.type}: {text}") from error
    if wrong_order:
        raise BadInputError(f"{rule.source}: {rule.type}: min_value {low!r} is above max_value {high!r}")


def bounds(kwargs: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the lower and the upper bound of a range rule; ``None`` for one that is not given."""
    return kwargs.get("min_value"), kwargs.get("max_value")
