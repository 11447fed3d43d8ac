"""The order of windows by their labels, which is that of numbers and of time, and never that of text."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")
_MONTH = re.compile(r"(\d{4})-(\d{2})")
_QUARTER = re.compile(r"(\d{4})-?Q([1-4])")
_DATED = re.compile(r"\d{4}-\d{2}-\d{2}.*|\d{4}-?W\d{2}(-?[1-7])?")


def window_order(label: str) -> tuple[bool, float] | None:
    """Where a window stands among others of its stream; ``None`` when its label does not tell.

    A label is a number, or a time: ``2026-01-31``, also with a time of day and a zone, ``2026-01``, ``2026-W05`` or
    ``2026-Q1``. Without a zone it is in UTC.

    >>> sorted(["2026-Q1", "2025-12", "10", "9"], key=window_order)
    ['9', '10', '2025-12', '2026-Q1']
    >>> window_order("02.01.2026") is None
    True
    """
    if _NUMBER.fullmatch(label):
        return False, float(label)
    try:
        moment = _moment(label)
    except (ValueError, OverflowError):
        return None
    if moment is None:
        return None
    return True, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _moment(label: str) -> datetime | None:
    if match := _MONTH.fullmatch(label):
        return datetime(int(match[1]), int(match[2]), 1, tzinfo=UTC)
    if match := _QUARTER.fullmatch(label):
        return datetime(int(match[1]), 3 * int(match[2]) - 2, 1, tzinfo=UTC)
    return datetime.fromisoformat(label) if _DATED.fullmatch(label) else None
