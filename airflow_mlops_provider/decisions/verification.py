"""Verdicts on past verdicts."""

from __future__ import annotations

from airflow_mlops_provider.records.reports.verification import Check, ReplayReport, VerificationReport
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict

EVIDENCE_PURGED = "evidence_purged"
"""Measure of evidence that is gone and has a tombstone."""


def judge_verification(report: VerificationReport) -> Verdict:
    """Fail when anything does not hold; ``insufficient_evidence`` when something could not be checked."""
    findings = [_finding(check) for check in report.checks]
    verdict = Verdict.of(findings, summary="")
    wrong, unchecked = (len(verdict.of_status(s)) for s in (Status.FAIL, Status.INSUFFICIENT_EVIDENCE))
    records = "1 decision record" if report.records == 1 else f"{report.records} decision records"
    pieces = "1 piece" if report.pieces == 1 else f"{report.pieces} pieces"
    counted = f"{records} and {pieces} of evidence of {report.name}"
    if wrong:
        summary = f"{wrong} of {len(findings)} checks fail on {counted}: {_said(verdict.findings[0])}"
    elif unchecked:
        summary = f"{counted} hold as far as they could be checked: {_said(verdict.findings[0])}"
    elif findings:
        summary = f"{counted} hold ({len(findings)} checks)"
    else:
        summary = f"nothing is recorded about {report.name}"
    purged = sum(check.measure == EVIDENCE_PURGED for check in report.checks)
    gone = "1 piece was" if purged == 1 else f"{purged} pieces were"
    return Verdict.of(findings, summary=f"{summary}; {gone} purged by policy" if purged else summary)


def judge_replay(report: ReplayReport) -> Verdict:
    """A notice for each judgement that would have been another one; a pass when none would."""
    findings = [
        Finding(
            subject=judged.subject,
            measure="would_change",
            observed=float(judged.changed),
            limit=0.0,
            status=Status.NOTICE if judged.changed else Status.PASS,
            detail=judged.detail,
        )
        for judged in report.judgements
    ]
    changed = [judged for judged in report.judgements if judged.changed]
    summary = f"{len(changed)} of {len(findings)} past judgements would have been different"
    if changed:
        summary += ": " + "; ".join(f"{judged.subject}: {judged.detail}" for judged in changed[:3])
    return Verdict.of(findings, summary=summary if findings else f"nothing is recorded about {report.name}")


def _finding(check: Check) -> Finding:
    status = {True: Status.PASS, False: Status.FAIL, None: Status.INSUFFICIENT_EVIDENCE}[check.holds]
    return Finding(
        subject=check.subject,
        measure=check.measure,
        observed=None if check.holds is None else float(check.holds),
        limit=1.0,
        status=status,
        detail=check.detail,
    )


def _said(finding: Finding) -> str:
    return f"{finding.subject} {finding.detail}"
