"""What promotion and rollback share once their decision is committed."""

from __future__ import annotations

from airflow_mlops_provider.jobs.base import Job
from airflow_mlops_provider.records.decision_record import DecisionRecord
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.stores.decisions import Link


def outcome_of(job: Job, link: Link) -> Outcome:
    """The Outcome of a committed decision, its evidence written once however often the task is tried.

    The record is the truth; the evidence is its copy in the form that pages, links and alerts read.
    """
    record = link.record
    claim = f"{record.kind}-{record.name}-{record.number}"
    standing = job.evidence_store.claimed(claim)
    if standing is None:
        standing = job.evidence_store.claim(claim, {"evidence_uri": _write_evidence(job, link).evidence_uri})
    return Outcome(
        kind=Kind(record.kind), verdict=record.verdict, evidence_uri=standing["evidence_uri"], model=record.model
    )


def _write_evidence(job: Job, link: Link) -> Outcome:
    record = link.record
    return job.record(
        Kind(record.kind),
        report=record.report,
        policy=record.policy,
        verdict=record.verdict,
        inputs=record.datasets,
        model=record.model,
        details=_details(link.record, link.uri, link.digest),
    )


def _details(record: DecisionRecord, uri: str, digest: str) -> dict[str, object]:
    return {
        "record": record.number,
        "record_uri": uri,
        "record_sha256": digest,
        "effect": str(record.effect),
        "alias": record.alias,
        "champion_before": record.champion.version if record.champion else None,
        "person": record.person,
        "reason": record.reason,
    }
