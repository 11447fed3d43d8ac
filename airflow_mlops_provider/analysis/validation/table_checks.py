"""Table rules as aggregates of the scan, with the meaning that Great Expectations has on pandas."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Collection, Mapping
from fractions import Fraction
from typing import Any

from airflow_mlops_provider.analysis.pandas_index import is_pandas_index
from airflow_mlops_provider.analysis.validation.arithmetic import (
    as_fraction,
    relative_tolerance,
    snapped_to_bound,
    sum_aggregates,
    sum_from_aggregates,
)
from airflow_mlops_provider.analysis.validation.expectation_arguments import bounds
from airflow_mlops_provider.analysis.validation.json_values import json_value
from airflow_mlops_provider.analysis.validation.row_conditions import row_condition
from airflow_mlops_provider.analysis.validation.sql_checks import Conclusion, NotInScanError, TableCheck, UnfitDataError
from airflow_mlops_provider.analysis.validation.sql_columns import Column, Family, count_where, in_utc, parse_datetime
from airflow_mlops_provider.analysis.validation.type_names import (
    field_type,
    has_logical_type,
    has_one_of_type_names,
    is_logical_type,
)
from airflow_mlops_provider.analysis.validation.value_sets import value_set
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.rules import Rule

_SHOWN_VALUES = 20
_CLOCK_SLACK_HOURS = 24.0

Columns = Mapping[str, Column]


def table_check(rule: Rule, columns: Columns, *, now: dt.datetime) -> TableCheck | None:
    """Return a table rule as aggregates; ``None`` when it is not a table rule of the scan.

    :param rule: the rule.
    :param columns: columns of the batch by name, in order.
    :param now: the time of the check, with time zone, for freshness.
    :raises NotInScanError: when SQL would have another meaning than Great Expectations.
    :raises UnfitDataError: when the rule cannot be evaluated on columns of these types.
    :raises BadInputError: when an argument is invalid; names the rule.
    """
    if rule.type in SCHEMA_RULES:
        return TableCheck(rule=rule, aggregates={}, conclude=SCHEMA_RULES[rule.type](rule, columns))
    domain = row_condition(rule.kwargs.get("row_condition"), columns) or "true"
    if rule.type in ("expect_table_row_count_to_be_between", "expect_table_row_count_to_equal"):
        return TableCheck(rule=rule, aggregates={"rows": count_where(domain)}, conclude=_row_count(rule.kwargs))
    if rule.type == "expect_column_to_be_fresh":
        return _freshness(rule, columns[rule.kwargs["column"]], domain, now)
    if rule.type in _STATISTICS:
        return _STATISTICS[rule.type](rule, columns[rule.kwargs["column"]], domain)
    return None


# -- the shape of the table ---------------------------------------------------------------------------------------

Conclude = Callable[[Mapping[str, Any]], Conclusion]


def _constant(success: bool, **result: Any) -> Conclude:
    observed = result.get("observed_value")
    number = float(observed) if isinstance(observed, int) and not isinstance(observed, bool) else None
    return lambda _: Conclusion(success=success, result=json_value(result), observed=number)


def _data_columns(columns: Columns, wanted: Collection[str] = ()) -> list[str]:
    """Return the columns, without row labels of a pandas frame that the rule does not name."""
    return [name for name in columns if name in wanted or not is_pandas_index(name)]


def _column_to_exist(rule: Rule, columns: Columns) -> Conclude:
    names, column, index = (
        _data_columns(columns, [rule.kwargs["column"]]),
        rule.kwargs["column"],
        rule.kwargs.get("column_index"),
    )
    if not index:  # Great Expectations does not check position 0 either
        return _constant(column in names)
    return _constant(index < len(names) and names[index] == column)


def _column_count(rule: Rule, columns: Columns) -> Conclude:
    low, high = (rule.kwargs["value"],) * 2 if "value" in rule.kwargs else bounds(rule.kwargs)
    count = len(_data_columns(columns))
    return _constant((low is None or count >= low) and (high is None or count <= high), observed_value=count)


def _columns_in_set(rule: Rule, columns: Columns) -> Conclude:
    wanted = set(rule.kwargs["column_set"])
    names = _data_columns(columns, wanted)
    unexpected, missing = sorted(set(names) - wanted), sorted(wanted - set(names))
    as_fraction = rule.kwargs.get("exact_match", True)
    as_fraction = True if as_fraction is None else as_fraction
    mismatched = {"unexpected": unexpected, "missing": missing}
    details = {"mismatched": {key: value for key, value in mismatched.items() if value}}
    return _constant(not missing and not (as_fraction and unexpected), observed_value=names, details=details)


def _columns_in_order(rule: Rule, columns: Columns) -> Conclude:
    wanted = list(rule.kwargs["column_list"])
    names = _data_columns(columns, wanted)
    size = max(len(names), len(wanted))
    pairs = zip(wanted + [None] * (size - len(wanted)), names + [None] * (size - len(names)), strict=True)
    mismatched = [
        {"Expected Column Position": position, "Expected": expected, "Found": found}
        for position, (expected, found) in enumerate(pairs)
        if expected != found
    ]
    return _constant(not mismatched, observed_value=names, details={"mismatched": mismatched})


def _of_type(rule: Rule, columns: Columns) -> Conclude:
    column = columns[rule.kwargs["column"]]
    wanted = rule.kwargs.get("type_list") or [rule.kwargs["type_"]]
    try:
        fits = has_one_of_type_names(column, wanted)
    except TypeError as error:
        raise BadInputError(f"{rule.source}: {rule.type}: {error}") from error
    return _constant(fits, observed_value=str(column.type))


def _logical_type(rule: Rule, columns: Columns) -> Conclude:
    column = columns[rule.kwargs["column"]]
    return _constant(has_logical_type(column, rule.kwargs["logical_type"]), observed_value=str(column.type))


def _field(rule: Rule, columns: Columns) -> Conclude:
    column, path, wanted = columns[rule.kwargs["column"]], rule.kwargs["path"], rule.kwargs.get("field_type")
    kind = field_type(column.type, path)
    if kind is None:
        raise UnfitDataError(f"column {column.described}, which has no field {path!r}")
    return _constant(wanted is None or is_logical_type(kind, wanted), observed_value=str(kind))


SCHEMA_RULES: dict[str, Callable[[Rule, Columns], Conclude]] = {
    "expect_column_to_exist": _column_to_exist,
    "expect_table_column_count_to_be_between": _column_count,
    "expect_table_column_count_to_equal": _column_count,
    "expect_table_columns_to_match_set": _columns_in_set,
    "expect_table_columns_to_match_ordered_list": _columns_in_order,
    "expect_column_values_to_be_of_type": _of_type,
    "expect_column_values_to_be_in_type_list": _of_type,
    "expect_column_logical_type_to_be": _logical_type,
    "expect_column_to_have_field": _field,
}

# -- counts, statistics and sets ----------------------------------------------------------------------------------


def within(observed: Any, kwargs: Mapping[str, Any]) -> bool:
    """Return whether an observed number, text or time is within the bounds of a range rule; NaN and infinity are not.

    :param observed: the observed value.
    :param kwargs: arguments of the rule.
    """
    if observed is None or (isinstance(observed, float) and not math.isfinite(observed)):
        return False
    low, high = bounds(kwargs)
    above = low is None or (observed > low if kwargs.get("strict_min") else observed >= low)
    below = high is None or (observed < high if kwargs.get("strict_max") else observed <= high)
    return bool(above and below)


def conclude_row_count(rule: Rule, rows: int) -> Conclusion:
    """Return what a number of rows means for a rule on it."""
    return _row_count(rule.kwargs)({"rows": rows})


def _row_count(kwargs: Mapping[str, Any]) -> Conclude:
    limits = {"min_value": kwargs["value"], "max_value": kwargs["value"]} if "value" in kwargs else kwargs

    def conclude(values: Mapping[str, Any]) -> Conclusion:
        rows = values["rows"]
        return Conclusion(success=within(rows, limits), result={"observed_value": rows}, observed=float(rows))

    return conclude


def _number_statistic(aggregate: str) -> Callable[[Rule, Column, str], TableCheck]:
    def check(rule: Rule, column: Column, domain: str) -> TableCheck:
        if column.family not in (Family.NUMBER, Family.BOOLEAN):
            raise UnfitDataError(f"column {column.described}, not a number")
        finite = f" AND NOT {column.infinite}" if column.infinite else ""
        aggregates = {
            "value": f"{aggregate.format(column.number)} FILTER (WHERE {domain}{finite})",
            "infinite": count_where(f"{domain} AND {column.infinite}") if column.infinite else "0",
        }
        return TableCheck(rule=rule, aggregates=aggregates, conclude=_statistic_conclusion(rule, column))

    return check


def _total_statistic(*, mean: bool) -> Callable[[Rule, Column, str], TableCheck]:
    """Return the check of a sum or a mean, which is exact for whole numbers and decimals."""

    def check(rule: Rule, column: Column, domain: str) -> TableCheck:
        if column.family not in (Family.NUMBER, Family.BOOLEAN):
            raise UnfitDataError(f"column {column.described}, not a number")
        finite = f" AND NOT {column.infinite}" if column.infinite else ""
        here = f"{domain} AND NOT {column.missing}{finite}"
        aggregates = {**sum_aggregates(column, here), "rows": count_where(here)}
        aggregates["infinite"] = count_where(f"{domain} AND {column.infinite}") if column.infinite else "0"

        def conclude(values: Mapping[str, Any]) -> Conclusion:
            if values["infinite"]:
                return _no_statistic(column, values["infinite"])
            found, share = sum_from_aggregates(values), relative_tolerance(column)
            if found is None:
                return _range_conclusion(None, rule.kwargs)
            rows = values["rows"] if mean else 1
            return _total_conclusion(found / rows, rule.kwargs, allowed=share * (values.get("size") or 0.0) / rows)

        return TableCheck(rule=rule, aggregates=aggregates, conclude=conclude)

    return check


def _total_conclusion(observed: Fraction, kwargs: Mapping[str, Any], *, allowed: float) -> Conclusion:
    limits = dict(kwargs)
    for key in ("min_value", "max_value"):
        if kwargs.get(key) is not None:
            observed = snapped_to_bound(observed, kwargs[key], allowed)
            limits[key] = as_fraction(kwargs[key])
    success, number = within(observed, limits), float(observed)
    return Conclusion(success=success, result={"observed_value": number}, observed=number)


def _no_statistic(column: Column, infinite: int) -> Conclusion:
    problem = f"column {column.name!r} holds {infinite} infinite value(s)"
    return Conclusion(success=False, result={"observed_value": None}, problem=problem)


def _statistic_conclusion(rule: Rule, column: Column) -> Conclude:
    def conclude(values: Mapping[str, Any]) -> Conclusion:
        if values["infinite"]:
            return _no_statistic(column, values["infinite"])
        observed = None if values["value"] is None else float(values["value"])
        return _range_conclusion(observed, rule.kwargs)

    return conclude


def _range_conclusion(
    observed: Any, kwargs: Mapping[str, Any], *, limits: Mapping[str, Any] | None = None
) -> Conclusion:
    success = within(observed, kwargs if limits is None else limits)
    number = float(observed) if isinstance(observed, int | float) and math.isfinite(observed) else None
    return Conclusion(success=success, result={"observed_value": json_value(observed)}, observed=number)


def _extreme(function: str) -> Callable[[Rule, Column, str], TableCheck]:
    def check(rule: Rule, column: Column, domain: str) -> TableCheck:
        limits = dict(rule.kwargs)
        for key in ("min_value", "max_value"):
            limits[key] = _comparable_bound(column, rule.kwargs.get(key))
        aggregates = {"value": f"{function}({column.value}) FILTER (WHERE {domain})"}

        def conclude(values: Mapping[str, Any]) -> Conclusion:
            return _range_conclusion(_comparable_value(values["value"]), rule.kwargs, limits=limits)

        return TableCheck(rule=rule, aggregates=aggregates, conclude=conclude)

    return check


def _comparable_bound(column: Column, bound: Any) -> Any:
    if bound is None:
        return None
    if column.family is Family.OTHER or column.literal(bound) is None:
        raise UnfitDataError(f"column {column.described}, which does not compare with {bound!r}")
    if column.family is Family.TIME:
        return dt.time.fromisoformat(bound)
    return _comparable_value(parse_datetime(bound)) if column.family in (Family.DATE, Family.TIMESTAMP) else bound


def _comparable_value(value: Any) -> Any:
    """Return dates and times as datetimes in UTC without a time zone, and other values as they are."""
    moment = parse_datetime(value) if isinstance(value, dt.date) else None
    if moment is None:
        return value
    return in_utc(moment)


def _count_statistic(kind: str) -> Callable[[Rule, Column, str], TableCheck]:
    def check(rule: Rule, column: Column, domain: str) -> TableCheck:
        aggregates = {
            "rows": count_where(domain),
            "present": count_where(f"{domain} AND NOT {column.missing}"),
        }
        if kind != "non_null":
            aggregates["distinct"] = f"count(DISTINCT {column.value}) FILTER (WHERE {domain})"

        def conclude(values: Mapping[str, Any]) -> Conclusion:
            return _range_conclusion(_counted(kind, values), rule.kwargs)

        return TableCheck(rule=rule, aggregates=aggregates, conclude=conclude)

    return check


def _counted(kind: str, values: Mapping[str, Any]) -> float:
    if kind == "distinct":
        return int(values["distinct"])
    if kind == "unique_share":
        return values["distinct"] / values["present"] if values["present"] else 0
    return values["present"] / values["rows"] if values["rows"] else 0


def _distinct(relation: str) -> Callable[[Rule, Column, str], TableCheck]:
    def check(rule: Rule, column: Column, domain: str) -> TableCheck:
        wanted = rule.kwargs.get("value_set")
        if column.family is Family.OTHER or wanted is None:
            raise NotInScanError
        found = value_set(column, wanted)
        inside = f"{column.value} IN ({found.sql})" if found.size else "false"
        here = f"{domain} AND NOT {column.missing}"
        aggregates = {
            "outside": f"count(DISTINCT {column.value}) FILTER (WHERE {here} AND NOT ({inside}))",
            "inside": f"count(DISTINCT {column.value}) FILTER (WHERE {here} AND {inside})",
            "examples": f"list_sort(list(DISTINCT {column.value}) FILTER (WHERE {here}))[:{_SHOWN_VALUES}]",
        }
        # Wanted values of another type than the column's count, although no row can have them.
        others = {repr(value) for value in wanted if value is not None and column.literal(value) is None}
        conclude = _distinct_conclusion(relation, len(others) + found.size)
        return TableCheck(rule=rule, aggregates=aggregates, conclude=conclude, tables=found.tables)

    return check


def _distinct_conclusion(relation: str, size: int) -> Conclude:
    def conclude(values: Mapping[str, Any]) -> Conclusion:
        nothing_else, everything = values["outside"] == 0, values["inside"] == size
        success = {"be_in_set": nothing_else, "contain_set": everything, "equal_set": nothing_else and everything}
        result = {"observed_value": json_value(values["examples"] or []), "unexpected_count": values["outside"]}
        observed = size - values["inside"] if relation == "contain_set" else values["outside"]
        return Conclusion(success=success[relation], result=result, observed=float(observed))

    return conclude


def _freshness(rule: Rule, column: Column, domain: str, now: dt.datetime) -> TableCheck:
    if column.family not in (Family.DATE, Family.TIMESTAMP):
        raise UnfitDataError(f"column {column.described}, not a date or a timestamp")
    as_of = _comparable_value(parse_datetime(rule.kwargs["as_of"]) if rule.kwargs.get("as_of") else now)
    if as_of is None:
        raise BadInputError(f"{rule.source}: {rule.type}: as_of {rule.kwargs['as_of']!r} is not ISO 8601")

    def conclude(values: Mapping[str, Any]) -> Conclusion:
        newest = _comparable_value(values["value"])
        if newest is None:
            return Conclusion(success=False, result={"observed_value": None})
        age = (as_of - newest) / dt.timedelta(hours=1)
        # Clocks and time zones may differ by hours. A newest row further in the future does not show freshness.
        success = -_CLOCK_SLACK_HOURS <= age <= rule.kwargs["max_age_hours"]
        result = {"observed_value": newest.isoformat(), "details": {"age_hours": age, "as_of": as_of.isoformat()}}
        return Conclusion(success=success, result=result, observed=age)

    return TableCheck(rule=rule, aggregates={"value": f"max({column.sql}) FILTER (WHERE {domain})"}, conclude=conclude)


_C = "expect_column_"
_STATISTICS: dict[str, Callable[[Rule, Column, str], TableCheck]] = {
    f"{_C}min_to_be_between": _extreme("min"),
    f"{_C}max_to_be_between": _extreme("max"),
    f"{_C}mean_to_be_between": _total_statistic(mean=True),
    f"{_C}sum_to_be_between": _total_statistic(mean=False),
    f"{_C}median_to_be_between": _number_statistic("median({}::DOUBLE)"),
    f"{_C}stdev_to_be_between": _number_statistic("stddev_samp({}::DOUBLE)"),
    f"{_C}unique_value_count_to_be_between": _count_statistic("distinct"),
    f"{_C}proportion_of_unique_values_to_be_between": _count_statistic("unique_share"),
    f"{_C}proportion_of_non_null_values_to_be_between": _count_statistic("non_null"),
    f"{_C}distinct_values_to_be_in_set": _distinct("be_in_set"),
    f"{_C}distinct_values_to_contain_set": _distinct("contain_set"),
    f"{_C}distinct_values_to_equal_set": _distinct("equal_set"),
}
