"""What to do about a batch that breaks its rules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from airflow_mlops_provider.decisions.validation_messages import (
    QUARANTINE_SHARE,
    UNCHECKED,
    budget_in_words,
    problem_in_words,
    row_rule_in_words,
    summary,
    table_rule_in_words,
    unchecked_in_words,
)
from airflow_mlops_provider.records.policies.validation import ValidationPolicy
from airflow_mlops_provider.records.reports.validation import RuleResult, ValidationReport
from airflow_mlops_provider.records.rules import ABOUT_COLUMNS, Rule, RuleSeverity, Scope
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict

__all__ = ["ValidationPolicy", "judge_validation"]


def judge_validation(report: ValidationReport, policy: ValidationPolicy) -> Verdict:
    """The verdict on a batch.

    A table rule that is not met fails the batch. Rows that break a rule are a notice while they are within the budget
    and have a place to go; otherwise they fail it. A batch without rows, or a rule that had none to look at, is never
    a pass.

    :param report: a quarantine in it means that the failing rows were written.
    """
    room = (
        report.quarantine is not None and report.failing_share <= policy.max_quarantine_share and report.clean_rows > 0
    )
    budget = [_budget(report, policy, has_room=room)] if report.failing_rows else []
    rules = [_finding(result, report, has_room=room) for result in report.results]
    findings = [*rules, *_no_rules(report), *_no_rows(report), *_all_missing(report), *_infinite(report), *budget]
    findings += [*_refused_parts(report), *_unchecked(report)]
    return Verdict.of(findings, summary=summary(report, findings))


def _finding(result: RuleResult, report: ValidationReport, *, has_room: bool) -> Finding:
    finding = _full_finding(result, report, has_room=has_room)
    if result.rule.is_error or finding.status is Status.PASS:
        return finding
    detail = f"{finding.detail} (severity {result.rule.severity})" if not result.success else finding.detail
    return replace(finding, status=_capped_by_severity(finding.status, [result.rule]), detail=detail)


def _capped_by_severity(status: Status, rules: Sequence[Rule]) -> Status:
    """What a status amounts to when only ``rules`` led to it: a warning is a notice, an information is told."""
    if not rules or any(rule.is_error for rule in rules) or status is Status.INSUFFICIENT_EVIDENCE:
        return status
    warns = any(rule.severity is RuleSeverity.WARNING for rule in rules)
    return min(status, Status.NOTICE if warns else Status.PASS, key=lambda each: each.severity)


def _full_finding(result: RuleResult, report: ValidationReport, *, has_room: bool) -> Finding:
    """The finding of a rule whose severity is error."""
    if result.problem:
        return Finding(
            subject=result.rule.subject,
            measure="violations",
            observed=1.0,
            limit=0.0,
            status=Status.FAIL,
            detail=problem_in_words(result),
        )
    if result.unexpected is None:
        return _table_finding(result, report)
    return _row_finding(result, report, has_room=has_room)


def _table_finding(result: RuleResult, report: ValidationReport) -> Finding:
    nothing = not report.rows and result.result.get("observed_value", "") is None
    status = Status.PASS if result.success else Status.INSUFFICIENT_EVIDENCE if nothing else Status.FAIL
    is_number = result.observed is not None
    return Finding(
        subject=result.rule.subject,
        measure=_measure_name(result.rule.type) if is_number else "violations",
        observed=result.observed if is_number else float(not result.success),
        limit=_limit(result) if is_number else 0.0,
        status=status,
        detail=table_rule_in_words(result),
    )


def _measure_name(kind: str) -> str:
    """``expect_column_mean_to_be_between`` to ``mean``."""
    named = kind.removeprefix("expect_").removeprefix("column_").removeprefix("table_")
    if named == "to_be_fresh":
        return "age_hours"
    if named.startswith("distinct_values_to_"):
        return "missing_values" if named.endswith("contain_set") else "unexpected_values"
    return named.split("_to_")[0]


def _limit(result: RuleResult) -> float | None:
    """The bound that decides: the one that is broken, else the upper one."""
    kwargs = result.rule.kwargs
    if result.rule.type == "expect_query_value_to_be_within":
        kwargs = kwargs["limits"]
    if result.rule.type.startswith("expect_column_distinct_values_to_"):
        return 0.0
    keys = ("value", "max_age_hours", "max_value", "min_value")
    found = {key: kwargs[key] for key in keys if _is_number(kwargs.get(key))}
    low, observed = found.get("min_value"), result.observed
    if low is not None and observed is not None and observed < low:
        return float(low)
    return next((float(value) for value in found.values()), None)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _row_finding(result: RuleResult, report: ValidationReport, *, has_room: bool) -> Finding:
    considered, unexpected = result.considered or 0, result.unexpected or 0
    return Finding(
        subject=result.rule.subject,
        measure="unexpected_rows",
        observed=float(unexpected),
        limit=_allowed(result, considered),
        status=_row_status(result, report, has_room=has_room),
        detail=row_rule_in_words(result),
    )


def _row_status(result: RuleResult, report: ValidationReport, *, has_room: bool) -> Status:
    if report.rows == 0:
        return Status.INSUFFICIENT_EVIDENCE
    if not result.success:
        return Status.NOTICE if has_room and result.scope is Scope.ROW else Status.FAIL
    return Status.PASS if result.considered else Status.NOTICE


def _allowed(result: RuleResult, considered: int) -> float | None:
    tolerance = result.rule.tolerance
    if tolerance is None:
        return float(math.floor((1.0 - result.rule.mostly) * considered + 1e-9))
    limits = tolerance.limits
    return limits.max_value if limits.max_value is not None else limits.min_value


def _no_rules(report: ValidationReport) -> list[Finding]:
    if report.results:
        return []
    detail = f"{report.name} says nothing that can be checked"
    unknown = Status.INSUFFICIENT_EVIDENCE
    return [Finding(subject="rules", measure="rules", observed=0.0, limit=1.0, status=unknown, detail=detail)]


def _unchecked(report: ValidationReport) -> list[Finding]:
    """What is declared and understood, and nothing here can check: it is told, and fails nothing."""
    if not report.unchecked:
        return []
    count, detail = float(len(report.unchecked)), unchecked_in_words(report.unchecked)
    return [Finding(subject=report.name, measure=UNCHECKED, observed=count, status=Status.PASS, detail=detail)]


def _refused_parts(report: ValidationReport) -> list[Finding]:
    """A part that was refused let no row go on, so that what went on is not the whole."""
    return [
        Finding(subject=part, measure="refused", observed=1.0, limit=0.0, status=Status.FAIL, detail="it was refused")
        for part in report.refused_parts or ()
    ]


def _no_rows(report: ValidationReport) -> list[Finding]:
    if report.rows:
        return []
    detail = "the batch has no rows, so nothing is known about its data"
    unknown = Status.INSUFFICIENT_EVIDENCE
    return [Finding(subject="rows", measure="rows", observed=0.0, limit=1.0, status=unknown, detail=detail)]


def _all_missing(report: ValidationReport) -> list[Finding]:
    readers = _readers(report)
    return [
        Finding(
            subject=column,
            measure="missing_share",
            observed=1.0,
            limit=None,
            status=_capped_by_severity(Status.FAIL, readers[column]),
            detail=f"all {report.rows:,} values are missing, so its rules had nothing to look at",
        )
        for column in report.all_missing
    ]


def _readers(report: ValidationReport) -> dict[str, list[Rule]]:
    """Column to the rules that look at its values."""
    found: dict[str, list[Rule]] = {column: [] for column in report.all_missing}
    for result in report.results:
        for column in found.keys() & set(result.rule.columns):
            if result.rule.type not in ABOUT_COLUMNS:
                found[column].append(result.rule)
    return found


def _infinite(report: ValidationReport) -> list[Finding]:
    return [
        Finding(
            subject=column,
            measure="infinite_values",
            observed=float(count),
            limit=0.0,
            status=Status.NOTICE,
            detail=f"{count:,} of {report.rows:,} values are infinite",
        )
        for column, count in report.infinite.items()
    ]


def _budget(report: ValidationReport, policy: ValidationPolicy, *, has_room: bool) -> Finding:
    told = budget_in_words(report, policy.max_quarantine_share, has_room=has_room)
    query = report.failing_rows_query
    return Finding(
        subject="rows",
        measure=QUARANTINE_SHARE,
        observed=report.failing_share,
        limit=policy.max_quarantine_share,
        status=Status.NOTICE if has_room else Status.FAIL,
        detail=told if query is None else f"{told}; they are: {query}",
    )
