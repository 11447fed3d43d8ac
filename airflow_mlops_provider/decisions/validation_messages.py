"""What a person is told of a batch that was held to its rules."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from airflow_mlops_provider.decisions.summaries import MAX_LENGTH, first_clause, quote, short_name, summarise
from airflow_mlops_provider.records.numbers import number_beside, percent
from airflow_mlops_provider.records.reports.validation import RuleResult, ValidationReport
from airflow_mlops_provider.records.rules import Rule, RuleSeverity
from airflow_mlops_provider.records.verdict import Finding, Status, worst

QUARANTINE_SHARE = "quarantine_share"
"""Measure of the finding about the budget."""

UNCHECKED = "unchecked_statements"
"""Measure of the finding about what is declared and not checked."""

_SHOWN = 5
_LEAST_ROOM = 12
_ROWS = "unexpected_rows"
_LIMITS = ("min_value", "max_value", "value", "max_age_hours", "sum_total")


def summary(report: ValidationReport, findings: Sequence[Finding]) -> str:
    """Refused or not, how many rules are broken, and the one that weighs most.

    :param findings: the verdict's.
    """
    status, total = worst(finding.status for finding in findings), len(report.results)
    unchecked = f", {_statements(len(report.unchecked))} not checked" if report.unchecked else ""
    if not total:
        return summarise(f"{short_name(report.name)} says nothing that can be checked", unchecked)
    unmet = sum(not result.success for result in report.results)
    if report.rows == 0 and status is not Status.FAIL:
        return summarise(f"the batch has no rows, so {total} rule{'' if total == 1 else 's'} had nothing to look at")
    if not unmet and status is Status.PASS:
        return summarise(_all_hold(total, report.rows), unchecked)
    if status is Status.PASS:
        hold = f"{total - unmet} of {total} rules hold on {_rows(report.rows)}"
        return summarise(f"{hold} (told only: {quote(_informational(findings), 40)})", unchecked)
    if not _about_rules(findings):
        return summarise(_all_hold(total, report.rows), unchecked)
    found = _broken(unmet, total) if unmet else _all_hold(total, report.rows)
    return _with_worst(f"{_decision(report, findings, status)}{found}", findings, of=unmet)


def _decision(report: ValidationReport, findings: Sequence[Finding], status: Status) -> str:
    """What becomes of the batch or of its rows, as the beginning of a summary."""
    if status is Status.FAIL:
        return "batch refused: "
    if any(finding.measure == QUARANTINE_SHARE for finding in findings):
        return f"{report.failing_rows:,} of {_rows(report.rows)} ({percent(report.failing_share)}) quarantined, "
    return ""


def _with_worst(text: str, findings: Sequence[Finding], *, of: int) -> str:
    """``text`` and, in brackets, as much as there is room for of the finding that weighs most."""
    lead = " (worst: " if of > 1 else " ("
    room = MAX_LENGTH - len(text) - len(lead) - 1
    return summarise(f"{text}{lead}{quote(_most_severe_detail(findings), room)})" if room >= _LEAST_ROOM else text)


def _all_hold(rules: int, rows: int) -> str:
    what = "the only rule holds" if rules == 1 else f"all {rules} rules hold"
    return f"{what} on {rows:,} row{'' if rows == 1 else 's'}"


def _broken(unmet: int, rules: int) -> str:
    return "the only rule is broken" if rules == 1 else f"{unmet} of {rules} rules broken"


def _statements(count: int) -> str:
    return f"{count} statement{'' if count == 1 else 's'}"


def _informational(findings: Sequence[Finding]) -> str:
    """The first broken rule of severity info."""
    mark = f"(severity {RuleSeverity.INFO})"
    return _named_detail(next(finding for finding in findings if finding.detail.endswith(mark)))


def unchecked_in_words(statements: Sequence[str]) -> str:
    """What is understood and not checked, all of it."""
    return f"{_statements(len(statements))} understood and not checked: {'; '.join(statements)}"


def _weight(finding: Finding) -> tuple[int, float]:
    """What is not about single rows is about them all."""
    rows = finding.observed if finding.measure == _ROWS else None
    return finding.status.severity, math.inf if rows is None else rows


def _most_severe_detail(findings: Sequence[Finding]) -> str:
    """The column of the finding that weighs most, and the first clause of what is said of it."""
    return _named_detail(max(_about_rules(findings), key=_weight))


def _about_rules(findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.measure not in (QUARANTINE_SHARE, UNCHECKED)]


def _named_detail(found: Finding) -> str:
    said = first_clause(found.detail)
    if found.measure == _ROWS:
        said = said.rpartition(": ")[2]  # how many rows, without the rule's arguments
    return said if f"{found.subject!r}" in said else f"{short_name(found.subject)}: {said}"


def budget_in_words(report: ValidationReport, max_share: float, *, has_room: bool) -> str:
    """How many rows break a rule, and what becomes of them.

    :param max_share: the budget, from 0 to 1.
    :param has_room: whether they are within the budget and have a place to go.
    """
    share = f"{report.failing_rows:,} of {_rows(report.rows)} ({percent(report.failing_share)})"
    if has_room:
        return f"{share} quarantined"
    if report.quarantine is None:
        return f"{share} break a rule, and there is no quarantine_uri to write them to"
    if report.clean_rows == 0:
        return f"{share} break a rule, so no clean row is left"
    allowed = f"at most {percent(max_share)}" if max_share else "none"
    return f"{share} break a rule, and {allowed} may be quarantined"


def problem_in_words(result: RuleResult) -> str:
    """Why the rule could not be evaluated, such as ``column 'hours' is missing``, and which rule it is."""
    return f"{result.problem} ({_named(result)})"


def table_rule_in_words(result: RuleResult) -> str:
    """The rule and what was observed."""
    kwargs = result.rule.kwargs
    if result.rule.type == "expect_column_to_exist" and not result.success:
        where = f"not at position {kwargs['column_index']}" if kwargs.get("column_index") else "missing"
        return f"column {kwargs['column']!r} is {where} ({_named(result)})"
    observed = result.result.get("observed_value")
    mismatched = (result.result.get("details") or {}).get("mismatched") if not result.success else None
    if mismatched:
        return f"{result.rule.label}: {_mismatch(mismatched)}"
    return (
        f"{result.rule.label}: observed {_listed(observed, _limits(result.rule))}"
        if observed is not None
        else result.rule.label
    )


def row_rule_in_words(result: RuleResult) -> str:
    """The rule, how many rows break it, the smallest and largest value seen, and samples."""
    considered, unexpected, limits = result.considered or 0, result.unexpected or 0, _limits(result.rule)
    if not considered:
        return f"{result.rule.label}: no row to look at"
    share = f" ({percent(unexpected / considered)})" if unexpected else ""
    parts = [f"{result.rule.label}: {unexpected:,} of {_rows(considered)} unexpected{share}"]
    if result.observed_min is not None:
        parts.append(f"observed {_listed(result.observed_min, limits)} to {_listed(result.observed_max, limits)}")
    sample = result.result.get("partial_unexpected_list") or []
    shown = [value for value in dict.fromkeys(_sample(each, limits) for each in sample) if value != "None"][:_SHOWN]
    if shown:
        parts.append(f"such as {', '.join(shown)}")
    return ", ".join(parts)


def _named(result: RuleResult) -> str:
    return result.rule.label.removesuffix("()")


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _limits(rule: Rule) -> list[float]:
    """The numbers that the rule compares with: what is shown beside them must differ where the value does."""
    kwargs = {**rule.kwargs, **(rule.kwargs.get("limits") or {})}
    wanted = [kwargs.get(key) for key in _LIMITS]
    wanted += [value for value in kwargs.get("value_set") or () if isinstance(value, int | float)]
    return [float(value) for value in wanted if isinstance(value, int | float)]


def _sample(value: Any, limits: Sequence[float]) -> str:
    """One unexpected value, or the values of several columns in one row."""
    if isinstance(value, Mapping):
        return f"({', '.join(f'{column} {_listed(part)}' for column, part in value.items())})"
    return _listed(value, limits)


def _listed(value: object, limits: Sequence[float] = ()) -> str:
    if isinstance(value, float):
        return number_beside(value, limits)
    if isinstance(value, list):
        more = ", ..." if len(value) > _SHOWN else ""
        return ", ".join(_listed(item, limits) for item in value[:_SHOWN]) + more
    return "''" if value == "" else str(value)


def _mismatch(mismatched: Any) -> str:
    """Great Expectations' account of columns that do not match, in words."""
    if isinstance(mismatched, Mapping):
        return ", ".join(f"{kind} {', '.join(map(repr, names[:_SHOWN]))}" for kind, names in mismatched.items())
    said = [_misplaced(item["Expected Column Position"], item["Expected"], item["Found"]) for item in mismatched]
    return ", ".join(said[:_SHOWN]) + (", ..." if len(said) > _SHOWN else "")


def _misplaced(position: int, expected: str | None, found: str | None) -> str:
    if expected is None:
        return f"position {position} has {found!r}, where no column is expected"
    if found is None:
        return f"position {position} has no column, where {expected!r} is expected"
    return f"position {position} is {found!r} instead of {expected!r}"
