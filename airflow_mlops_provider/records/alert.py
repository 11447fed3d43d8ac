"""What a person is told, whatever channel carries it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """How soon a person should look."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for info, 2 for critical."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One message: the symptom first, then the cause.

    :param severity: how soon to look.
    :param title: the symptom, in one line.
    :param lines: the numbers behind it, most telling first.
    :param links: label to URL: the run, the evidence, the runbook.
    """

    severity: Severity
    title: str
    lines: tuple[str, ...] = ()
    links: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class UndeliveredAlert:
    """An alert that its channel did not take, kept so that it is not lost.

    :param alert: what should have been told.
    :param channel: where, such as ``slack_default``.
    :param reason: why it was not delivered, in one line.
    :param created_at: ISO 8601, UTC.
    :param origin: ``dag_id``, ``run_id``, ``task_id`` as far as they are known.
    """

    alert: Alert
    channel: str
    reason: str
    created_at: str
    origin: dict[str, str] = field(default_factory=dict)
    schema: int = 1
