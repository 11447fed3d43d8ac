"""A snapshot that somebody took back."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """What the mark of a snapshot that was taken back says.

    :param target: name of the snapshot that ``latest`` was moved back to.
    :param reason: why, in one sentence.
    :param withdrawn_at: when, UTC, as ISO 8601.
    :param person: who asked for it.
    :param request: hash of what was asked, the same for every try; ``None`` where each call is a request of its own.
    :param schema: version of this record's shape.
    """

    target: str
    reason: str
    withdrawn_at: str
    person: str | None = None
    request: str | None = None
    schema: int = field(default=1)
