"""Which verdicts and failures a person is told of, and how soon they should look."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_mlops_provider.decisions.dataset_fallback import FALLBACK
from airflow_mlops_provider.decisions.validation_messages import QUARANTINE_SHARE
from airflow_mlops_provider.records.alert import Alert, Severity
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.verdict import Finding, Status

MAX_LINES = 8
"""Findings in one message; the evidence has them all."""

_SAID_IN_WORDS = ("violations", "unexpected_rows", QUARANTINE_SHARE, FALLBACK)
"""Measures whose findings say number and limit in their words."""

_OPEN_QUESTION = Status.INSUFFICIENT_EVIDENCE
_SEVERITIES: dict[tuple[Kind, Status], Severity] = {
    (Kind.DRIFT, Status.FAIL): Severity.WARNING,
    (Kind.DRIFT, _OPEN_QUESTION): Severity.WARNING,
    (Kind.VALIDATION, Status.FAIL): Severity.CRITICAL,
    (Kind.VALIDATION, _OPEN_QUESTION): Severity.CRITICAL,
    (Kind.VALIDATION, Status.NOTICE): Severity.WARNING,
    (Kind.DECAY, Status.FAIL): Severity.CRITICAL,
    (Kind.BIAS, Status.FAIL): Severity.WARNING,
    (Kind.VERIFICATION, Status.FAIL): Severity.CRITICAL,
}
_SYMPTOMS = {
    (Kind.DRIFT, Status.FAIL): "Data drifted",
    (Kind.DRIFT, _OPEN_QUESTION): "Drift could not be judged",
    (Kind.VALIDATION, Status.FAIL): "Data refused",
    (Kind.VALIDATION, _OPEN_QUESTION): "Data could not be judged",
    (Kind.VALIDATION, Status.NOTICE): "Rows quarantined",
    (Kind.DECAY, Status.FAIL): "Model decayed",
    (Kind.PROMOTION, Status.PASS): "Model promoted",
    (Kind.ROLLBACK, Status.PASS): "Model rolled back",
}


def judge_severity(outcome: Outcome) -> Severity:
    """How soon a person should look at ``outcome``: info unless its kind and status are known to matter sooner.

    Data that were read at their fallback revision are worth a warning whatever the verdict.
    """
    known = _SEVERITIES.get((outcome.kind, outcome.verdict.status), Severity.INFO)
    return max(known, Severity.WARNING, key=lambda one: one.rank) if _fell_back(outcome) else known


def _fell_back(outcome: Outcome) -> bool:
    return any(finding.measure == FALLBACK for finding in outcome.verdict.findings)


def alert_of_outcome(outcome: Outcome, *, where: str, links: Mapping[str, str]) -> Alert:
    """The message about a verdict.

    :param where: the task it comes from, for a person.
    """
    status = outcome.verdict.status
    symptom = _SYMPTOMS.get((outcome.kind, status), f"{str(outcome.kind).replace('_', ' ').capitalize()}: {status}")
    if {finding.measure for finding in _telling(outcome)} == {FALLBACK}:
        symptom = "Older data were read"
    return Alert(
        severity=judge_severity(outcome),
        title=f"{symptom} in {where}",
        lines=(outcome.verdict.summary, *_numbers(outcome)),
        links=dict(links),
    )


def alert_of_failure(*, where: str, reason: str, outcome: Outcome | None, links: Mapping[str, str]) -> Alert:
    """The message about a task or run that failed.

    :param reason: the error's text; its first line is told.
    :param outcome: the verdict behind the failure, when there is one; its numbers are told.
    """
    first = reason.strip().splitlines()[0] if reason.strip() else "no reason was given"
    lines = (first,) if outcome is None else (outcome.verdict.summary, *_numbers(outcome))
    symptom = "Failed" if outcome is None else _SYMPTOMS.get((outcome.kind, outcome.verdict.status), "Failed")
    return Alert(severity=Severity.CRITICAL, title=f"{symptom}: {where}", lines=lines, links=dict(links))


def _numbers(outcome: Outcome) -> tuple[str, ...]:
    # What the summary says need not be said twice.
    telling = [one for one in _telling(outcome) if not one.detail or one.detail not in outcome.verdict.summary]
    lines = [told(finding) for finding in telling[:MAX_LINES]]
    if len(telling) > MAX_LINES:
        lines.append(f"and {len(telling) - MAX_LINES} more")
    return tuple(lines)


def _telling(outcome: Outcome) -> list[Finding]:
    return [finding for finding in outcome.verdict.findings if finding.status is not Status.PASS]


def in_words(finding: Finding) -> str:
    """The subject and what was found of it, without saying the subject twice."""
    words = finding.detail or finding.measure
    is_named = words.startswith(finding.subject) or f"{finding.subject!r}" in words
    return words if is_named else f"{finding.subject}: {words}"


def told(finding: Finding) -> str:
    """One line about a finding: its words, and the number against its limit where the words do not give both."""
    words = in_words(finding)
    if finding.measure in _SAID_IN_WORDS and finding.detail:
        is_tolerant = finding.measure == "unexpected_rows" and finding.limit
        return f"{words}, {finding.limit:,.4g} are tolerated" if is_tolerant else words
    observed = "none" if finding.observed is None else f"{finding.observed:.4g}"
    limit = "" if finding.limit is None else f", limit {finding.limit:.4g}"
    return f"{words} ({finding.measure} {observed}{limit})"
