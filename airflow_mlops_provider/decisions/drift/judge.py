"""From report and policy to verdict: the default rule, by rows or by windows, or a named one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from airflow_mlops_provider.decisions.drift.findings import (
    WORDS,
    labelled,
    problem_findings,
    ranked,
    row_findings,
    summary,
)
from airflow_mlops_provider.decisions.drift.named_rules import named_findings
from airflow_mlops_provider.records.policies.drift import DriftPolicy, DriftRule
from airflow_mlops_provider.records.reports.drift import (
    ColumnDrift,
    DriftReport,
    JointDrift,
    Measure,
    Shift,
    WindowDrift,
)
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict

COLUMNS_SHARE, JOINT_SHARE = 0.8, 0.2
"""Parts of the level that the column tests and the joint test may spend, when both run."""

WINDOW_LEVEL = 0.05
"""A window is out of the ordinary when at most this share of windows is as far off; two in a row are an alarm."""


def judge_drift(report: DriftReport, policy: DriftPolicy) -> Verdict:
    """Is the current batch drawn from another distribution than the reference, by enough to matter?

    By default a column drifted when its test is significant after Holm's correction AND its effect reaches the floor;
    significant but immaterial is a ``notice``. Where the report was calibrated on the reference's own windows, two
    windows in a row must be out of the ordinary. Too few rows is ``insufficient_evidence``, never "no drift".

    :param report: what was measured.
    :param policy: the budget of false alarms, the effect floors, or a named rule.
    :returns: findings with the largest effects, relative to their limits, first within each status; the first one also
        says what the judgement assumes.
    """
    findings = [*problem_findings(report), *row_findings(report, policy)]
    notes = [report.joint_note] if policy.joint else []
    if row_findings(report, policy):
        return Verdict.of(findings, summary=summary(report, findings))
    if policy.rule is not DriftRule.DEFAULT:
        findings += ranked(named_findings(report, policy.rule))
        notes = [f"judged by the named rule {policy.rule}, not by the default"]
    elif report.windows is not None:
        findings += ranked(_window_findings(report, report.windows))
        notes = [f"calibrated on {report.windows.windows:,} windows of the reference"]
    else:
        findings += ranked(_shift_findings(report, policy, findings))
        independent = f"groups of {report.group_column}" if report.group_column else "rows"
        notes.append(f"assumes independent {independent}{f' ({report.window_note})' if report.window_note else ''}")
    return Verdict.of(findings, summary=summary(report, findings)).with_detail(*notes)


def _shift_findings(report: DriftReport, policy: DriftPolicy, problems: Sequence[Finding]) -> Iterator[Finding]:
    joint = report.joint if policy.joint else None
    level = policy.level * (COLUMNS_SHARE if joint else 1.0)
    found = [
        _shift_finding(column, shift, policy, level) for column in report.columns for shift in _changed_shifts(column)
    ]
    yield from found
    if joint:
        yield _joint_finding(
            joint, policy, alone=all(finding.status is not Status.FAIL for finding in [*problems, *found])
        )


def _changed_shifts(column: ColumnDrift) -> Iterable[Shift]:
    """Without the missing and unseen values that there are none of; the report keeps those."""
    changed = [shift for shift in column.shifts if shift.effect > 0 or shift.measure in (Measure.KS_D, Measure.TVD)]
    return changed or column.shifts


def _shift_finding(column: ColumnDrift, shift: Shift, policy: DriftPolicy, level: float) -> Finding:
    limit = policy.floor(shift.measure)
    low = shift.effect if shift.robust is None else shift.robust
    high = shift.effect_high if shift.robust_high is None else shift.robust_high
    status = _status(significant=shift.adjusted_p_value <= level, material=low >= limit)
    # Only a profile without rows leaves an interval that contains a limit: nothing could be computed exactly.
    surprising = shift.p_value_low is not None and shift.p_value_low <= level
    is_undecided = (status is Status.NOTICE and high >= limit) or (status is Status.PASS and surprising)
    if is_undecided:
        status = Status.INSUFFICIENT_EVIDENCE
    severe = status is Status.FAIL and shift.measure is Measure.KS_D and low >= policy.severe_ks_d
    jumped = status is Status.NOTICE and shift.effect >= limit
    mark = " (severe)" if severe else _JUMPED if jumped else ""
    return Finding(
        subject=column.column,
        measure=str(shift.measure),
        observed=shift.effect,
        limit=limit,
        p_value=shift.p_value,
        status=status,
        detail=labelled(column, f"{shift.statement}{_open(shift) if is_undecided else ''}{mark}"),
    )


def _open(shift: Shift) -> str:
    ends = f"between {shift.effect:.2f} and {shift.effect_high:.2f}"
    return f"; {WORDS[shift.measure]} lies {ends}, {_LEFT_OPEN}"


_LEFT_OPEN = "which profiles without rows leave open"
_JUMPED = "; nearly all values lie within a twentieth of the usual spread of where they were"


def _joint_finding(joint: JointDrift, policy: DriftPolicy, *, alone: bool) -> Finding:
    """The joint test's finding; ``alone`` when no column drifted by itself."""
    status = _status(
        significant=joint.p_value <= policy.level * JOINT_SHARE, material=joint.auc >= policy.min_joint_auc
    )
    text = f"a classifier tells current rows from reference rows with AUC {joint.auc:.2f} (0.50 is chance)"
    if joint.contributions:
        least = max(joint.contributions.values()) * SAID_FROM
        named = [f"{name} {lost:.2f}" for name, lost in joint.contributions.items() if lost >= least]
        text += f"; AUC lost without: {', '.join(named[:3])}"
    if alone and status is Status.FAIL:
        text += "; no column drifted by itself, so they go together differently, or many moved a little"
    return Finding(
        subject="all features together",
        measure=str(Measure.JOINT_AUC),
        observed=joint.auc,
        limit=policy.min_joint_auc,
        p_value=joint.p_value,
        status=status,
        detail=text,
    )


SAID_FROM = 0.2
"""Part of the largest contribution to the joint test from which another column's is worth saying."""


def _status(*, significant: bool, material: bool) -> Status:
    if significant:
        return Status.FAIL if material else Status.NOTICE
    return Status.PASS


def is_unusual(windows: WindowDrift) -> bool:
    """Whether the current window is out of the ordinary; two in a row are an alarm."""
    return windows.p_value <= WINDOW_LEVEL and not is_open(windows)


def is_open(windows: WindowDrift) -> bool:
    """Whether profiles leave open if the current window is out of the ordinary."""
    low, high = windows.p_value_low, windows.p_value_high
    return low is not None and high is not None and low <= WINDOW_LEVEL < high


def _window_findings(report: DriftReport, windows: WindowDrift) -> Iterator[Finding]:
    """Each column's effect in standard deviations of the reference's own windows, held against their largest."""
    known = {column.column: column for column in report.columns}
    unusual = is_unusual(windows)
    alarm = Status.FAIL if windows.previous_alarm else Status.NOTICE
    undecided = is_open(windows)
    for name, score in windows.standardised.items():
        stands_out = unusual and (name == windows.worst_column or score >= windows.alarm_score)
        text = windows.statements.get(name, f"{name}: {max(score, 0.0):.1f} standard deviations beyond the usual")
        if stands_out and not windows.previous_alarm:
            text += "; an alarm when the next window is out of the ordinary too"
        is_undecided = undecided and name == windows.worst_column
        if is_undecided:
            text += f"; its p-value lies between {windows.p_value_low:.2g} and {windows.p_value_high:.2g}, {_LEFT_OPEN}"
        column = name.removesuffix(" (missing)").removesuffix(" (unseen)")
        yield Finding(
            subject=column,
            measure=str(Measure.WINDOW_SCORE),
            observed=score,
            limit=windows.alarm_score,
            p_value=windows.p_value if name == windows.worst_column else None,
            status=Status.INSUFFICIENT_EVIDENCE if is_undecided else alarm if stands_out else Status.PASS,
            detail=labelled(known[column], text) if column in known else text,
        )
