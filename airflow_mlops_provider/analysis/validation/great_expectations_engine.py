"""Run Great Expectations itself, on pandas, for expectations that the scan cannot evaluate."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from airflow_mlops_provider.analysis.validation.json_values import json_value
from airflow_mlops_provider.exceptions import BadInputError, one_line
from airflow_mlops_provider.records.rules import Rule, Scope

_NUMBER = "rule_number"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectationResult:
    """Result of one expectation.

    :param rule: the rule.
    :param scope: whether it is a rule of rows or of the table.
    :param success: whether the expectation is met.
    :param result: the result in the format ``COMPLETE``, as plain JSON.
    :param unexpected_rows: positions of the rows that do not meet a row rule.
    """

    rule: Rule
    scope: Scope
    success: bool
    result: dict[str, Any]
    unexpected_rows: tuple[int, ...] = ()


def run_great_expectations(
    rules: Sequence[Rule], frame: Any, *, sensitive: Sequence[str] = ()
) -> list[ExpectationResult]:
    """Evaluate ``rules`` on ``frame``.

    :param rules: the rules; the results are in the same order.
    :param frame: the batch as a pandas frame, with the index 0, 1, 2 ...
    :param sensitive: columns whose values errors must not show.
    :raises BadInputError: when Great Expectations does not know a rule or raises on it; names the rule.
    """
    if not rules:
        return []
    with _without_output():
        results = _validate([_expectation(rule, number) for number, rule in enumerate(rules)], frame)
        return [_expectation_result(rule, result, sensitive) for rule, result in zip(rules, results, strict=True)]


def _validate(expectations: list[Any], frame: Any) -> list[Any]:
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("batch")
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
    found = batch.validate(
        gx.ExpectationSuite(name="rules", expectations=expectations), result_format={"result_format": "COMPLETE"}
    )
    # Great Expectations returns results in another order.
    by_number = {result.expectation_config.meta[_NUMBER]: result for result in found.results}
    return [by_number[number] for number in range(len(expectations))]


def _expectation(rule: Rule, number: int) -> Any:
    from great_expectations.exceptions import GreatExpectationsError
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    kwargs = {
        key: value for key, value in rule.kwargs.items() if key not in ("result_format", "catch_exceptions", "meta")
    }
    try:
        return ExpectationConfiguration(type=rule.type, kwargs=kwargs, meta={_NUMBER: number}).to_domain_obj()
    except (GreatExpectationsError, ValueError, TypeError, AttributeError) as error:
        raise BadInputError(f"{rule.source}: {rule.type}: {one_line(error)}") from error


def _expectation_result(rule: Rule, found: Any, sensitive: Sequence[str]) -> ExpectationResult:
    from great_expectations.expectations.expectation import (
        ColumnMapExpectation,
        ColumnPairMapExpectation,
        MulticolumnMapExpectation,
    )
    from great_expectations.expectations.registry import get_expectation_impl

    raised = _exception_message(found.exception_info)
    if raised:
        # Whatever columns the rule names, because a row condition in text may read others.
        reason = "it raised, and its words may quote a sensitive column" if sensitive else raised
        raise BadInputError(f"{rule.source}: {rule.type} cannot be evaluated on {rule.subject}: {reason}")
    maps = (ColumnMapExpectation, ColumnPairMapExpectation, MulticolumnMapExpectation)
    result = dict(found.result)
    row_wise = issubclass(get_expectation_impl(rule.type), maps) and "unexpected_index_list" in result
    rows = tuple(int(row) for row in result.get("unexpected_index_list") or ()) if row_wise else ()
    if row_wise and len(rows) != result["unexpected_count"]:
        raise BadInputError(f"{rule.source}: {rule.type}: Great Expectations did not list every unexpected row")
    return ExpectationResult(
        rule=rule,
        scope=Scope.ROW if row_wise else Scope.TABLE,
        success=bool(found.success),
        result=json_value(result),
        unexpected_rows=rows,
    )


def _exception_message(info: Any) -> str:
    """Return the message of the exception in a result; empty without one. Some results hold one for each metric."""
    if not isinstance(info, dict):
        return ""
    if info.get("raised_exception"):
        return one_line(info.get("exception_message") or "it raised")
    return next((found for found in map(_exception_message, info.values()) if found), "")


@contextmanager
def _without_output() -> Iterator[None]:
    """Turn off telemetry, logging and warnings of Great Expectations."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read when the library is imported
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Great Expectations imports deprecated modules
            yield
    finally:
        logger.setLevel(level)
