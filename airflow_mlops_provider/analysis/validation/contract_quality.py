"""Quality rules of data contracts: library metrics, SQL with an operator, and Great Expectations' own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from airflow_mlops_provider.analysis.validation.custom_sql import BATCH, check_query, condition_of
from airflow_mlops_provider.analysis.validation.suites import rule_of_expectation
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import encode
from airflow_mlops_provider.records.rules import Limits, Rule, Tolerance, Unit

_KEYS = {
    *("authoritativeDefinitions", "businessImpact", "customProperties", "description", "dimension", "method", "name"),
    *("schedule", "scheduler", "severity", "tags", "type", "unit", "metric", "rule", "arguments", "query", "engine"),
    *("implementation", "validValues", "id"),
}
_OPERATORS = {
    "mustBe": lambda v: Limits(min_value=v, max_value=v),
    "mustNotBe": lambda v: Limits(min_value=v, max_value=v, excluded=True),
    "mustBeGreaterThan": lambda v: Limits(min_value=v, strict_min=True),
    "mustBeGreaterOrEqualTo": lambda v: Limits(min_value=v),
    "mustBeGreaterThanOrEqualTo": lambda v: Limits(min_value=v),
    "mustBeLessThan": lambda v: Limits(max_value=v, strict_max=True),
    "mustBeLessOrEqualTo": lambda v: Limits(max_value=v),
    "mustBeLessThanOrEqualTo": lambda v: Limits(max_value=v),
}
_PAIR_OPERATORS = {
    "mustBeBetween": lambda low, high: Limits(min_value=low, max_value=high),
    "mustNotBeBetween": lambda low, high: Limits(min_value=low, max_value=high, excluded=True),
}
# Names of version 3.0, which had `rule` where `metric` is now.
_OLDER_METRICS = {"nullCheck": "nullValues", "duplicateCount": "duplicateValues", "validValues": "invalidValues"}


def quality_rule(quality: Any, *, source: str, column: str | None, tables: Sequence[str]) -> Rule | None:
    """One entry of ``quality`` as a rule, or ``None`` for one that nothing here can check.

    :param quality: the entry as parsed YAML.
    :param source: where it stands, for messages.
    :param column: the property's column; ``None`` for a rule of the whole object.
    :param tables: the object's names, under which SQL knows the batch.
    :raises BadInputError: when a key or value is wrong, naming it.
    """
    if not isinstance(quality, Mapping):
        raise BadInputError(f"{source} must be a mapping, not {type(quality).__name__}")
    unknown = sorted(set(map(str, quality)) - _KEYS - set(_OPERATORS) - set(_PAIR_OPERATORS))
    if unknown:
        raise BadInputError(f"{source}: unknown key {unknown[0]!r}")
    kind = quality.get("type", "library")
    if kind == "text":
        return None
    if kind == "library":
        return _library_rule(quality, source, column)
    if kind == "sql":
        return _sql_rule(quality, source, column, tables)
    if kind == "custom":
        return _custom_rule(quality, source, column)
    raise BadInputError(f"{source}: type {kind!r} is not one of library, sql, custom, text")


def _limits(quality: Mapping[str, Any], source: str, *, default: Limits | None = None) -> Limits:
    given = [key for key in (*_OPERATORS, *_PAIR_OPERATORS) if key in quality]
    if not given and default is not None:
        return default
    if len(given) != 1:
        raise BadInputError(f"{source} must have one operator such as mustBe, not {', '.join(given) or 'none'}")
    key, value = given[0], quality[given[0]]
    values = list(value) if key in _PAIR_OPERATORS and isinstance(value, list | tuple) else [value]
    if any(isinstance(item, bool) for item in values) and kind_is_sql(quality):
        values = [int(item) for item in values]
    numbers = all(isinstance(item, int | float) and not isinstance(item, bool) for item in values)
    if not numbers or len(values) != (2 if key in _PAIR_OPERATORS else 1):
        raise BadInputError(
            f"{source}: {key} is {value!r}, not {'two numbers' if key in _PAIR_OPERATORS else 'a number'}"
        )
    if key in _PAIR_OPERATORS:
        return _PAIR_OPERATORS[key](*map(float, values))
    return _OPERATORS[key](float(values[0]))


def kind_is_sql(quality: Mapping[str, Any]) -> bool:
    """Whether a query gives the value; it may give true or false."""
    return quality.get("type") == "sql"


def _tolerance(quality: Mapping[str, Any], source: str, *, default: Limits | None = None) -> Tolerance:
    unit = quality.get("unit", "rows")
    if unit not in ("rows", "percent"):
        raise BadInputError(f"{source}: unit {unit!r} is not rows or percent")
    return Tolerance(limits=_limits(quality, source, default=default), unit=Unit(unit))


def _library_rule(quality: Mapping[str, Any], source: str, column: str | None) -> Rule:
    metric = quality.get("metric") or quality.get("rule")
    metric = _OLDER_METRICS.get(str(metric), metric)
    arguments = {**_mapping(quality, "arguments", source)}
    if "validValues" in quality:
        arguments.setdefault("validValues", quality["validValues"])
    if metric == "rowCount":
        return _row_count_rule(_limits(quality, source), source)
    none = Limits(min_value=0, max_value=0)
    tolerance = _tolerance(quality, source, default=none if quality.get("rule") == "validValues" else None)
    kind, kwargs = _metric(str(metric), arguments, source, column)
    return Rule(type=kind, kwargs=kwargs, source=source, tolerance=tolerance)


def _row_count_rule(limits: Limits, source: str) -> Rule:
    bounds = encode(limits)
    if limits.excluded:
        kwargs = {"query": f"SELECT count(*) FROM {BATCH}", "limits": bounds}
        return Rule(type="expect_query_value_to_be_within", kwargs=kwargs, source=source)
    bounds.pop("excluded")
    return Rule(type="expect_table_row_count_to_be_between", kwargs=bounds, source=source)


def _metric(metric: str, arguments: Mapping[str, Any], source: str, column: str | None) -> tuple[str, dict[str, Any]]:
    if metric == "duplicateValues" and column is None:
        return "expect_compound_columns_to_be_unique", {"column_list": _argument(arguments, "properties", source)}
    if metric not in ("nullValues", "missingValues", "invalidValues", "duplicateValues"):
        known = "nullValues, missingValues, invalidValues, duplicateValues, rowCount"
        raise BadInputError(f"{source}: metric {metric!r} is not one of {known}")
    if column is None:
        raise BadInputError(f"{source}: metric {metric} belongs to a property")
    if metric == "nullValues":
        return "expect_column_values_to_not_be_null", {"column": column}
    if metric == "duplicateValues":
        return "expect_column_values_to_be_unique", {"column": column}
    if metric == "missingValues":
        listed = _argument(arguments, "missingValues", source)
        return "expect_column_values_to_not_be_missing", {"column": column, "missing_values": listed}
    if "pattern" in arguments:
        return "expect_column_values_to_match_regex", {"column": column, "regex": arguments["pattern"]}
    return "expect_column_values_to_be_in_set", {
        "column": column,
        "value_set": _argument(arguments, "validValues", source),
    }


def _argument(arguments: Mapping[str, Any], key: str, source: str) -> list[Any]:
    found = arguments.get(key)
    if not isinstance(found, list) or not found:
        raise BadInputError(f"{source}: arguments must have a list {key!r}")
    return found


def _sql_rule(quality: Mapping[str, Any], source: str, column: str | None, tables: Sequence[str]) -> Rule:
    query = quality.get("query")
    if not isinstance(query, str):
        raise BadInputError(f"{source}: a sql rule must have a 'query'")
    for mark, value in (("object", BATCH), ("table", BATCH), ("property", column), ("column", column)):
        if value is not None:
            quoted = value if value == BATCH else '"' + value.replace('"', '""') + '"'
            query = query.replace(f"${{{mark}}}", quoted).replace(f"{{{mark}}}", quoted)
    for name in tables:
        query = re.sub(
            rf'\b(FROM|JOIN)\s+(?:"{re.escape(name)}"|{re.escape(name)}\b)', rf"\1 {BATCH}", query, flags=re.I
        )
    check_query(query, source)
    limits, condition = _limits(quality, source), condition_of(query)
    counts = re.match(r"\s*SELECT\s+COUNT\b", query, re.IGNORECASE) is not None
    if condition is not None and counts and limits.is_ceiling:
        kwargs = {"unexpected_rows_query": f"SELECT * FROM {BATCH} WHERE {condition}"}  # the contract's own
        return Rule(
            type="unexpected_rows_expectation", kwargs=kwargs, source=source, tolerance=_tolerance(quality, source)
        )
    kwargs = {"query": query, "limits": encode(limits)}
    return Rule(type="expect_query_value_to_be_within", kwargs=kwargs, source=source)


def _custom_rule(quality: Mapping[str, Any], source: str, column: str | None) -> Rule | None:
    if re.sub(r"[^a-z]", "", str(quality.get("engine", "")).lower()) not in ("greatexpectations", "gx"):
        return None
    body = quality.get("implementation")
    if isinstance(body, str):
        try:
            body = yaml.safe_load(body)
        except yaml.YAMLError as error:
            raise BadInputError(f"{source}: implementation is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(body, Mapping):
        raise BadInputError(f"{source}: implementation must be an expectation with 'type' and 'kwargs'")
    kwargs = {_snake(str(key)): value for key, value in _mapping(body, "kwargs", source).items()}
    kind = body.get("type") or body.get("expectation_type")
    about_column = isinstance(kind, str) and kind.startswith("expect_column_")
    if column is not None and about_column and not {"column", "column_A", "column_list"} & set(kwargs):
        kwargs["column"] = column
    return rule_of_expectation({"type": kind, "kwargs": kwargs}, source)


def _mapping(entry: Mapping[str, Any], key: str, source: str) -> Mapping[str, Any]:
    found = entry.get(key) or {}
    if not isinstance(found, Mapping):
        raise BadInputError(f"{source}: {key!r} must be a mapping, not {type(found).__name__}")
    return found


def _snake(key: str) -> str:
    """``minValue``, as the standard's own example spells it, to ``min_value``."""
    return key if key in ("column_A", "column_B") else re.sub(r"(?<=[a-z])([A-Z])", r"_\1", key).lower()
