"""Verdicts on past verdicts."""

from __future__ import annotations

from dataclasses import replace

from airflow_mlops_provider.decisions.summaries import first_clause, list_names, short_name, shorten, summarise
from airflow_mlops_provider.records.reports.verification import Check, ReplayReport, VerificationReport
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict

EVIDENCE_PURGED = "evidence_purged"
"""Measure of evidence that is gone and has a tombstone."""


def judge_verification(report: VerificationReport) -> Verdict:
    """Fail when anything does not hold; ``insufficient_evidence`` when something could not be checked."""
    verdict = Verdict.of([_finding(check) for check in report.checks], summary="")
    return replace(verdict, summary=_summary(report, verdict))


def _summary(report: VerificationReport, verdict: Verdict) -> str:
    if not verdict.findings:
        return summarise(f"nothing is recorded about {short_name(report.name)}")
    wrong, unchecked = (len(verdict.of_status(s)) for s in (Status.FAIL, Status.INSUFFICIENT_EVIDENCE))
    total, said = len(verdict.findings), _fault_text(verdict.findings[0])
    if wrong:
        return summarise(f"{wrong} of {total} checks fail on {short_name(report.name)}", f": {said}")
    if unchecked:
        return summarise(f"{unchecked} of {total} checks of {short_name(report.name)} could not be made", f": {said}")
    purged = sum(check.measure == EVIDENCE_PURGED for check in report.checks)
    gone = "1 piece was" if purged == 1 else f"{purged} pieces were"
    return summarise(f"{_counted(report)} hold ({total} checks)", f", {gone} purged by policy" if purged else "")


def _counted(report: VerificationReport) -> str:
    records = "1 decision record" if report.records == 1 else f"{report.records} decision records"
    pieces = "1 piece" if report.pieces == 1 else f"{report.pieces} pieces"
    return f"{records} and {pieces} of evidence of {short_name(report.name)}"


def note_unrecorded(verdict: Verdict, reason: str) -> Verdict:
    """The verdict with a notice that it could not be kept.

    :param reason: why.
    """
    found = Finding(
        subject="verification",
        measure="recorded",
        observed=0.0,
        limit=1.0,
        status=Status.NOTICE,
        detail=f"this verdict was not kept: {reason}",
    )
    return Verdict.of([*verdict.findings, found], summary=verdict.summary)


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
    if not findings:
        return Verdict.of(findings, summary=summarise(f"nothing is recorded about {short_name(report.name)}"))
    which = f" ({list_names([judged.subject for judged in changed], length=50)})" if changed else ""
    text = f"{len(changed)} of {len(findings)} past judgements would have been different{which}"
    return Verdict.of(findings, summary=summarise(text))


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


_FAULTS = {
    "alias_follows_record": "an alias does not follow the record",
    "artifact_unchanged": "an artifact was changed or is gone",
    "attachment_unchanged": "an attachment was changed or is gone",
    "champion_consistent": "a record names another champion than the records before it",
    "effect_consistent": "a record says another effect than its verdict has",
    "evidence_as_recorded": "a record says otherwise than its evidence",
    "evidence_unchanged": "evidence was changed or is gone",
    "purge_was_due": "evidence was removed before it was due",
    "record_edited": "a record was changed",
    "record_misplaced": "a record is out of its place",
    "record_missing": "a record is missing",
    "record_unreadable": "a record cannot be read",
    "registry_agrees": "the registry cannot be asked",
    "verdict_recomputed": "a verdict is not what its report gives",
}
"""What does not hold, by the measure of the check; subject and detail are in the finding."""


def _fault_text(finding: Finding) -> str:
    known = _FAULTS.get(finding.measure)
    return known or shorten(f"{short_name(finding.subject, 24)} {first_clause(finding.detail).replace(': ', ' ')}", 60)
