"""Describe the change of a column in a sentence."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
WITHHELD = "values withheld, the column is sensitive"
MIN_STATED_SHARE = 0.01
"""Share of values beyond those of the reference from which a sentence mentions it."""
WITHHELD_LEVELS = "rare levels"
"""Name of the levels that a shared profile withholds."""
TOO_COARSE = "the reference's profile has too few cells to say where its values lie"
"""Description of a column for which a shared profile has too few cells."""
GROUP_OF_LEVELS = "one group of levels"
"""Name of a level when levels are counted in groups."""


def format_number(value: float) -> str:
    """Return a number as text with about three digits: ``2,160``, ``0.0312``, ``1.4e+09``."""
    if value == 0 or 1e-4 <= abs(value) < 1e9:
        digits = 0 if float(value).is_integer() or abs(value) >= 1000 else 3 - len(str(int(abs(value))))
        return f"{value:,.{max(digits, 0)}f}" if abs(value) >= 1 or value == 0 else f"{value:.3g}"
    return f"{value:.3g}"


def format_timestamp(seconds: float) -> str:
    """Return seconds since 1970 as a date and time in UTC."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, ValueError, OSError):
        return format_number(seconds)


def format_time_of_day(seconds: float) -> str:
    """Return seconds since midnight as a time of day."""
    return format_timestamp(seconds).split(" ")[-1]


def format_duration(seconds: float) -> str:
    """Return a duration in seconds as text: ``90.0 s``, ``2.50 h``, ``12 d``."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if abs(seconds) >= 2 * size:
            return f"{format_number(seconds / size)} {unit}"
    return f"{format_number(seconds)} s"


Formatter = Callable[[float], str]
_PRECISE_FORMATS: dict[Formatter, str] = {format_timestamp: "%Y-%m-%d %H:%M:%S.%f", format_time_of_day: "%H:%M:%S.%f"}


def format_distinct(one: float, other: float, text: Formatter) -> tuple[str, str]:
    """Return two values as texts with enough digits to differ.

    :param one: the first value.
    :param other: the second value.
    :param text: :func:`format_number`, :func:`format_timestamp`, :func:`format_time_of_day` or :func:`format_duration`.
    """
    texts = text(one), text(other)
    if texts[0] != texts[1] or one == other:
        return texts
    try:
        if text in _PRECISE_FORMATS:
            found = [datetime.fromtimestamp(value, UTC).strftime(_PRECISE_FORMATS[text]) for value in (one, other)]
            return found[0], found[1]
    except (OverflowError, ValueError, OSError):
        pass
    decimals = min(max(0, 1 + math.ceil(-math.log10(abs(other - one)))), 17)
    unit = " s" if text is format_duration else ""
    return f"{one:,.{decimals}f}{unit}", f"{other:,.{decimals}f}{unit}"


def format_percent(share: float) -> str:
    """Return a share as text: ``24.4 %``."""
    return f"{share * 100:.1f} %"


def share_change(before: float, now: float) -> str:
    """Return the change of a share as text: ``24.4 % -> 30.1 %``, or ``still 24.4 %``."""
    if before == now:
        return f"still {format_percent(now)}"
    first, second = format_percent(before), format_percent(now)
    if first == second:
        first, second = (f"{text} %" for text in format_distinct(before * 100, now * 100, "{:.1f}".format))
    return f"{first} -> {second}"


def numeric_change(column: str, before: Floats, after: Floats, text: Formatter, *, sensitive: bool = False) -> str:
    """Describe the change of a numeric column: its median, its quartiles when the median stayed, and the direction.

    :param column: name of the column.
    :param before: the 5, 25, 50, 75 and 95 % quantiles of the reference, shape ``(5,)``.
    :param after: the same quantiles of the current batch, shape ``(5,)``.
    :param text: function from value to text.
    :param sensitive: whether the values must not be shown.
    """
    if sensitive:
        return f"{column}: {WITHHELD}"
    moved = 0.1 * (before[3] - before[1] or before[4] - before[0])

    def pair(i: int) -> tuple[str, str]:
        if abs(after[i] - before[i]) < moved:
            return text(before[i]), text(after[i])
        return format_distinct(before[i], after[i], text)

    change = f"{column}: median {_change(*pair(2))}"
    if abs(after[2] - before[2]) < moved:
        change += f", middle half {_change(*map(' to '.join, zip(pair(1), pair(3), strict=True)))}"
    return f"{change}{_direction(after - before)}"


def _change(before: str, after: str) -> str:
    return f"still {after}" if before == after else f"{before} -> {after}"


def outside_change(below: tuple[float, str], above: tuple[float, str]) -> str:
    """Describe the values beyond those of the reference; empty when there are few.

    :param below: share of values below the reference's values, and the text of the smallest of these.
    :param above: share of values above the reference's values, and the text of the largest of these.
    """
    ends = ((*below, "below"), (*above, "above"))
    found = [f"{format_percent(share)} {side} {at}" for share, at, side in ends if share >= MIN_STATED_SHARE]
    return f"; {' and '.join(found)}, where the reference has next to none" if found else ""


def _direction(moves: Floats) -> str:
    if not np.any(moves):
        return ""
    if np.all(moves[1:4] >= 0) and np.any(moves[1:4]):
        return ", higher"
    if np.all(moves[1:4] <= 0) and np.any(moves[1:4]):
        return ", lower"
    outer = moves[[0, 1, 3, 4]]
    if np.all(outer >= 0) or np.all(outer <= 0):
        return ", mostly higher" if outer.sum() > 0 else ", mostly lower" if outer.sum() < 0 else ""
    inside, outside = moves[3] - moves[1], moves[4] - moves[0]
    if inside * outside < 0:
        return ", of another shape"
    return ", wider" if inside + outside > 0 else ", narrower"


def level_changes(column: str, moves: Sequence[tuple[str, float, float]], *, sensitive: bool = False) -> str:
    """Describe how the shares of the levels that changed most did change.

    :param column: name of the column.
    :param moves: level, its share in the reference and its share in the current batch; the largest change first.
    :param sensitive: whether the levels must not be shown.
    """
    if sensitive:
        return f"{column}: {WITHHELD}"
    changes = [
        f"{level}{_direction_of_share(now - before)} {share_change(before, now)}" for level, before, now in moves
    ]
    return f"{column}: {'; '.join(changes)} of values"


def _direction_of_share(change: float) -> str:
    return "" if not change else (" more often," if change > 0 else " less often,")


def missing_change(column: str, before: float, after: float) -> str:
    """Describe how the share of missing values changed."""
    return f"{column}: missing {share_change(before, after)} of rows"


def unseen_levels(
    column: str, share: float, singles: float, examples: dict[str, int], *, sensitive: bool = False
) -> str:
    """Describe the share of values with levels that the reference does not have.

    :param column: name of the column.
    :param share: share of the current values with such levels.
    :param singles: share that is expected, from levels that occur once in the reference.
    :param examples: the most frequent of these levels, with their counts.
    :param sensitive: whether the levels must not be shown.
    """
    text = f"{column}: {format_percent(share)} of values are of levels that the reference never held"
    if singles > 0:
        text += f" ({format_percent(singles)} expected, the reference's own once-only levels)"
    if sensitive or not examples:
        return text
    return f"{text}: " + ", ".join(f"{level!r} ({count:,} times)" for level, count in examples.items())
