"""What a person is told of a batch that was held to its rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_mlops_provider.records.reports.validation import RuleResult, ValidationReport
from airflow_mlops_provider.records.verdict import Finding, Status, worst

QUARANTINE_SHARE = "quarantine_share"
"""Measure of the finding about the budget."""

_SHOWN = 5


def summary(report: ValidationReport, findings: Sequence[Finding]) -> str:
    """The verdict in one sentence: refused or not, how many rows, and the rule that weighs most.

    :param findings: the verdict's.
    """
    status, total = worst(finding.status for finding in findings), len(report.results)
    unmet = sum(not result.success for result in report.results)
    if report.rows == 0 and status is not Status.FAIL:
        return f"the batch has no rows, so {total} rules had nothing to look at"
    if not unmet and status is Status.PASS:
        return f"all {total} rules hold on {report.rows:,} rows"
    rows = [finding.detail for finding in findings if finding.measure == QUARANTINE_SHARE]
    broken = f"{unmet} of {total} rules broken" if unmet else f"all {total} rules hold on {report.rows:,} rows"
    told = "; ".join([*rows, f"{broken}{', worst' if unmet else ', but'}: {_weightiest(findings)}"])
    return f"batch refused: {told}" if status is Status.FAIL else told


def _weightiest(findings: Sequence[Finding]) -> str:
    about_rules = [finding for finding in findings if finding.measure != QUARANTINE_SHARE]
    found = max(about_rules, key=lambda finding: finding.status.severity)
    return found.detail if f"{found.subject!r}" in found.detail else f"{found.subject}: {found.detail}"


def budget_in_words(report: ValidationReport, max_share: float, *, has_room: bool) -> str:
    """How many rows break a rule, and what becomes of them.

    :param max_share: the budget, from 0 to 1.
    :param has_room: whether they are within the budget and have a place to go.
    """
    share = f"{report.failing_rows:,} of {report.rows:,} rows ({_percent(report.failing_share)})"
    if has_room:
        return f"{share} quarantined"
    if report.quarantine is None:
        return f"{share} break a rule, and there is no quarantine_uri to write them to"
    if report.clean_rows == 0:
        return f"{share} break a rule, so no clean row is left"
    allowed = f"at most {_percent(max_share)}" if max_share else "none"
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
    return f"{result.rule.label}: observed {_listed(observed)}" if observed is not None else result.rule.label


def row_rule_in_words(result: RuleResult) -> str:
    """The rule, how many rows break it, the smallest and largest value seen, and samples."""
    considered, unexpected = result.considered or 0, result.unexpected or 0
    if not considered:
        return f"{result.rule.label}: no row to look at"
    share = f" ({_percent(unexpected / considered)})" if unexpected else ""
    parts = [f"{result.rule.label}: {unexpected:,} of {considered:,} rows unexpected{share}"]
    if result.observed_min is not None:
        parts.append(f"observed {_listed(result.observed_min)} to {_listed(result.observed_max)}")
    sample = result.result.get("partial_unexpected_list") or []
    shown = [value for value in dict.fromkeys(map(_sample, sample)) if value != "None"][:_SHOWN]
    if shown:
        parts.append(f"such as {', '.join(shown)}")
    return ", ".join(parts)


def _named(result: RuleResult) -> str:
    return result.rule.label.removesuffix("()")


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"


def _sample(value: Any) -> str:
    """One unexpected value, or the values of several columns in one row."""
    if isinstance(value, Mapping):
        return f"({', '.join(f'{column} {_listed(part)}' for column, part in value.items())})"
    return _listed(value)


def _listed(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        more = ", ..." if len(value) > _SHOWN else ""
        return ", ".join(map(str, value[:_SHOWN])) + more
    return str(value)


def _mismatch(mismatched: Any) -> str:
    """Great Expectations' account of columns that do not match, in words."""
    if isinstance(mismatched, Mapping):
        return ", ".join(f"{kind} {', '.join(map(repr, names[:_SHOWN]))}" for kind, names in mismatched.items())
    said = [
        f"position {item['Expected Column Position']} is {item['Found']!r} instead of {item['Expected']!r}"
        for item in mismatched[:_SHOWN]
    ]
    return ", ".join(said) + (", ..." if len(mismatched) > _SHOWN else "")
