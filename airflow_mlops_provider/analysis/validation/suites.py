"""Read Great Expectations suites from the JSON that Great Expectations writes, in its current and older form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_mlops_provider.analysis.validation.custom_sql import check_condition, check_query
from airflow_mlops_provider.analysis.validation.expectation_arguments import check_arguments
from airflow_mlops_provider.analysis.validation.rule_severity import severity_of
from airflow_mlops_provider.analysis.validation.suite_parameters import parameters_of, substitute_parameters
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.rules import Rule

_TYPE_KEYS = ("type", "expectation_type")
_SUITE_KEYS = {
    *("name", "expectation_suite_name", "expectations", "meta", "notes", "id", "ge_cloud_id"),
    *("data_asset_type", "evaluation_parameters", "suite_parameters"),
}
_EXPECTATION_KEYS = {
    *("type", "expectation_type", "kwargs", "meta", "id", "ge_cloud_id", "notes", "description", "severity"),
    *("rendered_content", "expectation_context", "windows", "success_on_last_run"),
}


def suite_name(suite: Mapping[str, Any]) -> str:
    """Return the suite's name; ``suite`` when it has none."""
    return str(suite.get("name") or suite.get("expectation_suite_name") or "suite")


def rules_of_suite(suite: Any) -> tuple[Rule, ...]:
    """Read the rules of a suite, in order.

    :param suite: the suite as parsed JSON.
    :raises BadInputError: when it is not a suite, has no expectations, or an argument is wrong; names the expectation.
    """
    if not isinstance(suite, Mapping):
        raise BadInputError(f"suite must be a JSON object, not {type(suite).__name__}")
    unknown = sorted(set(map(str, suite)) - _SUITE_KEYS)
    if unknown:
        raise BadInputError(f"suite: unknown key {unknown[0]!r}; known keys are {', '.join(sorted(_SUITE_KEYS))}")
    name, expectations = suite_name(suite), suite.get("expectations")
    if not isinstance(expectations, list | tuple) or not expectations:
        raise BadInputError(f"suite {name}: 'expectations' must be a list with at least one expectation")
    parameters = parameters_of(suite, name)
    return tuple(
        rule_of_expectation(expectation, f"suite {name}, expectation {number}", parameters)
        for number, expectation in enumerate(expectations, start=1)
    )


def rule_of_expectation(expectation: Any, source: str, parameters: Mapping[str, Any] | None = None) -> Rule:
    """Read one expectation as a rule.

    :param expectation: a mapping such as ``{"type": ..., "kwargs": {...}}``.
    :param source: place of the expectation, for messages.
    :param parameters: values of the suite's parameters, by name.
    :raises BadInputError: when a key or an argument is wrong; names it and ``source``.
    """
    if not isinstance(expectation, Mapping):
        raise BadInputError(f"{source} must be a JSON object, not {type(expectation).__name__}")
    kinds = [expectation[key] for key in _TYPE_KEYS if key in expectation]
    if len(kinds) != 1 or not isinstance(kinds[0], str):
        raise BadInputError(f"{source}: the key 'type' must be an expectation's name")
    unknown = sorted(set(map(str, expectation)) - _EXPECTATION_KEYS)
    if unknown:
        raise BadInputError(f"{source}: {kinds[0]}: unknown key {unknown[0]!r}; arguments belong in 'kwargs'")
    kwargs = expectation.get("kwargs", {})
    if not isinstance(kwargs, Mapping):
        raise BadInputError(f"{source}: {kinds[0]}: 'kwargs' must be a JSON object")
    rule = Rule(
        type=kinds[0],
        kwargs={
            str(key): substitute_parameters(value, parameters or {}, f"{source}: {kinds[0]}: {key}")
            for key, value in kwargs.items()
        },
        source=source,
        severity=severity_of(expectation.get("severity"), f"{source}: {kinds[0]}"),
    )
    check_rule(rule)
    return rule


def check_rule(rule: Rule) -> None:
    """Raise ``BadInputError`` when an argument or the SQL of the rule is wrong; names it."""
    check_arguments(rule)
    where = f"{rule.source}: {rule.type}"
    if rule.type == "expect_rows_to_satisfy":
        check_condition(rule.kwargs["condition"], where)
    if rule.type == "unexpected_rows_expectation":
        check_query(rule.kwargs["unexpected_rows_query"], where)
    if rule.type == "expect_query_value_to_be_within":
        check_query(rule.kwargs["query"], where)
