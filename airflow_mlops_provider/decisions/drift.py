"""When a measured shift is drift: the default policy, with a stated rate of false alarms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.reports.drift import (
    ColumnDrift,
    DriftReport,
    JointDrift,
    Measure,
    Problem,
    Role,
    Shift,
)
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict

COLUMNS_SHARE, JOINT_SHARE = 0.8, 0.2
"""Parts of the level that the column tests and the joint test may spend, when both run."""

WORDS = {
    Measure.KS_D: "KS D",
    Measure.TVD: "TVD",
    Measure.MISSING_CHANGE: "missing share change",
    Measure.UNSEEN_SHARE: "unseen share",
    Measure.JOINT_AUC: "joint AUC",
}


class DriftRule(StrEnum):
    """Which rule judges. Every rule but ``default`` is kept because users know it; see the docs for its error rates."""

    DEFAULT = "default"
    SIDAK_KS = "sidak_ks"
    WASSERSTEIN = "wasserstein"
    JENSEN_SHANNON = "jensen_shannon"
    CHI_SQUARED = "chi_squared"
    PSI = "psi"
    EVIDENTLY = "evidently"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftPolicy:
    """When drift is worth waking somebody: it must be surprising AND large enough to matter.

    :param monthly_false_alarm: chance that a month without drift contains an alarm.
    :param checks_per_month: how many checks share that chance.
    :param min_ks_d: smallest KS distance of a numeric column that matters, 0 to 1.
    :param severe_ks_d: KS distance from which drift is called severe.
    :param min_tvd: smallest total variation distance of a categorical column that matters, 0 to 1.
    :param min_missing_change: smallest change of a column's share of missing values that matters, 0 to 1.
    :param min_unseen_share: smallest share of values that the reference never held that matters, 0 to 1.
    :param joint: also test all features together with a classifier, for a fifth of the false-alarm budget.
    :param min_joint_auc: smallest area under its ROC curve that matters, 0.5 to 1.
    :param min_rows: with fewer rows on either side the verdict is ``insufficient_evidence``.
    :param rule: a named rule in place of the default.
    :raises BadInputError: when a value is out of range, naming the key.
    """

    monthly_false_alarm: float = 0.05
    checks_per_month: int = 30
    min_ks_d: float = 0.05
    severe_ks_d: float = 0.10
    min_tvd: float = 0.05
    min_missing_change: float = 0.02
    min_unseen_share: float = 0.01
    joint: bool = True
    min_joint_auc: float = 0.55
    min_rows: int = 200
    rule: DriftRule = DriftRule.DEFAULT

    def __post_init__(self) -> None:
        _in_range("monthly_false_alarm", self.monthly_false_alarm, 0.0, 1.0, open_ends=True)
        for key in ("min_ks_d", "severe_ks_d", "min_tvd", "min_missing_change", "min_unseen_share"):
            _in_range(key, getattr(self, key), 0.0, 1.0)
        _in_range("min_joint_auc", self.min_joint_auc, 0.5, 1.0)
        for key in ("checks_per_month", "min_rows"):
            if getattr(self, key) < 1:
                raise BadInputError(f"DriftPolicy.{key} is {getattr(self, key)}; it must be at least 1")
        if self.severe_ks_d < self.min_ks_d:
            raise BadInputError(
                f"DriftPolicy.severe_ks_d ({self.severe_ks_d}) is below min_ks_d ({self.min_ks_d}): "
                "severe drift would not be drift"
            )
        if self.rule not in tuple(DriftRule):
            raise BadInputError(f"DriftPolicy.rule is {self.rule!r}; allowed are {', '.join(DriftRule)}")
        object.__setattr__(self, "rule", DriftRule(self.rule))

    @property
    def level(self) -> float:
        """The chance of a false alarm that one check may spend."""
        return self.monthly_false_alarm / self.checks_per_month

    def floor(self, measure: Measure) -> float:
        """The smallest effect of ``measure`` that matters."""
        return {
            Measure.KS_D: self.min_ks_d,
            Measure.TVD: self.min_tvd,
            Measure.MISSING_CHANGE: self.min_missing_change,
            Measure.UNSEEN_SHARE: self.min_unseen_share,
            Measure.JOINT_AUC: self.min_joint_auc,
        }[measure]


def _in_range(key: str, value: float, low: float, high: float, *, open_ends: bool = False) -> None:
    inside = low < value < high if open_ends else low <= value <= high
    if not inside:
        raise BadInputError(f"DriftPolicy.{key} is {value}; it must lie between {low} and {high}")


def judge_drift(report: DriftReport, policy: DriftPolicy) -> Verdict:
    """Is the current batch drawn from another distribution than the reference, by enough to matter?

    A column drifted when its test is significant after Holm's correction AND its effect reaches the floor;
    significant but immaterial is a ``notice``. Too few rows is ``insufficient_evidence``, never "no drift".

    :param report: what was measured.
    :param policy: the budget of false alarms and the effect floors.
    :returns: findings with the largest effects, relative to their limits, first within each status.
    """
    findings = [_problem_finding(column) for column in report.columns if column.problem]
    findings += _row_findings(report, policy)
    if not any(finding.measure == "rows" for finding in findings):
        findings += _ranked(_shift_findings(report, policy))
    return Verdict.of(findings, summary=_summary(report, findings))


_PROBLEM_STATUS = {
    Problem.ABSENT: Status.FAIL,
    Problem.ALL_MISSING: Status.FAIL,
    Problem.TYPE_CHANGED: Status.FAIL,
    Problem.TOO_FEW_VALUES: Status.INSUFFICIENT_EVIDENCE,
    Problem.NO_LABELS_YET: Status.NOTICE,
    Problem.NEW_COLUMN: Status.NOTICE,
    Problem.UNSUPPORTED_TYPE: Status.NOTICE,
}


def _problem_finding(column: ColumnDrift) -> Finding:
    assert column.problem is not None  # noqa: S101  # for the type checker; the caller filtered
    return Finding(
        subject=column.column,
        measure=str(column.problem),
        observed=float(column.current_values),
        status=_PROBLEM_STATUS[column.problem],
        detail=_labelled(column, column.statement),
    )


def _row_findings(report: DriftReport, policy: DriftPolicy) -> list[Finding]:
    sides = {"reference": report.reference_rows, "current": report.current_rows}
    return [
        Finding(
            subject=side,
            measure="rows",
            observed=float(rows),
            limit=float(policy.min_rows),
            status=Status.INSUFFICIENT_EVIDENCE,
            detail=f"{side} has {rows:,} rows; fewer than {policy.min_rows:,} cannot tell drift from chance",
        )
        for side, rows in sides.items()
        if rows < policy.min_rows
    ]


def _shift_findings(report: DriftReport, policy: DriftPolicy) -> Iterator[Finding]:
    joint = report.joint if policy.joint else None
    level = policy.level * (COLUMNS_SHARE if joint else 1.0)
    for column in report.columns:
        for shift in _news(column):
            yield _shift_finding(column, shift, policy, level)
    if joint:
        yield _joint_finding(joint, policy)


def _news(column: ColumnDrift) -> Iterable[Shift]:
    """Without the missing and unseen values that there are none of; the report keeps those."""
    news = [shift for shift in column.shifts if shift.effect > 0 or shift.measure in (Measure.KS_D, Measure.TVD)]
    return news or column.shifts


def _shift_finding(column: ColumnDrift, shift: Shift, policy: DriftPolicy, level: float) -> Finding:
    limit = policy.floor(shift.measure)
    status = _status(significant=shift.adjusted_p_value <= level, material=shift.effect >= limit)
    severe = status is Status.FAIL and shift.measure is Measure.KS_D and shift.effect >= policy.severe_ks_d
    return Finding(
        subject=column.column,
        measure=str(shift.measure),
        observed=shift.effect,
        limit=limit,
        p_value=shift.p_value,
        status=status,
        detail=_labelled(column, f"{shift.statement} (severe)" if severe else shift.statement),
    )


def _joint_finding(joint: JointDrift, policy: DriftPolicy) -> Finding:
    significant = joint.p_value <= policy.level * JOINT_SHARE
    told_by = ", ".join(f"{name} ({drop:.3f})" for name, drop in list(joint.contributions.items())[:3])
    return Finding(
        subject="all features together",
        measure=str(Measure.JOINT_AUC),
        observed=joint.auc,
        limit=policy.min_joint_auc,
        p_value=joint.p_value,
        status=_status(significant=significant, material=joint.auc >= policy.min_joint_auc),
        detail=f"a classifier tells current rows from reference rows with AUC {joint.auc:.2f}"
        + (f"; AUC lost without: {told_by}" if told_by else ""),
    )


def _status(*, significant: bool, material: bool) -> Status:
    if significant:
        return Status.FAIL if material else Status.NOTICE
    return Status.PASS


def _labelled(column: ColumnDrift, text: str) -> str:
    label = "" if column.role is Role.FEATURE else f"{column.role} drift: "
    return f"{label}{text}" if text else ""


def _ranked(findings: Iterator[Finding]) -> list[Finding]:
    return sorted(findings, key=_size, reverse=True)


def _size(finding: Finding) -> float:
    """How large an effect is relative to its limit; an area under the curve counts from one half."""
    observed, limit = finding.observed or 0.0, finding.limit or 0.0
    if finding.measure == Measure.JOINT_AUC:
        observed, limit = observed - 0.5, limit - 0.5
    return observed / limit if limit > 0 else observed * 1e6


def _summary(report: DriftReport, findings: Sequence[Finding]) -> str:
    by_role: dict[Role, set[str]] = {role: set() for role in Role}
    roles = {column.column: column.role for column in report.columns}
    failed = [finding for finding in findings if finding.status is Status.FAIL]
    for finding in failed:
        if finding.subject in roles:
            by_role[roles[finding.subject]].add(finding.subject)
    parts = [_features_text(report, findings, len(by_role[Role.FEATURE]))]
    parts += [
        f"{role} drifted: {', '.join(sorted(names))}"
        for role, names in by_role.items()
        if names and role is not Role.FEATURE
    ]
    parts += [_number_text(finding) for finding in failed if finding.measure == Measure.JOINT_AUC]
    if report.joint_note:
        parts.append(report.joint_note)
    if report.windows is None and any(finding.p_value is not None for finding in findings):
        parts.append("assumes independent rows")
    return "; ".join(parts)


def _features_text(report: DriftReport, findings: Sequence[Finding], drifted: int) -> str:
    short = [finding.detail for finding in findings if finding.measure == "rows"]
    if short and not drifted:
        return short[0]
    names = {column.column for column in report.columns if column.role is Role.FEATURE}
    total = sum(column.role is Role.FEATURE and column.problem is not Problem.NEW_COLUMN for column in report.columns)
    own = [finding for finding in findings if finding.subject in names and finding.limit is not None]
    broken = [f for f in findings if f.subject in names and f.status is Status.FAIL and f.limit is None]
    if broken:
        worst = f" (worst: {broken[0].detail})"
    elif own:
        lead = max(own, key=lambda finding: (finding.status.severity, _size(finding)))
        chance = " but within chance" if lead.status is Status.PASS and _size(lead) >= 1 else ""
        worst = f" ({'worst' if drifted else 'largest'}: {_number_text(lead)}{chance})"
    else:
        worst = ""
    return f"{drifted} of {total} columns drifted{worst}"


def _number_text(finding: Finding) -> str:
    observed, limit = finding.observed or 0.0, finding.limit or 0.0
    sign = ">" if observed > limit else ("=" if observed == limit else "<")
    return f"{finding.subject}, {WORDS[Measure(finding.measure)]} {observed:.2g} {sign} {limit:.2g}"
