"""Row rules as expressions of ibis that mean in a database what they mean in the scan; other rules are not here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import pyarrow.types as pt

from airflow_mlops_provider.analysis.validation.expectation_arguments import bounds
from airflow_mlops_provider.analysis.validation.pushdown.regex_subset import read_alike
from airflow_mlops_provider.analysis.validation.sql_columns import Column, Family, in_utc, parse_datetime
from airflow_mlops_provider.records.rules import Rule

_V = "expect_column_values_to_"
_MOST_VALUES = 1000
"""Of a set, that a statement names."""

_Test = Callable[[Mapping[str, Any], Sequence["PushedColumn"]], tuple[Any, Any]]


class NotPushedError(Exception):
    """The rule may mean something else in the database; its rows are fetched."""


class PushedColumn:
    """A column of the table in the database.

    :param column: as the scan knows it.
    :param sql: ibis' expression of it.
    """

    def __init__(self, column: Column, sql: Any) -> None:
        self.column = column
        self.sql = sql

    @property
    def missing(self) -> Any:
        """Whether the value is missing, as NaN is; never NULL."""
        return self.sql.isnull() | self.sql.isnan() if self.column.is_float else self.sql.isnull()

    @property
    def value(self) -> Any:
        """The value, NULL when it is missing."""
        import ibis

        return ibis.ifelse(self.missing, ibis.null(), self.sql) if self.column.is_float else self.sql

    @property
    def comparable(self) -> Any:
        """The value as what it is compared with."""
        return self.sql.cast("timestamp") if self.column.family is Family.DATE else self.sql

    def bound(self, value: Any) -> Any:
        """A bound as an expression."""
        import ibis

        family = self.column.family
        if family in (Family.DATE, Family.TIMESTAMP):
            moment = parse_datetime(value)
            if moment is None:
                raise NotPushedError
            return ibis.literal(in_utc(moment), type="timestamp")
        if family is not Family.NUMBER or isinstance(value, bool) or not isinstance(value, int | float):
            raise NotPushedError
        if isinstance(value, int) and not self.column.is_float:
            return ibis.literal(value)
        # As a text, which a database reads as the nearest double; as a number it is a decimal first.
        return ibis.literal(repr(float(value))).cast("float64")


def unexpected(rule: Rule, columns: Mapping[str, PushedColumn]) -> tuple[Any, Any]:
    """Which rows a rule does not consider, and which of the others do not meet it.

    :param rule: a row rule of the scan, on columns that are all in ``columns``.
    :returns: two conditions; the first is never NULL.
    :raises NotPushedError: when the database might count other rows.
    """
    pair = [rule.kwargs[key] for key in ("column_A", "column_B") if key in rule.kwargs]
    names = pair or list(rule.columns)
    if rule.kwargs.get("row_condition") or rule.type not in PUSHED or any(name not in columns for name in names):
        raise NotPushedError
    return PUSHED[rule.type](rule.kwargs, [columns[name] for name in names])


def _never() -> Any:
    import ibis

    return ibis.literal(value=False)


def _null(*, expected: bool) -> _Test:
    def test(_: Mapping[str, Any], used: Sequence[PushedColumn]) -> tuple[Any, Any]:
        missing = used[0].missing
        return _never(), ~missing if expected else missing

    return test


def _between(kwargs: Mapping[str, Any], used: Sequence[PushedColumn]) -> tuple[Any, Any]:
    column, (low, high) = used[0], bounds(kwargs)
    outside = []
    if low is not None:
        bound = column.bound(low)
        outside.append(column.comparable <= bound if kwargs.get("strict_min") else column.comparable < bound)
    if high is not None:
        bound = column.bound(high)
        outside.append(column.comparable >= bound if kwargs.get("strict_max") else column.comparable > bound)
    if column.column.is_float and len(outside) == 1:
        outside.append(column.sql.isinf())
    if not outside:
        raise NotPushedError
    return column.missing, reduce(lambda one, other: one | other, outside)


def _in_set(*, negated: bool) -> _Test:
    def test(kwargs: Mapping[str, Any], used: Sequence[PushedColumn]) -> tuple[Any, Any]:
        column, values = used[0], kwargs.get("value_set")
        if not values or len(values) > _MOST_VALUES:
            raise NotPushedError
        inside = column.sql.isin([_member(column, value) for value in values])
        return column.missing, inside if negated else ~inside

    return test


def _member(column: PushedColumn, value: Any) -> Any:
    family = column.column.family
    if family is Family.STRING and isinstance(value, str) and "\0" not in value:
        return value
    if family is Family.BOOLEAN and isinstance(value, bool):
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if family is Family.NUMBER and is_number and (column.column.is_float or isinstance(value, int)):
        return column.bound(value)
    raise NotPushedError


def _text(column: PushedColumn) -> Any:
    if column.column.family is not Family.STRING:
        raise NotPushedError
    return column.sql


def _length(kwargs: Mapping[str, Any], used: Sequence[PushedColumn]) -> tuple[Any, Any]:
    length = _text(used[0]).length()
    low, high = (kwargs["value"],) * 2 if "value" in kwargs else bounds(kwargs)
    if kwargs.get("strict_min") or kwargs.get("strict_max"):
        raise NotPushedError
    if not all(each is None or (isinstance(each, int) and not isinstance(each, bool)) for each in (low, high)):
        raise NotPushedError
    outside = ([length < low] if low is not None else []) + ([length > high] if high is not None else [])
    return used[0].missing, reduce(lambda one, other: one | other, outside)


def _regex(*, negated: bool) -> _Test:
    def test(kwargs: Mapping[str, Any], used: Sequence[PushedColumn]) -> tuple[Any, Any]:
        pattern = read_alike(kwargs["regex"])
        if pattern is None:
            raise NotPushedError
        found = _text(used[0]).re_search(pattern)
        return used[0].missing, found if negated else ~found

    return test


def _like(*, negated: bool) -> _Test:
    def test(kwargs: Mapping[str, Any], used: Sequence[PushedColumn]) -> tuple[Any, Any]:
        pattern = kwargs["like_pattern"]
        if "\\" in pattern or kwargs.get("escape"):
            raise NotPushedError  # a backslash is a mark of its own in PostgreSQL
        found = _text(used[0]).like(pattern)
        return used[0].missing, found if negated else ~found

    return test


def _multiple(kwargs: Mapping[str, Any], used: Sequence[PushedColumn]) -> tuple[Any, Any]:
    divisor = kwargs["divisor"]
    if not pt.is_integer(used[0].column.type) or not isinstance(divisor, int) or isinstance(divisor, bool):
        raise NotPushedError  # a remainder of other numbers is rounded
    if divisor <= 0:
        raise NotPushedError
    return used[0].missing, used[0].sql % divisor != 0


def _unique(_: Mapping[str, Any], used: Sequence[PushedColumn]) -> tuple[Any, Any]:
    import ibis

    column = used[0]
    if column.column.family is Family.OTHER or column.column.is_float:
        raise NotPushedError
    return column.missing, column.sql.count().over(ibis.window(group_by=column.sql)) > 1


def _pair(compare: Callable[[Any, Any, Mapping[str, Any]], Any]) -> _Test:
    def test(kwargs: Mapping[str, Any], used: Sequence[PushedColumn]) -> tuple[Any, Any]:
        a, b = used
        if a.column.type != b.column.type or a.column.family not in _ORDERED:
            raise NotPushedError
        missing = {
            "both_values_are_missing": a.missing & b.missing,
            "either_value_is_missing": a.missing | b.missing,
            "neither": _never(),
        }[kwargs.get("ignore_row_if", "both_values_are_missing")]
        return missing, ~compare(a.value, b.value, kwargs).fill_null(_never())

    return test


_ORDERED = (Family.NUMBER, Family.DATE, Family.TIMESTAMP)

PUSHED: dict[str, _Test] = {
    f"{_V}not_be_null": _null(expected=False),
    f"{_V}be_null": _null(expected=True),
    f"{_V}be_between": _between,
    f"{_V}be_in_set": _in_set(negated=False),
    f"{_V}not_be_in_set": _in_set(negated=True),
    f"{_V}match_regex": _regex(negated=False),
    f"{_V}not_match_regex": _regex(negated=True),
    f"{_V}match_like_pattern": _like(negated=False),
    f"{_V}not_match_like_pattern": _like(negated=True),
    "expect_column_value_lengths_to_be_between": _length,
    "expect_column_value_lengths_to_equal": _length,
    f"{_V}be_multiple_of": _multiple,
    f"{_V}be_unique": _unique,
    "expect_column_pair_values_a_to_be_greater_than_b": _pair(
        lambda a, b, kwargs: a >= b if kwargs.get("or_equal") else a > b
    ),
    "expect_column_pair_values_to_be_equal": _pair(lambda a, b, _: a == b),
}
"""Row rules that a database counts, where their arguments and columns allow it."""

PUSHED_TABLE_RULES = (
    "expect_table_row_count_to_be_between",
    "expect_table_row_count_to_equal",
    "expect_column_min_to_be_between",
    "expect_column_max_to_be_between",
)
"""Table rules that a database counts."""

WHEN: dict[str, str] = {
    f"{_V}be_between": "numbers, days, moments without a zone",
    f"{_V}be_in_set": "at most 1,000 values of the column's own kind: numbers, text, truth values",
    f"{_V}not_be_in_set": "as `be_in_set`",
    f"{_V}match_regex": "letters, ASCII classes such as `[A-Z]`, groups, counts, `^` and `$`; no `.`, no `\\d`",
    f"{_V}not_match_regex": "as `match_regex`",
    f"{_V}match_like_pattern": "without a backslash or `escape`",
    f"{_V}not_match_like_pattern": "as `match_like_pattern`",
    "expect_column_value_lengths_to_be_between": "whole numbers, not strict",
    "expect_column_value_lengths_to_equal": "whole numbers",
    f"{_V}be_multiple_of": "whole numbers",
    f"{_V}be_unique": "all but floats",
    "expect_column_pair_values_a_to_be_greater_than_b": "two columns of one type: numbers, days, moments",
    "expect_column_pair_values_to_be_equal": "as above",
    "expect_column_min_to_be_between": "numbers, days, moments without a zone",
    "expect_column_max_to_be_between": "as above",
}
"""Where a rule is pushed down, for the documentation; always, where nothing is said."""
