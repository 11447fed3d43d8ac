"""What is known of an incident: a champion that was taken back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from airflow_mlops_provider.records.refs import ModelRef


class IncidentState(StrEnum):
    """Whether somebody has said what happened."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentReport:
    """The facts of an incident.

    :param title: model and decision, for a person.
    :param state: open, or closed with a postmortem.
    :param withdrawn: the version that was in force.
    :param restored: the version that was put back.
    :param in_force_since: ISO 8601, UTC: when the withdrawn version was promoted; empty when no record says so.
    :param contained_at: ISO 8601, UTC: when it was taken back.
    :param reason: why, as given by whoever took it back.
    :param person: who took it back, or, once closed, who closed it; ``None`` when nobody is named.
    :param record: number of the decision that took it back.
    :param opened: URI of the evidence that opened it; empty while open.
    """

    title: str
    state: IncidentState
    withdrawn: ModelRef
    restored: ModelRef
    in_force_since: str
    contained_at: str
    reason: str
    person: str | None
    record: int
    opened: str = ""
