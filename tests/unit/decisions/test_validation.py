"""Verdicts on a measured batch."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_mlops_provider.decisions.validation import ValidationPolicy, judge_validation
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import decode
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.reports.validation import RuleResult, ValidationReport
from airflow_mlops_provider.records.rules import Engine, Rule, Scope
from airflow_mlops_provider.records.verdict import Status

BETWEEN = Rule(type="expect_column_values_to_be_between", kwargs={"column": "hours", "min_value": 0})
ROW_COUNT = Rule(type="expect_table_row_count_to_be_between", kwargs={"min_value": 100, "max_value": 500})
SOMEWHERE = DatasetRef(uri="quarantine.parquet")


def row_result(unexpected: int, considered: int = 200, **more: Any) -> RuleResult:
    rule = more.pop("rule", BETWEEN)
    return RuleResult(
        rule=rule,
        scope=Scope.ROW,
        engine=Engine.SCAN,
        success=rule.accepts(unexpected, considered),
        considered=considered,
        unexpected=unexpected,
        **more,
    )


def table_result(rows: int, *, success: bool) -> RuleResult:
    return RuleResult(rule=ROW_COUNT, scope=Scope.TABLE, engine=Engine.SCAN, success=success, observed=float(rows))


def report(*results: RuleResult, **more: Any) -> ValidationReport:
    given = {"name": "suite", "rows": 200, "failing_rows": 0, "results": results, **more}
    return ValidationReport(**given)


def test_a_batch_that_keeps_its_rules_passes() -> None:
    verdict = judge_validation(report(row_result(0), table_result(200, success=True)), ValidationPolicy())
    assert verdict.status is Status.PASS
    assert verdict.summary == "all 2 rules hold on 200 rows"


def test_rows_within_the_budget_are_a_notice_when_they_have_a_place_to_go() -> None:
    measured = report(row_result(2), failing_rows=2, quarantine=SOMEWHERE)
    assert judge_validation(measured, ValidationPolicy(max_quarantine_share=0.01)).status is Status.NOTICE


def test_rows_above_the_budget_fail_the_batch() -> None:
    measured = report(row_result(3), failing_rows=3, quarantine=SOMEWHERE)
    verdict = judge_validation(measured, ValidationPolicy(max_quarantine_share=0.01))
    assert verdict.status is Status.FAIL
    budget = next(finding for finding in verdict.findings if finding.measure == "quarantine_share")
    assert (budget.observed, budget.limit) == (0.015, 0.01)


def test_without_a_place_to_go_any_failing_row_fails_the_batch() -> None:
    measured = report(row_result(1), failing_rows=1)
    verdict = judge_validation(measured, ValidationPolicy(max_quarantine_share=1.0))
    assert verdict.status is Status.FAIL
    assert "no quarantine_uri" in " ".join(finding.detail for finding in verdict.findings)


def test_the_default_budget_is_no_row_at_all() -> None:
    assert judge_validation(report(row_result(1), failing_rows=1, quarantine=SOMEWHERE), ValidationPolicy()).status is (
        Status.FAIL
    )


def test_a_batch_of_which_nothing_is_left_fails_whatever_the_budget() -> None:
    measured = report(row_result(200), failing_rows=200, quarantine=SOMEWHERE)
    assert judge_validation(measured, ValidationPolicy(max_quarantine_share=1.0)).status is Status.FAIL


def test_a_table_rule_that_is_not_met_fails_and_says_which_limit() -> None:
    verdict = judge_validation(
        report(table_result(20, success=False), quarantine=SOMEWHERE), ValidationPolicy(max_quarantine_share=1.0)
    )
    assert verdict.status is Status.FAIL
    assert (verdict.findings[0].measure, verdict.findings[0].observed, verdict.findings[0].limit) == (
        *("row_count", 20.0),
        100.0,
    )


def test_a_rule_that_the_columns_do_not_fit_fails_and_names_the_column() -> None:
    gone = RuleResult(
        rule=BETWEEN, scope=Scope.TABLE, engine=Engine.SCAN, success=False, problem="column 'hours' is missing"
    )
    verdict = judge_validation(report(gone), ValidationPolicy())
    assert verdict.status is Status.FAIL
    assert "column 'hours' is missing" in verdict.findings[0].detail


def test_an_empty_batch_is_insufficient_evidence_not_a_pass() -> None:
    verdict = judge_validation(report(row_result(0, 0), rows=0), ValidationPolicy())
    assert verdict.status is Status.INSUFFICIENT_EVIDENCE


def test_an_empty_batch_fails_where_a_row_count_is_demanded() -> None:
    measured = report(row_result(0, 0), table_result(0, success=False), rows=0)
    assert judge_validation(measured, ValidationPolicy()).status is Status.FAIL


def test_a_column_without_a_value_fails_although_its_range_rule_had_nothing_to_object_to() -> None:
    verdict = judge_validation(report(row_result(0, 0), all_missing=("hours",)), ValidationPolicy())
    assert verdict.status is Status.FAIL
    assert verdict.findings[0].subject == "hours"


def test_a_rule_whose_condition_no_row_meets_is_a_notice_not_a_pass() -> None:
    assert judge_validation(report(row_result(0, 0)), ValidationPolicy()).status is Status.NOTICE


def test_infinite_values_are_noticed() -> None:
    verdict = judge_validation(report(row_result(0), infinite={"lwage": 3}), ValidationPolicy())
    assert verdict.status is Status.NOTICE
    assert verdict.findings[0].observed == 3


def test_tolerated_rows_pass() -> None:
    rule = Rule(type=BETWEEN.type, kwargs={**BETWEEN.kwargs, "mostly": 0.95})
    verdict = judge_validation(report(row_result(10, rule=rule)), ValidationPolicy())
    assert verdict.status is Status.PASS
    assert (verdict.findings[0].observed, verdict.findings[0].limit) == (10.0, 10.0)


def test_a_message_says_rule_counts_range_and_samples() -> None:
    result = row_result(3, observed_min=-40, observed_max=2500.5, result={"partial_unexpected_list": [-40, -12, -40]})
    verdict = judge_validation(report(result, failing_rows=3, quarantine=SOMEWHERE), ValidationPolicy())
    about_hours = (
        "expect_column_values_to_be_between(min_value=0): 3 of 200 rows unexpected (1.5 %), "
        "observed -40 to 2500.5, such as -40, -12"
    )
    assert [finding.detail for finding in verdict.findings] == [
        about_hours,
        "3 of 200 rows (1.5 %) break a rule, and none may be quarantined",
    ]
    assert verdict.summary == (
        "batch refused: 3 of 200 rows (1.5 %) break a rule, and none may be quarantined; "
        f"1 of 1 rules broken, worst: hours: {about_hours}"
    )


def test_rows_within_the_budget_are_called_quarantined_and_the_batch_is_not_refused() -> None:
    measured = report(row_result(2), failing_rows=2, quarantine=SOMEWHERE)
    summary = judge_validation(measured, ValidationPolicy(max_quarantine_share=0.01)).summary
    assert summary.startswith("2 of 200 rows (1 %) quarantined; 1 of 1 rules broken, worst: hours: ")


def test_a_missing_column_is_called_missing_by_the_rule_that_demands_it() -> None:
    rule = Rule(type="expect_column_to_exist", kwargs={"column": "union"})
    gone = RuleResult(rule=rule, scope=Scope.TABLE, engine=Engine.SCAN, success=False)
    verdict = judge_validation(report(gone), ValidationPolicy())
    assert verdict.summary == (
        "batch refused: 1 of 1 rules broken, worst: column 'union' is missing (expect_column_to_exist)"
    )


@pytest.mark.parametrize(
    ("mismatched", "words"),
    [
        ({"unexpected": ["a"], "missing": ["b", "c"]}, "unexpected 'a', missing 'b', 'c'"),
        (
            [{"Expected Column Position": 1, "Expected": "a", "Found": None}],
            "position 1 is None instead of 'a'",
        ),
    ],
)
def test_columns_that_do_not_match_are_told_in_words(mismatched: Any, words: str) -> None:
    rule = Rule(type="expect_table_columns_to_match_set", kwargs={"column_set": ["b", "c"]})
    result = RuleResult(
        rule=rule,
        scope=Scope.TABLE,
        engine=Engine.SCAN,
        success=False,
        result={"observed_value": ["a"], "details": {"mismatched": mismatched}},
    )
    assert judge_validation(report(result), ValidationPolicy()).findings[0].detail.endswith(words)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_budget_that_is_no_share_is_refused(share: float) -> None:
    with pytest.raises(BadInputError, match="max_quarantine_share"):
        ValidationPolicy(max_quarantine_share=share)


def test_an_unknown_key_of_the_policy_is_refused() -> None:
    with pytest.raises(BadInputError, match="max_share"):
        decode(ValidationPolicy, {"max_share": 0.1})
