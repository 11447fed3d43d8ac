"""Verdicts on a measured batch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from airflow_mlops_provider.decisions.validation import ValidationPolicy, judge_validation
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import decode, encode
from airflow_mlops_provider.records.numbers import percent
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.reports.validation import RuleResult, ValidationReport
from airflow_mlops_provider.records.rules import Engine, Limits, Rule, RuleSeverity, Scope
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
    assert verdict.summary == "batch refused: the only rule is broken (hours: 3 of 200 rows unexpected (1.5 %))"


def test_rows_within_the_budget_are_called_quarantined_and_the_batch_is_not_refused() -> None:
    measured = report(row_result(2), failing_rows=2, quarantine=SOMEWHERE)
    summary = judge_validation(measured, ValidationPolicy(max_quarantine_share=0.01)).summary
    assert summary.startswith("2 of 200 rows (1 %) quarantined, the only rule is broken (hours: ")


def test_a_missing_column_is_called_missing_by_the_rule_that_demands_it() -> None:
    rule = Rule(type="expect_column_to_exist", kwargs={"column": "union"})
    gone = RuleResult(rule=rule, scope=Scope.TABLE, engine=Engine.SCAN, success=False)
    verdict = judge_validation(report(gone), ValidationPolicy())
    assert verdict.summary == (
        "batch refused: the only rule is broken (column 'union' is missing (expect_column_to_exist))"
    )


@pytest.mark.parametrize(
    ("mismatched", "words"),
    [
        ({"unexpected": ["a"], "missing": ["b", "c"]}, "unexpected 'a', missing 'b', 'c'"),
        (
            [{"Expected Column Position": 1, "Expected": "a", "Found": None}],
            "position 1 has no column, where 'a' is expected",
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


def test_a_column_too_many_is_told_in_words() -> None:
    rule = Rule(type="expect_table_columns_to_match_ordered_list", kwargs={"column_list": ["a"]})
    mismatched = [{"Expected Column Position": 1, "Expected": None, "Found": "wage"}]
    result = {"observed_value": ["a", "wage"], "details": {"mismatched": mismatched}}
    found = RuleResult(rule=rule, scope=Scope.TABLE, engine=Engine.SCAN, success=False, result=result)
    detail = judge_validation(report(found), ValidationPolicy()).findings[0].detail
    assert detail.endswith("position 1 has 'wage', where no column is expected")


def test_the_worst_rule_is_the_one_that_most_rows_break() -> None:
    weeks = Rule(type="expect_column_values_to_be_between", kwargs={"column": "weeks", "min_value": 0})
    rows = [row_result(1), row_result(100, rule=weeks)]
    assert "worst: weeks: " in judge_validation(report(*rows, failing_rows=101), ValidationPolicy()).summary
    gone = RuleResult(rule=BETWEEN, scope=Scope.TABLE, engine=Engine.SCAN, success=False, problem="column is missing")
    assert "worst: hours: " in judge_validation(report(*rows, gone, failing_rows=101), ValidationPolicy()).summary


@pytest.mark.parametrize(
    ("unexpected", "words"),
    [(300, "300 of 300 rows unexpected (100 %)"), (299, "(99.7 %)"), (1, "(0.33 %)"), (150, "(50 %)")],
)
def test_only_all_rows_are_a_hundred_percent(unexpected: int, words: str) -> None:
    measured = report(row_result(unexpected, 300), rows=300, failing_rows=unexpected)
    assert words in judge_validation(measured, ValidationPolicy()).findings[0].detail


def test_almost_all_of_many_rows_are_not_a_hundred_percent() -> None:
    assert percent(1 - 1e-9) == "99.9999999 %"
    assert percent(1 - 1e-16) == "99.99999999999999 %"


def test_an_observed_number_differs_from_the_limit_that_it_misses() -> None:
    rule = Rule(type="expect_column_values_to_be_between", kwargs={"column": "x", "max_value": 8760})
    sample = {"partial_unexpected_list": [8760.0004]}
    result = row_result(1, rule=rule, observed_min=0.123456789, observed_max=8760.0004, result=sample)
    detail = judge_validation(report(result, failing_rows=1), ValidationPolicy()).findings[0].detail
    assert detail.endswith("observed 0.123457 to 8760.0004, such as 8760.0004")


def test_one_rule_and_one_row_are_told_in_the_singular_and_empty_text_in_quotes() -> None:
    assert judge_validation(report(row_result(0, 1), rows=1), ValidationPolicy()).summary == (
        "the only rule holds on 1 row"
    )
    empty = row_result(2, result={"partial_unexpected_list": ["", "y"]})
    detail = judge_validation(report(empty, failing_rows=2), ValidationPolicy()).findings[0].detail
    assert detail.endswith("such as '', y")


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_budget_that_is_no_share_is_refused(share: float) -> None:
    with pytest.raises(BadInputError, match="max_quarantine_share"):
        ValidationPolicy(max_quarantine_share=share)


def test_an_unknown_key_of_the_policy_is_refused() -> None:
    with pytest.raises(BadInputError, match="max_share"):
        decode(ValidationPolicy, {"max_share": 0.1})


@pytest.mark.parametrize(
    ("severity", "status"),
    [
        (None, Status.FAIL),
        (RuleSeverity.ERROR, Status.FAIL),
        (RuleSeverity.WARNING, Status.NOTICE),
        (RuleSeverity.INFO, Status.PASS),
    ],
)
def test_the_severity_of_a_broken_rule_decides(severity: RuleSeverity | None, status: Status) -> None:
    soft = replace(BETWEEN, severity=severity)
    rows = judge_validation(report(row_result(3, rule=soft)), ValidationPolicy())
    assert rows.status is status
    table = replace(table_result(9, success=False), rule=replace(ROW_COUNT, severity=severity))
    assert judge_validation(report(table), ValidationPolicy()).status is status
    absent = replace(row_result(0, rule=soft), success=False, problem="column 'hours' is missing")
    verdict = judge_validation(report(absent), ValidationPolicy())
    assert verdict.status is status
    assert "column 'hours' is missing" in verdict.summary


def test_a_column_without_values_weighs_as_much_as_the_rules_that_look_at_them() -> None:
    there = replace(table_result(1, success=True), rule=Rule(type="expect_column_to_exist", kwargs={"column": "hours"}))
    soft = row_result(0, considered=0, rule=replace(BETWEEN, severity=RuleSeverity.WARNING))
    measured = report(there, soft, all_missing=("hours",))
    assert judge_validation(measured, ValidationPolicy()).status is Status.NOTICE
    both = report(there, soft, row_result(0, considered=0), all_missing=("hours",))
    assert judge_validation(both, ValidationPolicy()).status is Status.FAIL


def test_nothing_that_can_be_checked_is_never_a_pass() -> None:
    verdict = judge_validation(report(name="c", unchecked=("slaProperties 1: retention",)), ValidationPolicy())
    assert verdict.status is Status.INSUFFICIENT_EVIDENCE
    assert verdict.summary == "c says nothing that can be checked, 1 statement not checked"


def test_what_is_not_checked_is_counted_in_the_summary_and_listed_in_a_finding() -> None:
    measured = report(row_result(0), unchecked=("property a: relationships", "slaProperties 1: retention"))
    verdict = judge_validation(measured, ValidationPolicy())
    assert (verdict.status, verdict.summary) == (
        Status.PASS,
        "the only rule holds on 200 rows, 2 statements not checked",
    )
    listed = next(finding for finding in verdict.findings if finding.measure == "unchecked_statements")
    assert listed.detail.endswith("not checked: property a: relationships; slaProperties 1: retention")


def test_a_rule_without_severity_is_stored_as_it_always_was() -> None:
    assert "severity" not in encode(BETWEEN)
    assert (
        decode(Rule, encode(replace(BETWEEN, severity=RuleSeverity.INFO)), where="rule").severity is RuleSeverity.INFO
    )


def test_more_than_none_is_no_ceiling() -> None:
    assert Limits(min_value=0, max_value=5).is_ceiling
    assert not Limits(min_value=0, max_value=5, strict_min=True).is_ceiling
