"""Numbers in messages: short, but never so short that they say something else."""

from __future__ import annotations

import math
from collections.abc import Iterable

_MOST_DIGITS = 17  # that a float has


def percent(share: float) -> str:
    """A share from 0 to 1 with two digits, or as many as it takes to differ from ``100 %``."""
    if share >= 1.0:
        return "100 %"
    texts = (f"{100 * share:.{digits}g}" for digits in range(2, _MOST_DIGITS + 1))
    return f"{next((text for text in texts if float(text) < 100), '99.99')} %"


def number_beside(value: float, limits: Iterable[float] = ()) -> str:
    """A number with six digits, or as many as it takes to lie on the same side of every limit."""
    if not math.isfinite(value):
        return f"{value:g}"
    others = list(limits)
    texts = (f"{value:.{digits}g}" for digits in range(6, _MOST_DIGITS + 1))
    return next((text for text in texts if all(_same_side(text, value, limit) for limit in others)), repr(value))


def _same_side(text: str, value: float, limit: float) -> bool:
    shown = float(text)
    return (shown < limit) == (value < limit) and (shown > limit) == (value > limit)
