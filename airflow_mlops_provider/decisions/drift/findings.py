"""Findings that every rule shares, and the words for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from airflow_mlops_provider.decisions.summaries import list_names, quote, short_name, summarise
from airflow_mlops_provider.records.policies.drift import DriftPolicy
from airflow_mlops_provider.records.reports.drift import ColumnDrift, DriftReport, Measure, Problem, Role
from airflow_mlops_provider.records.verdict import Finding, Status

WORDS = {
    Measure.KS_D: "KS D",
    Measure.TVD: "TVD",
    Measure.MISSING_CHANGE: "missing share change",
    Measure.UNSEEN_SHARE: "unseen share",
    Measure.JOINT_AUC: "joint AUC",
    Measure.WINDOW_SCORE: "window score",
    Measure.WASSERSTEIN: "Wasserstein / sd",
    Measure.JENSEN_SHANNON: "Jensen-Shannon",
    Measure.PSI: "PSI",
    Measure.CHI_SQUARED: "chi-squared p",
    Measure.EVIDENTLY: "share of columns drifted by Evidently",
}

ROWS = "rows"
"""The measure of a finding about too few rows."""

COLUMNS = "compared_columns"
"""The measure of a finding about a report in which no column can be compared."""

_INFORMATIONAL = (Problem.UNSUPPORTED_TYPE, Problem.KEY)
"""Problems that no batch can change, so that a daily notice would say nothing."""

_PROBLEM_STATUS = {
    Problem.ABSENT: Status.FAIL,
    Problem.ALL_MISSING: Status.FAIL,
    Problem.TYPE_CHANGED: Status.FAIL,
    Problem.TOO_FEW_VALUES: Status.INSUFFICIENT_EVIDENCE,
    Problem.NO_LABELS_YET: Status.NOTICE,
    Problem.NEW_COLUMN: Status.NOTICE,
    Problem.UNSUPPORTED_TYPE: Status.PASS,
    Problem.KEY: Status.PASS,
    Problem.REFERENCE_MISSING: Status.INSUFFICIENT_EVIDENCE,
    Problem.INFINITE: Status.INSUFFICIENT_EVIDENCE,
    Problem.NOT_IN_PROFILE: Status.INSUFFICIENT_EVIDENCE,
}


def problem_findings(report: DriftReport) -> list[Finding]:
    """Columns that could not be compared: gone, empty or of another type is drift whatever the rule."""
    found = [
        Finding(
            subject=column.column,
            measure=str(column.problem),
            observed=float(column.current_values),
            status=_PROBLEM_STATUS[column.problem],
            detail=labelled(column, column.statement),
        )
        for column in report.columns
        if column.problem
    ]
    return [*found, *_nothing_compared(report)]


def _nothing_compared(report: DriftReport) -> list[Finding]:
    """Columns of which none can be compared are no sign that nothing drifted."""
    if not report.columns or any(column.problem not in _INFORMATIONAL for column in report.columns):
        return []
    unknown = Status.INSUFFICIENT_EVIDENCE
    detail = f"none of {len(report.columns)} columns can be compared"
    return [Finding(subject="columns", measure=COLUMNS, observed=0.0, limit=1.0, status=unknown, detail=detail)]


def row_findings(report: DriftReport, policy: DriftPolicy) -> list[Finding]:
    """Sides with too few rows to tell drift from chance."""
    sides = {"reference": report.reference_rows, "current": report.current_rows}
    return [
        Finding(
            subject=side,
            measure=ROWS,
            observed=float(rows),
            limit=float(policy.min_rows),
            status=Status.INSUFFICIENT_EVIDENCE,
            detail=f"{side} has {rows:,} row{'' if rows == 1 else 's'}; "
            f"fewer than {policy.min_rows:,} cannot tell drift from chance",
        )
        for side, rows in sides.items()
        if rows < policy.min_rows
    ]


def labelled(column: ColumnDrift, text: str) -> str:
    """``text`` with what the column is to the model in front, unless it is a feature."""
    label = "" if column.role is Role.FEATURE else f"{column.role} drift: "
    return f"{label}{text}" if text else ""


def ranked(findings: Iterable[Finding]) -> list[Finding]:
    """Largest first, relative to the limit."""
    return sorted(findings, key=size, reverse=True)


def size(finding: Finding) -> float:
    """How large an effect is relative to its limit; an area under the curve counts from one half."""
    observed, limit = finding.observed or 0.0, finding.limit or 0.0
    if finding.measure == Measure.CHI_SQUARED:
        observed, limit = limit, observed  # a p-value: the smaller, the larger
    if finding.measure == Measure.JOINT_AUC:
        observed, limit = observed - 0.5, limit - 0.5
    return observed / limit if limit > 0 else observed * 1e6


def number_text(finding: Finding) -> str:
    """``hours, KS D 0.21 > 0.05``."""
    observed, limit = finding.observed or 0.0, finding.limit or 0.0
    sign = ">" if observed > limit else ("=" if observed == limit else "<")
    texts = ((f"{observed:.{digits}g}", f"{limit:.{digits}g}") for digits in range(2, 18))
    shown = next((pair for pair in texts if pair[0] != pair[1]), (f"{observed:.2g}", f"{limit:.2g}"))
    return f"{short_name(finding.subject, 24)}, {WORDS[Measure(finding.measure)]} {shown[0]} {sign} {shown[1]}"


def summary(report: DriftReport, findings: Sequence[Finding]) -> str:
    """How many columns drifted and the worst of them; then what else drifted."""
    roles = {column.column: column.role for column in report.columns}
    failed = [finding for finding in findings if finding.status is Status.FAIL]
    drifted: dict[Role, set[str]] = {role: set() for role in Role}
    for finding in failed:
        if finding.subject in roles:
            drifted[roles[finding.subject]].add(finding.subject)
    features = _features_text(report, findings, len(drifted[Role.FEATURE]))
    others = [f"the {role}" for role in (Role.TARGET, Role.PREDICTION) if drifted[role]]
    others += list(dict.fromkeys(finding.subject for finding in failed if finding.subject not in roles))
    if not others:
        return summarise(features or _NONE_COMPARED)
    first = next(finding for finding in failed if roles.get(finding.subject) is not Role.FEATURE)
    # A list of more than two has commas, which end clauses.
    names = list_names(others) if len(others) <= 2 else f"{short_name(others[0])} and {len(others) - 1} more"
    what = f"{names} drifted"
    if not features:
        return summarise(f"{what} ({_deciding_text(first)})")
    if drifted[Role.FEATURE]:
        return summarise(features, f", and {what} too")
    return summarise(f"{_count_text(report, 0)}, but {what} ({_deciding_text(first)})")


_NONE_COMPARED = "no feature was compared"


def _deciding_text(finding: Finding) -> str:
    if finding.limit is None or finding.observed is None:
        return _problem_text(finding)
    return number_text(finding)


def _problem_text(finding: Finding) -> str:
    problem = finding.detail.removeprefix(f"{finding.subject}: ")
    return f"{short_name(finding.subject, 24)}: {quote(problem, 50)}"


def _features_text(report: DriftReport, findings: Sequence[Finding], drifted: int) -> str:
    short = [finding for finding in findings if finding.measure == ROWS]
    if short and not drifted:
        rows, needed = short[0].observed or 0.0, short[0].limit or 0.0
        return f"{short[0].subject} has {rows:,.0f} row{'' if rows == 1 else 's'}, fewer than the {needed:,.0f} needed"
    if not _features(report):
        others = any(finding.status is Status.FAIL for finding in findings)
        return "" if others else _NONE_COMPARED
    return f"{_count_text(report, drifted)}{_worst_text(report, findings, drifted)}"


def _features(report: DriftReport) -> int:
    left_out = (Problem.NEW_COLUMN, *_INFORMATIONAL)
    return sum(column.role is Role.FEATURE and column.problem not in left_out for column in report.columns)


def _count_text(report: DriftReport, drifted: int) -> str:
    return f"{drifted} of {_features(report)} columns drifted"


def _worst_text(report: DriftReport, findings: Sequence[Finding], drifted: int) -> str:
    names = {column.column for column in report.columns if column.role is Role.FEATURE}
    own = [finding for finding in findings if finding.subject in names]
    broken = [finding for finding in own if finding.status is Status.FAIL and finding.limit is None]
    measured = [finding for finding in own if finding.limit is not None and finding.observed is not None]
    undecided = [finding for finding in own if finding.status is Status.INSUFFICIENT_EVIDENCE]
    if broken:
        return f" (worst: {_problem_text(broken[0])})"
    if undecided and not drifted:
        listed = list_names(list(dict.fromkeys(finding.subject for finding in undecided)), length=50)
        return f" (undecided: {listed}{_why_undecided(report, undecided)})"
    if not measured:
        return ""
    lead = max(measured, key=lambda finding: (finding.status.severity, size(finding)))
    reason = _why_no_drift(lead) if size(lead) >= 1 else ""
    return f" ({'worst' if drifted else 'largest'}: {number_text(lead)}{reason})"


def _why_undecided(report: DriftReport, undecided: Sequence[Finding]) -> str:
    """Whether it is for want of rows: profiles tell distances and tests to an interval."""
    problems = {column.column: column.problem for column in report.columns}
    reasons = {problems.get(finding.subject) for finding in undecided}
    if reasons == {None}:
        return ", which profiles without rows leave open"
    return ", which a profile does not tell" if reasons == {Problem.NOT_IN_PROFILE} else ""


def _why_no_drift(lead: Finding) -> str:
    """Why an effect that reaches its limit is no drift."""
    if lead.status is Status.NOTICE and lead.measure == Measure.WINDOW_SCORE:
        return " for the first time"
    return {Status.PASS: " but within chance", Status.NOTICE: " but by the smallest of moves"}.get(lead.status, "")
