"""Before and after, in words a person uses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
WITHHELD = "values withheld, the column is sensitive"
OUTSIDE_FROM = 0.01
"""Share of values beyond the reference's own from which it is said."""
WITHHELD_LEVELS = "rare levels"
"""What a shared profile calls the levels that it does not name."""
COARSE = "the reference's profile has too few cells to say where its values lie"
"""What is said of a column of which a shared profile kept next to nothing."""
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
    middles = text(before[2]), text(after[2])
    told = f"{column}: median {_change(*middles)}"
    if abs(after[2] - before[2]) < 0.1 * (before[3] - before[1] or before[4] - before[0]):
        halves = [f"{text(side[1])} to {text(side[3])}" for side in (before, after)]
        told += f", middle half {_change(*halves)}"
    return f"{told}{_way(after - before)}"


def _change(before: str, after: str) -> str:
    return f"still {after}" if before == after else f"{before} -> {after}"


def outside_change(below: tuple[float, str], above: tuple[float, str]) -> str:
    """Values where the reference held next to none; empty when there are few.

    :param below: their share below the reference's values, and where these begin, in words.
    :param above: their share above the reference's values, and where these end, in words.
    """
    ends = ((*below, "below"), (*above, "above"))
    found = [f"{percent(share)} {side} {at}" for share, at, side in ends if share >= OUTSIDE_FROM]
    return f"; {' and '.join(found)}, where the reference has next to none" if found else ""


def _way(moves: Floats) -> str:
    if not np.any(moves):
        return ""
    if np.all(moves[1:4] >= 0) and np.any(moves[1:4]):
        return ", higher"
    if np.all(moves[1:4] <= 0) and np.any(moves[1:4]):
        return ", lower"
    spread = moves[3] - moves[1] or moves[4] - moves[0]
    return ", wider" if spread > 0 else ", narrower"


def level_changes(column: str, moves: Sequence[tuple[str, float, float]], *, sensitive: bool = False) -> str:
    """How the shares of the levels that moved most changed.

    :param moves: level, its share before and its share now; the largest move first.
    """
    if sensitive:
        return f"{column}: {WITHHELD}"
    told = [f"{level}{_often(now - before)} {percent(before)} -> {percent(now)}" for level, before, now in moves]
    return f"{column}: {'; '.join(told)} of values"


def _often(change: float) -> str:
    return "" if not change else (" more often," if change > 0 else " less often,")


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
