"""Quality rules of data contracts: library metrics, SQL with an operator, and expectations of Great Expectations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import yaml

from airflow_mlops_provider.analysis.validation.contract_names import ContractNames
from airflow_mlops_provider.analysis.validation.contract_operators import (
    OPERATORS,
    operator_limits,
    operator_tolerances,
)
from airflow_mlops_provider.analysis.validation.contract_sql import query_rule, sql_rules
from airflow_mlops_provider.analysis.validation.custom_sql import BATCH
from airflow_mlops_provider.analysis.validation.rule_severity import severity_of
from airflow_mlops_provider.analysis.validation.suites import rule_of_expectation
from airflow_mlops_provider.exceptions import BadInputError, one_line
from airflow_mlops_provider.records.codec import encode
from airflow_mlops_provider.records.rules import Limits, Rule

_KEYS = {
    *("authoritativeDefinitions", "businessImpact", "customProperties", "description", "dimension", "method", "name"),
    *("schedule", "scheduler", "severity", "tags", "type", "unit", "metric", "rule", "arguments", "query", "engine"),
    *("implementation", "validValues", "pattern", "id", "scheduleCronExpression"),
}
# Names of version 3.0 of the standard, which had `rule` instead of `metric`, and required no operator.
_OLDER_METRICS = {
    "nullCheck": "nullValues",
    "duplicateCount": "duplicateValues",
    "duplicateCheck": "duplicateValues",
    "uniqueCheck": "duplicateValues",
    "validValues": "invalidValues",
    "countCheck": "rowCount",
}
_OLDER_RANGES = {"between": ("min", "max"), "minCheck": ("min",), "maxCheck": ("max",)}
_NONE = Limits(min_value=0, max_value=0)


def quality_rules(quality: Any, *, source: str, column: str | None, names: ContractNames) -> tuple[Rule, ...]:
    """Read one entry of ``quality`` as rules, all of which must hold.

    :param quality: the entry as parsed YAML.
    :param source: place of the entry, for messages.
    :param column: column of the property; ``None`` for an entry of the whole object.
    :param names: names of the object and its properties.
    :returns: empty for an entry that cannot be checked.
    :raises BadInputError: when a key or value is wrong; names it.
    """
    if not isinstance(quality, Mapping):
        raise BadInputError(f"{source} must be a mapping, not {type(quality).__name__}")
    unknown = sorted(set(map(str, quality)) - _KEYS - set(OPERATORS))
    if unknown:
        raise BadInputError(f"{source}: unknown key {unknown[0]!r}")
    severity = severity_of(quality.get("severity"), source)
    rules = _rules(quality, source, column, names)
    return tuple(replace(rule, severity=severity) for rule in rules)


def _rules(quality: Mapping[str, Any], source: str, column: str | None, names: ContractNames) -> tuple[Rule, ...]:
    kind = quality.get("type", "library")
    if kind == "text":
        return ()
    if kind == "library":
        return _library_rules(quality, source, column, names)
    if kind == "sql":
        return sql_rules(quality, source, column, names)
    if kind == "custom":
        return _custom_rules(quality, source, column, names)
    raise BadInputError(f"{source}: type {kind!r} is not one of library, sql, custom, text")


def _library_rules(
    quality: Mapping[str, Any], source: str, column: str | None, names: ContractNames
) -> tuple[Rule, ...]:
    older = "metric" not in quality
    metric = str(quality.get("rule") if older else quality["metric"])
    arguments = {**_mapping(quality, "arguments", source)}
    for key in ("validValues", "pattern"):
        if key in quality:
            arguments.setdefault(key, quality[key])
    metric = _OLDER_METRICS.get(metric, metric)
    if metric == "rowCount":
        return _row_count_rules(quality, source, older=older)
    tolerances = operator_tolerances(quality, source, default=_NONE if older else None)
    if older and metric in _OLDER_RANGES:
        kind, kwargs = _range(metric, quality, source, column)
    else:
        kind, kwargs = _metric(metric, arguments, source, column, names)
    return tuple(Rule(type=kind, kwargs=kwargs, source=source, tolerance=tolerance) for tolerance in tolerances)


def _row_count_rules(quality: Mapping[str, Any], source: str, *, older: bool) -> tuple[Rule, ...]:
    if older and not any(key in quality for key in OPERATORS):
        return ()  # as in an example of the standard, which has no range
    return tuple(_row_count_rule(limits, source) for limits in operator_limits(quality, source))


def _row_count_rule(limits: Limits, source: str) -> Rule:
    bounds = encode(limits)
    if limits.excluded:
        return query_rule(f"SELECT count(*) FROM {BATCH}", bounds, source)
    bounds.pop("excluded")
    return Rule(type="expect_table_row_count_to_be_between", kwargs=bounds, source=source)


def _range(metric: str, quality: Mapping[str, Any], source: str, column: str | None) -> tuple[str, dict[str, Any]]:
    """Read a range of version 3.0, whose bounds are custom properties."""
    if column is None:
        raise BadInputError(f"{source}: rule {metric} belongs to a property")
    entries = quality.get("customProperties") or ()
    custom = {entry.get("property"): entry.get("value") for entry in entries if isinstance(entry, Mapping)}
    wanted = _OLDER_RANGES[metric]
    for key in wanted:
        if custom.get(key) is None:
            raise BadInputError(f"{source}: rule {metric} needs the custom property {key!r}")
    return "expect_column_values_to_be_between", {
        "column": column,
        **{f"{key}_value": str(custom[key]) if hasattr(custom[key], "isoformat") else custom[key] for key in wanted},
    }


def _metric(
    metric: str, arguments: Mapping[str, Any], source: str, column: str | None, names: ContractNames
) -> tuple[str, dict[str, Any]]:
    if metric == "duplicateValues" and column is None:
        listed = [names.column(str(name)) for name in _argument(arguments, "properties", source)]
        return "expect_compound_columns_to_be_unique", {"column_list": listed}
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


def _custom_rules(
    quality: Mapping[str, Any], source: str, column: str | None, names: ContractNames
) -> tuple[Rule, ...]:
    if re.sub(r"[^a-z]", "", str(quality.get("engine", "")).lower()) not in ("greatexpectations", "gx"):
        return ()
    body = quality.get("implementation")
    if isinstance(body, str):
        try:
            body = yaml.safe_load(body)
        except yaml.YAMLError as error:
            raise BadInputError(f"{source}: implementation is not YAML: {one_line(error)}") from error
    if not isinstance(body, Mapping):
        raise BadInputError(f"{source}: implementation must be an expectation with 'type' and 'kwargs'")
    kwargs = {_snake(str(key)): value for key, value in _mapping(body, "kwargs", source).items()}
    kind = body.get("type") or body.get("expectation_type")
    about_column = isinstance(kind, str) and kind.startswith("expect_column_")
    if column is not None and about_column and not {"column", "column_A", "column_list"} & set(kwargs):
        kwargs["column"] = column
    return (rule_of_expectation({"type": kind, "kwargs": names.in_arguments(kwargs)}, source),)


def _mapping(entry: Mapping[str, Any], key: str, source: str) -> Mapping[str, Any]:
    found = entry.get(key) or {}
    if not isinstance(found, Mapping):
        raise BadInputError(f"{source}: {key!r} must be a mapping, not {type(found).__name__}")
    return found


def _snake(key: str) -> str:
    """Return ``minValue``, as in an example of the standard, as ``min_value``."""
    return key if key in ("column_A", "column_B") else re.sub(r"(?<=[a-z])([A-Z])", r"_\1", key).lower()
