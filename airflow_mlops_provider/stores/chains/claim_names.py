"""The claims by which what follows a decision is done once: its evidence, its incident."""

from __future__ import annotations

from airflow_mlops_provider.records.decision_record import DecisionRecord


def evidence_claim(record: DecisionRecord) -> str:
    """The claim under which the evidence of a decision is written once, however often its task is tried."""
    return f"{record.kind}-{record.name}-{record.number}"


def incident_claims(title: str) -> tuple[str, str]:
    """The claims under which an incident is opened and closed, once each.

    :param title: of the incident: the model's name and the number of the rollback that opened it.
    """
    return f"incident-{title}", f"incident-closed-{title}"


def incident_title(record: DecisionRecord) -> str:
    """What the incident is called that a rollback opens."""
    return f"{record.name}-{record.number}"
