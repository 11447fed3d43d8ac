"""Incidents: opened by a rollback, with a postmortem to fill in; closed by a person with that postmortem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from airflow_mlops_provider.decisions.incident import judge_incident
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.jobs.job import Job
from airflow_mlops_provider.records.codec import decode
from airflow_mlops_provider.records.evidence import Evidence
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.reports.incident import IncidentReport, IncidentState
from airflow_mlops_provider.records.requests.close import CloseRequest
from airflow_mlops_provider.stores.chains.claim_names import incident_claims, incident_title
from airflow_mlops_provider.stores.chains.decision_chain import Link
from airflow_mlops_provider.stores.chains.in_force import in_force
from airflow_mlops_provider.stores.evidence.packed import packed_bytes
from airflow_mlops_provider.stores.evidence.store import read_evidence
from airflow_mlops_provider.stores.specs import local_path

INCIDENT = "incident"
"""Key in a rollback's evidence under which its incident is linked."""
POSTMORTEM = "postmortem.md"
UNFILLED = "_To be filled in._"
"""Stands in a postmortem wherever a person has something to say."""


def open_incident(job: Job, link: Link, before: Sequence[Link]) -> str:
    """Open the incident of a rollback, once however often its task is tried, and return its evidence's URI.

    :param link: the rollback that was made.
    :param before: the records up to it.
    """
    claim, _ = incident_claims(incident_title(link.record))
    standing = job.evidence_store.claimed(claim)
    if standing is None:
        report = _report(link, before)
        made = job.record(
            Kind.INCIDENT,
            report=report,
            policy=None,
            verdict=judge_incident(report),
            inputs=link.record.datasets,
            model=report.withdrawn,
            attachments={POSTMORTEM: postmortem(report, link, before).encode()},
            details={"record": link.record.number, "record_uri": link.uri, "state": IncidentState.OPEN},
        )
        standing = job.evidence_store.claim(claim, {"evidence_uri": made.evidence_uri})
    uri: str = standing["evidence_uri"]
    return uri


def _report(link: Link, before: Sequence[Link]) -> IncidentReport:
    record, promotion = link.record, _promotion(link, before)
    assert record.champion is not None  # noqa: S101  # a rollback takes back a champion
    return IncidentReport(
        title=incident_title(record),
        state=IncidentState.OPEN,
        withdrawn=record.champion,
        restored=record.model,
        in_force_since=promotion.record.created_at if promotion else "",
        contained_at=record.created_at,
        reason=record.reason,
        person=record.person,
        record=record.number,
    )


def _promotion(link: Link, before: Sequence[Link]) -> Link | None:
    """The promotion of the version that was taken back."""
    standing = in_force([each for each in before if each.record.number < link.record.number], link.record.alias)
    return standing[-1] if standing else None


def postmortem(report: IncidentReport, link: Link, before: Sequence[Link]) -> str:
    """The postmortem in Markdown: what the record knows is filled in, and the rest is for people."""
    promotion = _promotion(link, before)
    evidence = [f"- {uri}" for uri in promotion.record.evidence] if promotion else []
    since = f"{report.in_force_since[:16]} UTC" if report.in_force_since else "before the record began"
    person = report.person or "nobody was named"
    lines = [
        f"# Incident {report.title}: {report.withdrawn.name} version {report.withdrawn.version} was taken back",
        "",
        f"**Why it was taken back:** {report.reason}",
        "",
        "## Timeline",
        "",
        f"- {since}: version {report.withdrawn.version} came into force",
        f"- {UNFILLED} When did it begin to go wrong, and when did somebody notice?",
        f"- {report.contained_at[:16]} UTC: taken back by {person}; "
        f"version {report.restored.version} is in force again (decision {report.record})",
        "",
        "## What the promotion rested on",
        "",
        *(evidence or ["- Nothing: no record promoted this version."]),
        "",
    ]
    for title, question in _QUESTIONS.items():
        lines += [f"## {title}", "", f"{UNFILLED} {question}", ""]
    return "\n".join(lines)


_QUESTIONS = {
    "Who and what was affected": "Which rows, people or reports? Every scored row names the version that made it.",
    "Cause": "What was different from what the evidence had shown?",
    "Why it was not found before": "Which check would have refused this version?",
    "What is done so that it does not happen again": "Which check, limit or slice is added, by whom, until when?",
}


class CloseIncidentJob(Job, CloseRequest):
    """Close an incident with its postmortem; the open one and the decision stay as they are."""

    def run(self) -> Outcome:
        """Check that every gap is filled, and record; an incident is closed once.

        :raises BadInputError: when the incident or postmortem is none, is unfinished, or was closed before.
        """
        uri, found = self._opened()
        text = self._text()
        report = replace(
            decode(IncidentReport, found.report, where=f"evidence {uri}"),
            state=IncidentState.CLOSED,
            person=self.person,
            opened=uri,
        )
        _, claim = incident_claims(report.title)
        closed = self.evidence_store.claimed(claim)
        if closed is not None:
            raise BadInputError(f"incident {report.title} is closed already, by {closed['evidence_uri']}")
        outcome = self.record(
            Kind.INCIDENT,
            report=report,
            policy=None,
            verdict=judge_incident(report),
            inputs=found.inputs,
            model=found.model,
            attachments={POSTMORTEM: text.encode()},
            details={**found.details, "state": IncidentState.CLOSED, "opened": uri},
        )
        standing = self.evidence_store.claim(claim, {"evidence_uri": outcome.evidence_uri})
        return replace(outcome, evidence_uri=standing["evidence_uri"])

    def _opened(self) -> tuple[str, Evidence]:
        found = read_evidence(self.incident)
        uri = str(found.details.get(INCIDENT, "")) if found.kind is Kind.ROLLBACK else self.incident
        opened = read_evidence(uri) if uri else found
        if opened.kind is not Kind.INCIDENT or opened.details.get("state") != IncidentState.OPEN:
            raise BadInputError(f"evidence {self.incident} opens no incident")
        return uri, opened

    def _text(self) -> str:
        packed = packed_bytes(self.postmortem)
        try:
            text = (local_path(self.postmortem).read_bytes() if packed is None else packed).decode("utf-8")
        except (OSError, ValueError) as error:
            raise BadInputError(f"postmortem {self.postmortem}: {getattr(error, 'strerror', None) or error}") from None
        if not text.strip():
            raise BadInputError(f"postmortem {self.postmortem} is empty")
        if UNFILLED in text:
            line = next(n for n, each in enumerate(text.splitlines(), 1) if UNFILLED in each)
            raise BadInputError(f"postmortem {self.postmortem}, line {line}: {UNFILLED.strip('_')}")
        return text
