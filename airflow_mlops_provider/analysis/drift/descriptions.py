"""Before and after, in words a person uses."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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


def clock(seconds: float) -> str:
    """Seconds since midnight as a time of day."""
    return moment(seconds).split(" ")[-1]


def duration(seconds: float) -> str:
    """A length of time to read: ``90.0 s``, ``2.50 h``, ``12 d``."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if abs(seconds) >= 2 * size:
            return f"{quantity(seconds / size)} {unit}"
    return f"{quantity(seconds)} s"


Text = Callable[[float], str]
_FINE: dict[Text, str] = {moment: "%Y-%m-%d %H:%M:%S.%f", clock: "%H:%M:%S.%f"}


def apart(one: float, other: float, text: Text) -> tuple[str, str]:
    """Two values in words, with as many digits as it takes to tell them apart.

    :param text: :func:`quantity`, :func:`moment`, :func:`clock` or :func:`duration`.
    """
    told = text(one), text(other)
    if told[0] != told[1] or one == other:
        return told
    try:
        if text in _FINE:
            found = [datetime.fromtimestamp(value, UTC).strftime(_FINE[text]) for value in (one, other)]
            return found[0], found[1]
    except (OverflowError, ValueError, OSError):
        pass
    decimals = min(max(0, 1 + math.ceil(-math.log10(abs(other - one)))), 17)
    unit = " s" if text is duration else ""
    return f"{one:,.{decimals}f}{unit}", f"{other:,.{decimals}f}{unit}"


def percent(share: float) -> str:
    """A share to read: ``24.4 %``."""
    return f"{share * 100:.1f} %"


def share_change(before: float, now: float) -> str:
    """``24.4 % -> 30.1 %``, or ``still 24.4 %``."""
    if before == now:
        return f"still {percent(now)}"
    first, second = percent(before), percent(now)
    if first == second:
        first, second = (f"{text} %" for text in apart(before * 100, now * 100, "{:.1f}".format))
    return f"{first} -> {second}"


def numeric_change(column: str, before: Floats, after: Floats, text: Text, *, sensitive: bool = False) -> str:
    """The middle before and after, the quartiles when the middle stayed, and which way the values went.

    :param before: quantiles 5, 25, 50, 75 and 95 % of the reference.
    :param after: the same of the current batch.
    :param text: how a value is written.
    """
    if sensitive:
        return f"{column}: {WITHHELD}"
    moved = 0.1 * (before[3] - before[1] or before[4] - before[0])

    def pair(i: int) -> tuple[str, str]:
        if abs(after[i] - before[i]) < moved:
            return text(before[i]), text(after[i])
        return apart(before[i], after[i], text)

    told = f"{column}: median {_change(*pair(2))}"
    if abs(after[2] - before[2]) < moved:
        told += f", middle half {_change(*map(' to '.join, zip(pair(1), pair(3), strict=True)))}"
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
    outer = moves[[0, 1, 3, 4]]
    if np.all(outer >= 0) or np.all(outer <= 0):
        return ", mostly higher" if outer.sum() > 0 else ", mostly lower" if outer.sum() < 0 else ""
    inside, outside = moves[3] - moves[1], moves[4] - moves[0]
    if inside * outside < 0:
        return ", of another shape"
    return ", wider" if inside + outside > 0 else ", narrower"


def level_changes(column: str, moves: Sequence[tuple[str, float, float]], *, sensitive: bool = False) -> str:
    """How the shares of the levels that moved most changed.

    :param moves: level, its share before and its share now; the largest move first.
    """
    if sensitive:
        return f"{column}: {WITHHELD}"
    told = [f"{level}{_often(now - before)} {share_change(before, now)}" for level, before, now in moves]
    return f"{column}: {'; '.join(told)} of values"


def _often(change: float) -> str:
    return "" if not change else (" more often," if change > 0 else " less often,")


def missing_change(column: str, before: float, after: float) -> str:
    """How the share of missing values changed."""
    return f"{column}: missing {share_change(before, after)} of rows"


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
