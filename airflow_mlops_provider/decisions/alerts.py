"""Which verdicts and failures a person is told of, and how soon they should look."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_mlops_provider.decisions.dataset_fallback import FALLBACK
from airflow_mlops_provider.decisions.validation_messages import QUARANTINE_SHARE
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.alert import Alert, Severity
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.verdict import Finding, Status

MAX_LINES = 8
"""Findings in one message; the evidence has them all."""

_SAID_IN_WORDS = ("violations", "unexpected_rows", QUARANTINE_SHARE, FALLBACK)
"""Measures whose findings say number and limit in their words."""

_OPEN_QUESTION = Status.INSUFFICIENT_EVIDENCE


def _row(
    *, notice: Severity = Severity.INFO, open_question: Severity = Severity.INFO, fail: Severity = Severity.INFO
) -> dict[Status, Severity]:
    return {Status.PASS: Severity.INFO, Status.NOTICE: notice, _OPEN_QUESTION: open_question, Status.FAIL: fail}


DEFAULT_SEVERITIES: dict[Kind, dict[Status, Severity]] = {
    Kind.INGEST: _row(open_question=Severity.WARNING, fail=Severity.CRITICAL),
    Kind.VALIDATION: _row(notice=Severity.WARNING, open_question=Severity.CRITICAL, fail=Severity.CRITICAL),
    Kind.DRIFT: _row(open_question=Severity.WARNING, fail=Severity.WARNING),
    Kind.PROFILE: _row(open_question=Severity.WARNING, fail=Severity.WARNING),
    Kind.TRAINING: _row(open_question=Severity.WARNING, fail=Severity.CRITICAL),
    # A candidate that is not better is an ordinary day: the champion stays.
    Kind.EVALUATION: _row(),
    # A slice too small to judge is listed in the evidence every time; it is no news.
    Kind.BIAS: _row(fail=Severity.WARNING),
    Kind.MODEL_CARD: _row(fail=Severity.WARNING),
    Kind.PROMOTION: _row(),
    Kind.ROLLBACK: _row(open_question=Severity.CRITICAL, fail=Severity.CRITICAL),
    Kind.DATASET_ROLLBACK: _row(open_question=Severity.CRITICAL, fail=Severity.CRITICAL),
    Kind.PREDICTION: _row(open_question=Severity.CRITICAL, fail=Severity.CRITICAL),
    Kind.DECAY: _row(open_question=Severity.WARNING, fail=Severity.CRITICAL),
    Kind.VERIFICATION: _row(open_question=Severity.WARNING, fail=Severity.CRITICAL),
    Kind.REPLAY: _row(),
    Kind.REPRODUCTION: _row(open_question=Severity.WARNING, fail=Severity.CRITICAL),
    Kind.INCIDENT: _row(notice=Severity.WARNING, open_question=Severity.CRITICAL, fail=Severity.CRITICAL),
    Kind.PURGE: _row(open_question=Severity.WARNING, fail=Severity.CRITICAL),
    # Somebody approved or withdrew a package by hand.
    Kind.MIRROR: _row(notice=Severity.WARNING, open_question=Severity.WARNING, fail=Severity.CRITICAL),
}
"""How soon a person should look, for every kind and status."""

_SYMPTOMS = {
    (Kind.INGEST, Status.FAIL): "Snapshot not published",
    (Kind.DRIFT, Status.FAIL): "Data drifted",
    (Kind.DRIFT, _OPEN_QUESTION): "Drift could not be judged",
    (Kind.VALIDATION, Status.FAIL): "Data refused",
    (Kind.VALIDATION, _OPEN_QUESTION): "Data could not be judged",
    (Kind.VALIDATION, Status.NOTICE): "Rows quarantined",
    (Kind.DECAY, Status.FAIL): "Model decayed",
    (Kind.DECAY, _OPEN_QUESTION): "Decay could not be judged",
    (Kind.TRAINING, Status.FAIL): "Training refused",
    (Kind.BIAS, Status.FAIL): "A slice is served worse",
    (Kind.PREDICTION, Status.FAIL): "Predictions refused",
    (Kind.ROLLBACK, Status.FAIL): "Rollback refused",
    (Kind.DATASET_ROLLBACK, Status.FAIL): "Rollback of data refused",
    (Kind.DATASET_ROLLBACK, Status.PASS): "Data rolled back",
    (Kind.VERIFICATION, Status.FAIL): "Decisions do not verify",
    (Kind.REPRODUCTION, Status.FAIL): "Model could not be reproduced",
    (Kind.INCIDENT, Status.NOTICE): "Incident opened",
    (Kind.PROMOTION, Status.PASS): "Model promoted",
    (Kind.ROLLBACK, Status.PASS): "Model rolled back",
}


def judge_severity(outcome: Outcome, severities: Mapping[str, Severity] | None = None) -> Severity:
    """How soon a person should look at ``outcome``.

    Data that were read at their fallback revision are worth a warning whatever the verdict.

    :param severities: replaces entries of :data:`DEFAULT_SEVERITIES`; keys read ``kind.status``, such as
        ``drift.fail``; see :func:`require_severities`.
    """
    kind, status = outcome.kind, outcome.verdict.status
    set_by_user = (severities or {}).get(f"{kind}.{status}")
    if set_by_user is not None:
        return set_by_user
    found = DEFAULT_SEVERITIES[kind][status]
    return max(found, Severity.WARNING, key=lambda one: one.rank) if _fell_back(outcome) else found


def require_severities(severities: Mapping[str, Severity | str]) -> dict[str, Severity]:
    """The table with its severities as such.

    :raises BadInputError: naming a key that is no ``kind.status``, or a severity that there is not.
    """
    found = {}
    for key, value in severities.items():
        kind, _, status = key.partition(".")
        if kind not in set(Kind) or status not in set(Status):
            raise BadInputError(
                f"severities: key {key!r} is not kind.status; kinds are {', '.join(Kind)}, statuses {', '.join(Status)}"
            )
        if value not in set(Severity):
            raise BadInputError(f"severities: {key!r} is {value!r}; allowed are {', '.join(Severity)}")
        found[key] = Severity(value)
    return found


def _fell_back(outcome: Outcome) -> bool:
    return any(finding.measure == FALLBACK for finding in outcome.verdict.findings)


def alert_of_outcome(
    outcome: Outcome, *, where: str, links: Mapping[str, str], severities: Mapping[str, Severity] | None = None
) -> Alert:
    """The message about a verdict.

    :param where: the task it comes from, for a person.
    :param severities: see :func:`judge_severity`.
    """
    status = outcome.verdict.status
    symptom = _SYMPTOMS.get((outcome.kind, status), f"{str(outcome.kind).replace('_', ' ').capitalize()}: {status}")
    if {finding.measure for finding in _not_passed(outcome)} == {FALLBACK}:
        symptom = "Older data were read"
    return Alert(
        severity=judge_severity(outcome, severities),
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
    telling = [one for one in _not_passed(outcome) if not one.detail or one.detail not in outcome.verdict.summary]
    lines = [finding_line(finding) for finding in telling[:MAX_LINES]]
    if len(telling) > MAX_LINES:
        lines.append(f"and {len(telling) - MAX_LINES} more")
    return tuple(lines)


def _not_passed(outcome: Outcome) -> list[Finding]:
    return [finding for finding in outcome.verdict.findings if finding.status is not Status.PASS]


def in_words(finding: Finding) -> str:
    """The subject and what was found of it, without saying the subject twice."""
    words = finding.detail or finding.measure
    is_named = words.startswith(finding.subject) or f"{finding.subject!r}" in words
    return words if is_named else f"{finding.subject}: {words}"


def finding_line(finding: Finding) -> str:
    """One line about a finding: its words, and the number against its limit where the words do not give both."""
    words = in_words(finding)
    if finding.measure in _SAID_IN_WORDS and finding.detail:
        is_tolerant = finding.measure == "unexpected_rows" and finding.limit
        return f"{words}, {finding.limit:,.4g} are tolerated" if is_tolerant else words
    observed = "none" if finding.observed is None else f"{finding.observed:.4g}"
    limit = "" if finding.limit is None else f", limit {finding.limit:.4g}"
    return f"{words} ({finding.measure} {observed}{limit})"
