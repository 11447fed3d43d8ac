"""Before and after, in words a person uses."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
WITHHELD = "values withheld, the column is sensitive"
WITHHELD_LEVELS = "rare levels"
"""What a shared profile calls the levels that it does not name."""
GROUPED = "one group of levels"
"""What stands for a level where levels are counted in groups."""


def quantity(value: float) -> str:
    """A number to read: ``2,160``, ``0.0312``, ``1.4e+09``."""
    if value == 0 or 1e-4 <= abs(value) < 1e9:
        digits = 0 if float(value).is_integer() or abs(value) >= 1000 else 3 - len(str(int(abs(value))))
        return f"{value:,.{max(digits, 0)}f}" if abs(value) >= 1 or value == 0 else f"{value:.3g}"
    return f"{value:.3g}"


def moment(seconds: float) -> str:
    """Seconds since 1970 as a date and time."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, ValueError, OSError):
        return quantity(seconds)


def percent(share: float) -> str:
    """A share to read: ``24.4 %``."""
    return f"{share * 100:.1f} %"


def numeric_change(column: str, before: Floats, after: Floats, *, time: bool = False, sensitive: bool = False) -> str:
    """The middle before and after, the quartiles when the middle stayed, and which way the values went.

    :param before: quantiles 5, 25, 50, 75 and 95 % of the reference.
    :param after: the same of the current batch.
    """
    if sensitive:
        return f"{column}: {WITHHELD}"
    text = moment if time else quantity
    told = f"{column}: median {text(before[2])} -> {text(after[2])}"
    if abs(after[2] - before[2]) < 0.1 * (before[3] - before[1] or before[4] - before[0]):
        told += f", middle half {text(before[1])} to {text(before[3])} -> {text(after[1])} to {text(after[3])}"
    return f"{told}{_way(after - before)}"


def _way(moves: Floats) -> str:
    if not np.any(moves):
        return ""
    if np.all(moves[1:4] >= 0) and np.any(moves[1:4]):
        return ", higher"
    if np.all(moves[1:4] <= 0) and np.any(moves[1:4]):
        return ", lower"
    spread = moves[3] - moves[1] or moves[4] - moves[0]
    return ", wider" if spread > 0 else ", narrower"


def level_change(column: str, level: str, before: float, after: float, *, sensitive: bool = False) -> str:
    """How the share of the level that moved most changed."""
    if sensitive:
        return f"{column}: {WITHHELD}"
    word = "" if after == before else (", more often" if after > before else ", less often")
    return f"{column}: {level} in {percent(before)} -> {percent(after)} of values{word}"


def missing_change(column: str, before: float, after: float) -> str:
    """How the share of missing values changed."""
    return f"{column}: missing {percent(before)} -> {percent(after)} of rows"


def unseen_levels(
    column: str, share: float, singles: float, examples: dict[str, int], *, sensitive: bool = False
) -> str:
    """How many values are of levels that the reference never held, with the most frequent of them."""
    text = f"{column}: {percent(share)} of values are of levels that the reference never held"
    if singles > 0:
        text += f" ({percent(singles)} expected, the reference's own once-only levels)"
    if sensitive or not examples:
        return text
    return f"{text}: " + ", ".join(f"{level!r} ({count:,} times)" for level, count in examples.items())
