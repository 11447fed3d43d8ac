"""Results of rules in the result format of Great Expectations, without values of sensitive columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_mlops_provider.analysis.validation.custom_sql import may_return_hidden_values
from airflow_mlops_provider.analysis.validation.great_expectations_engine import ExpectationResult
from airflow_mlops_provider.analysis.validation.sample_rows import SAMPLES, Sample
from airflow_mlops_provider.analysis.validation.scan import RowCount
from airflow_mlops_provider.analysis.validation.sql_checks import Conclusion
from airflow_mlops_provider.records.reports.validation import RuleResult, ValidationReport
from airflow_mlops_provider.records.rules import Engine, Rule, Scope

# Results of these rules show values of single rows; counts, shares, means and sums do not.
_RULES_THAT_SHOW_VALUES = (
    "min",
    "max",
    "median",
    "distinct_values",
    "most_common",
    "quantile",
    "fresh",
    "kl_divergence",
)
_FULL_LISTS = ("unexpected_list", "unexpected_index_list", "unexpected_index_query", "unexpected_rows")
_KEYS_WITH_VALUES = ("partial_unexpected_list", "partial_unexpected_counts", "observed_value", "details")


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenColumns:
    """Columns whose values must not be shown."""

    columns: frozenset[str] = frozenset()

    def has_column_of(self, rule: Rule) -> bool:
        """Return whether the rule reads one of the columns."""
        return bool(self.columns & set(rule.columns))

    def may_be_shown_by(self, rule: Rule, available: Collection[str]) -> bool:
        """Return whether the result of the rule's query may be a value of one of the columns.

        :param rule: the rule.
        :param available: columns of the batch.
        """
        return (
            bool(self.columns)
            and "query" in rule.kwargs
            and may_return_hidden_values(rule.kwargs["query"], available, self.columns)
        )


def row_result(rule: Rule, count: RowCount, sample: Sample, ranges: Mapping[str, tuple[Any, Any]]) -> RuleResult:
    """Return the result of a row rule of the scan.

    :param rule: the rule.
    :param count: its counts of rows.
    :param sample: some unexpected rows, without values when the rule reads a sensitive column.
    :param ranges: column to its smallest and largest value, without sensitive columns.
    """
    low, high = ranges.get(rule.columns[0], (None, None)) if len(rule.columns) == 1 else (None, None)
    return RuleResult(
        rule=rule,
        scope=Scope.ROW if rule.sets_rows_aside else Scope.TABLE,
        engine=Engine.SCAN,
        success=rule.accepts(count.unexpected, count.considered),
        result=_map_result(rule, count, sample),
        considered=count.considered,
        unexpected=count.unexpected,
        observed_min=low,
        observed_max=high,
    )


def _map_result(rule: Rule, count: RowCount, sample: Sample) -> dict[str, Any]:
    result = count_result(rule, in_scope=count.in_scope, considered=count.considered, unexpected=count.unexpected)
    if sample.values is not None:
        result["partial_unexpected_list"] = list(sample.values)
    if sample.counts is not None:
        result["partial_unexpected_counts"] = list(sample.counts)
    result["partial_unexpected_index_list"] = list(sample.rows)
    return result


def count_result(rule: Rule, *, in_scope: int, considered: int, unexpected: int) -> dict[str, Any]:
    """Return the counts and percentages of a row rule.

    :param rule: the rule.
    :param in_scope: rows that its row condition selects.
    :param considered: those of them with a value.
    :param unexpected: those of them that do not meet it.
    """
    result: dict[str, Any] = {
        "element_count": in_scope,
        "unexpected_count": unexpected,
        "unexpected_percent": _percent(unexpected, considered) if in_scope else None,
    }
    if rule.type not in ("expect_column_values_to_not_be_null", "expect_column_values_to_be_null"):
        result["missing_count"] = in_scope - considered
        result["missing_percent"] = _percent(in_scope - considered, in_scope)
        result["unexpected_percent_total"] = _percent(unexpected, in_scope)
        result["unexpected_percent_nonmissing"] = _percent(unexpected, considered)
    return result


def _percent(part: int, whole: int) -> float | None:
    return part / whole * 100 if whole else None


def _without_values(result: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in result.items() if key not in _KEYS_WITH_VALUES}


def conclusion_result(rule: Rule, found: Conclusion, hidden: HiddenColumns) -> RuleResult:
    """Return the result of a table rule of the scan, without values of the ``hidden`` columns."""
    quoted = hidden.has_column_of(rule) and any(word in rule.type for word in _RULES_THAT_SHOW_VALUES)
    return _table_result(rule, found, Engine.SCAN, quoted=quoted)


def query_result(rule: Rule, found: Conclusion, hidden: HiddenColumns, available: Collection[str]) -> RuleResult:
    """Return the result of a rule that is a query of its own, without values of the ``hidden`` columns.

    :param rule: the rule.
    :param found: what the query's value means for the rule.
    :param hidden: columns whose values must not be shown.
    :param available: columns of the batch.
    """
    return _table_result(rule, found, Engine.QUERY, quoted=hidden.may_be_shown_by(rule, available))


def _table_result(rule: Rule, found: Conclusion, engine: Engine, *, quoted: bool) -> RuleResult:
    quoted = quoted and found.result.get("observed_value") is not None
    return RuleResult(
        rule=rule,
        scope=Scope.TABLE,
        engine=engine,
        success=found.success,
        result=_without_values(found.result) if quoted else found.result,
        observed=None if quoted else found.observed,
        problem=found.problem,
    )


def expectation_result(found: ExpectationResult, hidden: HiddenColumns) -> RuleResult:
    """Return the result of a rule that Great Expectations evaluated, without values of the ``hidden`` columns."""
    result = {key: value for key, value in found.result.items() if key not in _FULL_LISTS}
    for key in ("partial_unexpected_list", "partial_unexpected_index_list", "partial_unexpected_counts"):
        if isinstance(result.get(key), list):
            result[key] = result[key][:SAMPLES]
    result = _without_values(result) if hidden.has_column_of(found.rule) else result
    observed = result.get("observed_value")
    is_row = found.scope is Scope.ROW
    considered = int(result["element_count"]) - int(result.get("missing_count") or 0) if is_row else None
    return RuleResult(
        rule=found.rule,
        scope=found.scope,
        engine=Engine.GREAT_EXPECTATIONS,
        success=found.success,
        result=result,
        considered=considered,
        unexpected=int(result["unexpected_count"]) if is_row else None,
        observed=float(observed) if isinstance(observed, int | float) and not isinstance(observed, bool) else None,
    )


def great_expectations_json(report: ValidationReport) -> dict[str, Any]:
    """Return the report as the JSON of Great Expectations' validation result of a suite."""
    met = sum(result.success for result in report.results)
    total = len(report.results)
    return {
        "success": met == total,
        "suite_name": report.name,
        "results": [_expectation_json(result) for result in report.results],
        "statistics": {
            "evaluated_expectations": total,
            "successful_expectations": met,
            "unsuccessful_expectations": total - met,
            "success_percent": met / total * 100 if total else None,
        },
        "suite_parameters": {},
        "meta": {"rows": report.rows, "failing_rows": report.failing_rows},
    }


def _expectation_json(result: RuleResult) -> dict[str, Any]:
    return {
        "success": result.success,
        "expectation_config": {"type": result.rule.type, "kwargs": result.rule.kwargs, "meta": {}},
        "result": result.result,
        "exception_info": {
            "raised_exception": False,
            "exception_message": result.problem or None,
            "exception_traceback": None,
        },
        "meta": {"engine": result.engine.value},
    }
