"""Detect whole numbers that are not measurements: codes, which are few, and keys and times, which rise by row."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.drift.arrays import number_text
from airflow_mlops_provider.analysis.drift.profile import COUNTED_CODES, OTHER, LevelProfile

Floats = NDArray[np.float64]


@dataclass(slots=True, kw_only=True)
class CodeCounter:
    """Counts of whole numbers by value, as long as there are few different ones.

    :param known: levels of the reference, which are always counted one by one. When there are too many other levels,
        those are counted together.
    :param counts: value to count.
    :param other: count of all values that are counted together.
    :param has_stopped: whether counting has stopped, because of too many different values or a fraction.
    """

    known: frozenset[str] = frozenset()
    counts: dict[float, int] = field(default_factory=dict)
    other: int = 0
    has_stopped: bool = False

    def add(self, values: Floats) -> None:
        """Count sorted values without NaN."""
        if self.has_stopped:
            return
        starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
        distinct, counts = values[starts], np.diff(np.concatenate([starts, [values.size]]))
        if (distinct != np.floor(distinct)).any() or (distinct.size > COUNTED_CODES and not self.known):
            self.has_stopped = True
            return
        if self.known:
            wanted = np.isin(distinct, [float(level) for level in self.known])
            if distinct.size > COUNTED_CODES:
                self.other += int(counts[~wanted].sum())
                distinct, counts = distinct[wanted], counts[wanted]
        for value, count in zip(distinct.tolist(), counts.tolist(), strict=True):
            self._count(value, count)
        self.has_stopped = len(self.counts) > COUNTED_CODES and not self.known

    def _count(self, value: float, count: int) -> None:
        if self.known and len(self.counts) >= COUNTED_CODES and number_text(value) not in self.known:
            self.other += count
        else:
            self.counts[value] = self.counts.get(value, 0) + count

    def profile(self, *, rows: int, missing: int) -> LevelProfile | None:
        """Return the counts as levels; ``None`` when there are too many different values, or fractions.

        :param rows: rows, missing ones included.
        :param missing: rows without a value.
        """
        if self.has_stopped:
            return None
        counts = {number_text(value): count for value, count in self.counts.items()}
        if self.other:
            counts[OTHER] = self.other
        return LevelProfile(rows=rows, missing=missing, counts=counts)


@dataclass(slots=True, kw_only=True)
class RiseCounter:
    """Number of whole numbers that are larger than the one in the row before; 0 when a value is not whole.

    :param rises: that number.
    :param last: value of the last row that was counted; NaN before the first.
    :param has_stopped: whether counting has stopped, because of a fraction.
    """

    rises: int = 0
    last: float = np.nan
    has_stopped: bool = False

    def add(self, values: Floats) -> None:
        """Count finite values in the order of the rows."""
        if self.has_stopped:
            return
        if (values != np.floor(values)).any():
            self.rises, self.has_stopped = 0, True
            return
        self.rises += int((values[1:] > values[:-1]).sum()) + int(values[0] > self.last)
        self.last = float(values[-1])
