"""Whole numbers that measure nothing: codes, which are few, and keys and times, which rise from row to row."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.drift.arrays import number_text
from airflow_mlops_provider.analysis.drift.profile import COUNTED_CODES, OTHER, LevelProfile

Floats = NDArray[np.float64]


@dataclass(slots=True, kw_only=True)
class CodeCounter:
    """Counts of whole numbers by value, while they are few.

    :param known: levels that are counted however many others there are, which are then counted together.
    """

    known: frozenset[str] = frozenset()
    counts: dict[float, int] = field(default_factory=dict)
    other: int = 0
    is_given_up: bool = False

    def add(self, values: Floats) -> None:
        """Count sorted values without NaN."""
        if self.is_given_up:
            return
        starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
        distinct, counts = values[starts], np.diff(np.concatenate([starts, [values.size]]))
        if (distinct != np.floor(distinct)).any() or (distinct.size > COUNTED_CODES and not self.known):
            self.is_given_up = True
            return
        if self.known:
            wanted = np.isin(distinct, [float(level) for level in self.known])
            if distinct.size > COUNTED_CODES:
                self.other += int(counts[~wanted].sum())
                distinct, counts = distinct[wanted], counts[wanted]
        for value, count in zip(distinct.tolist(), counts.tolist(), strict=True):
            self._count(value, count)
        self.is_given_up = len(self.counts) > COUNTED_CODES and not self.known

    def _count(self, value: float, count: int) -> None:
        if self.known and len(self.counts) >= COUNTED_CODES and number_text(value) not in self.known:
            self.other += count
        else:
            self.counts[value] = self.counts.get(value, 0) + count

    def profile(self, *, rows: int, missing: int) -> LevelProfile | None:
        """The counts as levels; ``None`` when the values are too many, or not whole."""
        if self.is_given_up:
            return None
        counts = {number_text(value): count for value, count in self.counts.items()}
        if self.other:
            counts[OTHER] = self.other
        return LevelProfile(rows=rows, missing=missing, counts=counts)


@dataclass(slots=True, kw_only=True)
class RiseCounter:
    """How many whole numbers are larger than the one in the row before; 0 as soon as one is not whole."""

    rises: int = 0
    last: float = np.nan
    is_given_up: bool = False

    def add(self, values: Floats) -> None:
        """Count finite values in the order of the rows."""
        if self.is_given_up:
            return
        if (values != np.floor(values)).any():
            self.rises, self.is_given_up = 0, True
            return
        self.rises += int((values[1:] > values[:-1]).sum()) + int(values[0] > self.last)
        self.last = float(values[-1])
