"""Row rules as SQL conditions, with the meaning that Great Expectations has on pandas."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import duckdb

from airflow_mlops_provider.analysis.validation.arithmetic import not_multiple_sql, wrong_sum_sql
from airflow_mlops_provider.analysis.validation.custom_sql import condition_of
from airflow_mlops_provider.analysis.validation.expectation_arguments import bounds
from airflow_mlops_provider.analysis.validation.regexes import regex_search_sql
from airflow_mlops_provider.analysis.validation.row_conditions import row_condition
from airflow_mlops_provider.analysis.validation.sql_checks import NotInScanError, RowCheck, UnfitDataError
from airflow_mlops_provider.analysis.validation.sql_columns import Column, Family, text_literal
from airflow_mlops_provider.analysis.validation.value_sets import value_set
from airflow_mlops_provider.records.rules import Rule

Kwargs = Mapping[str, Any]
ColumnTest = Callable[[Column, Kwargs, duckdb.DuckDBPyConnection], str]
PairTest = Callable[[Column, Column, Kwargs], str]
MulticolumnTest = Callable[[Sequence[Column], Kwargs], str]


def row_check(rule: Rule, columns: Mapping[str, Column], connection: duckdb.DuckDBPyConnection) -> RowCheck | None:
    """Return a row rule as SQL; ``None`` when it is not a row rule of the scan.

    :param rule: the rule.
    :param columns: columns of the batch by name; those of the rule must be among them.
    :param connection: used to find out which regular expressions DuckDB accepts.
    :raises NotInScanError: when SQL would have another meaning than Great Expectations.
    :raises UnfitDataError: when the rule cannot be evaluated on columns of these types.
    """
    used = [columns[name] for name in rule.columns]
    domain = row_condition(rule.kwargs.get("row_condition"), columns)
    if rule.type in _COLUMN_TESTS:
        return _column_check(rule, used[0], domain, connection)
    if rule.type == "expect_column_values_to_be_unique":
        return RowCheck(rule=rule, domain=domain, missing=used[0].missing, values=(used[0],), keys=(used[0],))
    if rule.type in _PAIR_TESTS:
        return _pair_check(rule, columns, domain)
    if rule.type in _MULTICOLUMN_TESTS or rule.type == "expect_compound_columns_to_be_unique":
        return _multicolumn_check(rule, columns, domain)
    if rule.type in ("expect_rows_to_satisfy", "unexpected_rows_expectation"):
        return _sql_check(rule, used)
    return None


def _column_check(rule: Rule, column: Column, domain: str | None, connection: duckdb.DuckDBPyConnection) -> RowCheck:
    if rule.type in _SET_RULES and rule.kwargs.get("value_set") is not None:
        return _set_check(rule, column, domain)
    unexpected = _COLUMN_TESTS[rule.type](column, rule.kwargs, connection)
    missing = "false" if rule.type in _CONSIDERS_MISSING else column.missing
    return RowCheck(rule=rule, domain=domain, missing=missing, unexpected=unexpected, values=(column,))


def _pair_check(rule: Rule, columns: Mapping[str, Column], domain: str | None) -> RowCheck:
    a, b = columns[rule.kwargs["column_A"]], columns[rule.kwargs["column_B"]]
    missing = {
        "both_values_are_missing": f"({a.missing} AND {b.missing})",
        "either_value_is_missing": f"({a.missing} OR {b.missing})",
        "neither": "false",
    }[rule.kwargs.get("ignore_row_if", "both_values_are_missing")]
    unexpected = _PAIR_TESTS[rule.type](a, b, rule.kwargs)
    return RowCheck(rule=rule, domain=domain, missing=missing, unexpected=unexpected, values=(a, b))


def _multicolumn_check(rule: Rule, columns: Mapping[str, Column], domain: str | None) -> RowCheck:
    used = [columns[name] for name in rule.kwargs["column_list"]]
    each = [column.missing for column in used]
    missing = {
        "all_values_are_missing": f"({' AND '.join(each)})",
        "any_value_is_missing": f"({' OR '.join(each)})",
        "never": "false",
    }[rule.kwargs.get("ignore_row_if", "all_values_are_missing")]
    test = _MULTICOLUMN_TESTS.get(rule.type)
    keys = () if test else tuple(used)
    unexpected = test(used, rule.kwargs) if test else ""
    return RowCheck(rule=rule, domain=domain, missing=missing, unexpected=unexpected, values=tuple(used), keys=keys)


def _sql_check(rule: Rule, used: Sequence[Column]) -> RowCheck | None:
    """Return a business rule in SQL; a row for which it raises an error, such as a failed cast, does not meet it."""
    if rule.type == "expect_rows_to_satisfy":
        condition = rule.kwargs["condition"]
        unexpected = f"NOT coalesce(TRY(coalesce(({condition})::BOOLEAN, true)), false)"
    else:
        condition = condition_of(rule.kwargs["unexpected_rows_query"])
        if condition is None:
            return None
        unexpected = f"coalesce(TRY(coalesce(({condition})::BOOLEAN, false)), true)"
    return RowCheck(
        rule=rule, domain=None, missing="false", unexpected=unexpected, condition=condition, values=tuple(used)
    )


# -- one column ---------------------------------------------------------------------------------------------------


def _is_null(column: Column, _: Kwargs, __: duckdb.DuckDBPyConnection) -> str:
    return column.missing


def _is_not_null(column: Column, _: Kwargs, __: duckdb.DuckDBPyConnection) -> str:
    return f"NOT {column.missing}"


def _out_of_range(column: Column, kwargs: Kwargs, _: duckdb.DuckDBPyConnection) -> str:
    outside = [f"NOT ({comparison})" for comparison in _comparisons(column, column.sql, kwargs)]
    if column.is_float and len(outside) == 1:
        # A range with one bound would include infinity, which is never a real measurement.
        outside.append(f"isinf({column.sql})")
    return f"({' OR '.join(outside)})"


def _comparisons(column: Column, sql: str, kwargs: Kwargs) -> list[str]:
    low, high = bounds(kwargs)
    signs = ((low, ">" if kwargs.get("strict_min") else ">="), (high, "<" if kwargs.get("strict_max") else "<="))
    found = []
    for bound, sign in signs:
        if bound is None:
            continue
        literal = column.literal(bound)
        if literal is None:
            raise UnfitDataError(f"column {column.described}, which does not compare with {bound!r}")
        found.append(f"{sql} {sign} {literal}")
    return found


def _set_check(rule: Rule, column: Column, domain: str | None) -> RowCheck:
    if column.family is Family.OTHER:
        raise NotInScanError
    found, negated = value_set(column, rule.kwargs["value_set"]), rule.type == f"{_V}not_be_in_set"
    inside = f"{column.sql} IN ({found.sql})" if found.size else "false"
    return RowCheck(
        rule=rule,
        domain=domain,
        missing=column.missing,
        unexpected=inside if negated else f"NOT ({inside})",
        values=(column,),
        tables=found.tables,
    )


def _no_set(_: Column, __: Kwargs, ___: duckdb.DuckDBPyConnection) -> str:
    """Return the condition of a rule whose set is null, which every value meets."""
    return "false"


def _regex_test(*, negated: bool) -> ColumnTest:
    def test(column: Column, kwargs: Kwargs, connection: duckdb.DuckDBPyConnection) -> str:
        found = regex_search_sql(_text(column), kwargs["regex"], connection)
        return f"({found})" if negated else f"NOT ({found})"

    return test


def _regex_list_test(*, negated: bool) -> ColumnTest:
    def test(column: Column, kwargs: Kwargs, connection: duckdb.DuckDBPyConnection) -> str:
        found = [f"({regex_search_sql(_text(column), pattern, connection)})" for pattern in kwargs["regex_list"]]
        return _combined_patterns(found, kwargs, negated=negated)

    return test


def _like_test(*, negated: bool) -> ColumnTest:
    def test(column: Column, kwargs: Kwargs, _: duckdb.DuckDBPyConnection) -> str:
        patterns = kwargs.get("like_pattern_list") or [kwargs["like_pattern"]]
        escape = f" ESCAPE {text_literal(kwargs['escape'])}" if kwargs.get("escape") else ""
        found = [f"({_text(column)} LIKE {text_literal(pattern)}{escape})" for pattern in patterns]
        return _combined_patterns(found, kwargs, negated=negated)

    return test


def _combined_patterns(found: Sequence[str], kwargs: Kwargs, *, negated: bool) -> str:
    if negated:
        return f"({' OR '.join(found)})"
    return f"NOT ({(' AND ' if kwargs.get('match_on') == 'all' else ' OR ').join(found)})"


def _text(column: Column) -> str:
    if column.family is not Family.STRING:
        raise NotInScanError  # Great Expectations matches pandas' text of other types
    return column.sql


def _wrong_length(column: Column, kwargs: Kwargs, _: duckdb.DuckDBPyConnection) -> str:
    length = f"length({_text(column)})"
    if "value" in kwargs:
        return f"{length} <> {kwargs['value']}"
    low, high = bounds(kwargs)
    parts = []
    if low is not None:
        parts.append(f"{length} {'<=' if kwargs.get('strict_min') else '<'} {float(low)!r}")
    if high is not None:
        parts.append(f"{length} {'>=' if kwargs.get('strict_max') else '>'} {float(high)!r}")
    return f"({' OR '.join(parts)})"


def _not_multiple(column: Column, kwargs: Kwargs, _: duckdb.DuckDBPyConnection) -> str:
    if column.family is not Family.NUMBER:
        raise UnfitDataError(f"column {column.described}, not a number")
    return f"coalesce({not_multiple_sql(column, kwargs['divisor'])}, true)"


def _missing_or_listed(column: Column, kwargs: Kwargs, _: duckdb.DuckDBPyConnection) -> str:
    found = column.literals(kwargs["missing_values"])
    listed = f" OR {column.sql} IN ({', '.join(found)})" if found else ""
    return f"({column.missing}{listed})"


_V = "expect_column_values_to_"
_SET_RULES = (f"{_V}be_in_set", f"{_V}not_be_in_set")
_CONSIDERS_MISSING = {f"{_V}not_be_null", f"{_V}be_null", f"{_V}not_be_missing"}
_COLUMN_TESTS: dict[str, ColumnTest] = {
    f"{_V}not_be_null": _is_null,
    f"{_V}be_null": _is_not_null,
    f"{_V}be_between": _out_of_range,
    f"{_V}be_in_set": _no_set,
    f"{_V}not_be_in_set": _no_set,
    f"{_V}match_regex": _regex_test(negated=False),
    f"{_V}not_match_regex": _regex_test(negated=True),
    f"{_V}match_regex_list": _regex_list_test(negated=False),
    f"{_V}not_match_regex_list": _regex_list_test(negated=True),
    f"{_V}match_like_pattern": _like_test(negated=False),
    f"{_V}not_match_like_pattern": _like_test(negated=True),
    f"{_V}match_like_pattern_list": _like_test(negated=False),
    f"{_V}not_match_like_pattern_list": _like_test(negated=True),
    "expect_column_value_lengths_to_be_between": _wrong_length,
    "expect_column_value_lengths_to_equal": _wrong_length,
    f"{_V}be_multiple_of": _not_multiple,
    f"{_V}not_be_missing": _missing_or_listed,
}

# -- two columns --------------------------------------------------------------------------------------------------


def _comparable(a: Column, b: Column) -> tuple[str, str]:
    moments = {Family.DATE, Family.TIMESTAMP}
    same = a.family is b.family or {a.family, b.family} <= moments
    if not same or a.family is Family.OTHER:
        raise UnfitDataError(f"column {a.described} and column {b.described}, which do not compare")
    return a.value, b.value


def _not_greater(a: Column, b: Column, kwargs: Kwargs) -> str:
    left, right = _comparable(a, b)
    return f"NOT coalesce({left} {'>=' if kwargs.get('or_equal') else '>'} {right}, false)"


def _not_equal(a: Column, b: Column, _: Kwargs) -> str:
    left, right = _comparable(a, b)
    return f"NOT coalesce({left} = {right}, false)"


def _pair_not_in_set(a: Column, b: Column, kwargs: Kwargs) -> str:
    found = [pair for pair in (_pair(a, b, x, y) for x, y in kwargs["value_pairs_set"]) if pair]
    return f"NOT ({' OR '.join(found)})" if found else "true"


def _pair(a: Column, b: Column, x: Any, y: Any) -> str | None:
    sides = [(column, "NULL" if value is None else column.literal(value)) for column, value in ((a, x), (b, y))]
    if any(literal is None for _, literal in sides):
        return None
    return f"({' AND '.join(f'{column.value} IS NOT DISTINCT FROM {literal}' for column, literal in sides)})"


_PAIR_TESTS: dict[str, PairTest] = {
    "expect_column_pair_values_a_to_be_greater_than_b": _not_greater,
    "expect_column_pair_values_to_be_equal": _not_equal,
    "expect_column_pair_values_to_be_in_set": _pair_not_in_set,
}

# -- several columns ----------------------------------------------------------------------------------------------


def _wrong_sum(columns: Sequence[Column], kwargs: Kwargs) -> str:
    for column in columns:
        if column.family is not Family.NUMBER:
            raise UnfitDataError(f"column {column.described}, not a number")
    return wrong_sum_sql(columns, kwargs["sum_total"])


def _not_all_equal(columns: Sequence[Column], _: Kwargs) -> str:
    first, *others = _same_family(columns)
    same = [f"{first.value} IS NOT DISTINCT FROM {other.value}" for other in others]
    return f"NOT ({' AND '.join(same)})" if same else "false"


def _has_equal_columns(columns: Sequence[Column], _: Kwargs) -> str:
    pairs = combinations(_same_family(columns), 2)
    return f"({' OR '.join(f'{a.value} IS NOT DISTINCT FROM {b.value}' for a, b in pairs) or 'false'})"


def _same_family(columns: Sequence[Column]) -> Sequence[Column]:
    families = {column.family for column in columns}
    if len(families) > 1 or Family.OTHER in families:
        raise NotInScanError
    return columns


_MULTICOLUMN_TESTS: dict[str, MulticolumnTest] = {
    "expect_multicolumn_sum_to_equal": _wrong_sum,
    "expect_multicolumn_values_to_be_equal": _not_all_equal,
    "expect_select_column_values_to_be_unique_within_record": _has_equal_columns,
}
