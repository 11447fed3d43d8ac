"""What is kept of a column after one look at its rows: counts that add up over files, days and machines."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.drift.arrays import number_text

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

MAX_CODES = 20
"""Distinct whole numbers up to which a column is compared by level."""
MAX_CODE_SHARE = 0.05
"""Share of the values that their distinct ones must stay below to be compared by level."""
COUNTED_CODES = 1_000
"""Distinct whole numbers that are counted one by one; of more, only those that the reference has."""
MIN_KEYS = 50
"""Values from which rising ones say that a column is a key."""
KEY_SHARE = 0.99
"""Share of the values of a key that are larger than the one before."""

OTHER = "other values"
"""The level of values that a profile does not name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericProfile:
    """How many values of a numeric or time column lie below each of some edges.

    The cells between edges are half-open, ``[edge, next edge)``. A value that occurs often has a cell of its own, an
    atom: the next edge is the next floating-point number. Where the edges lie decides how narrow the intervals are
    that follow from the profile, never whether they hold.

    :param rows: rows, missing ones included.
    :param missing: rows without a value.
    :param edges: increasing, shape ``(k,)``.
    :param below: values smaller than each edge, shape ``(k,)``.
    :param minimum: the smallest value; NaN without one, or when it is withheld.
    :param maximum: the largest value, likewise.
    :param infinite: values that are infinite; they count as missing.
    :param rises: values that are larger than the one before them, in the order of the rows; 0 when it is not known, or
        a value is no whole number.
    :param levels: how often each value occurs, where they are whole numbers and few enough to be codes; else ``None``.
    """

    rows: int
    missing: int
    edges: Floats
    below: Counts
    minimum: float = np.nan
    maximum: float = np.nan
    infinite: int = 0
    rises: int = 0
    levels: LevelProfile | None = None

    @property
    def values(self) -> int:
        """Rows with a value."""
        return self.rows - self.missing

    @property
    def steps(self) -> Floats:
        """Share of values below each edge, with the 0 before the first and the 1 after the last; shape ``(k + 2,)``."""
        return np.concatenate([[0.0], self.below / max(self.values, 1), [1.0]])

    @property
    def counts(self) -> Counts:
        """Values in each cell, shape ``(k + 1,)``."""
        return np.diff(np.concatenate([[0], self.below, [self.values]]))

    @property
    def atoms(self) -> NDArray[np.bool_]:
        """Which cells hold one single value, shape ``(k + 1,)``."""
        return atoms_of(self.edges)

    def merge(self, other: NumericProfile) -> NumericProfile:
        """The profile of both sets of rows together; raises ``ValueError`` when the edges differ."""
        if not np.array_equal(self.edges, other.edges):
            raise ValueError("profiles with different edges do not add up")
        return replace(
            self,
            rows=self.rows + other.rows,
            missing=self.missing + other.missing,
            below=self.below + other.below,
            minimum=float(np.fmin(self.minimum, other.minimum)),
            maximum=float(np.fmax(self.maximum, other.maximum)),
            infinite=self.infinite + other.infinite,
            rises=self.rises + other.rises if self._may_rise and other._may_rise else 0,
            levels=_merged_levels(self.levels, other.levels),
        )

    @property
    def _may_rise(self) -> bool:
        """Whether it can still be that the values rise from row to row."""
        return self.values < 2 or self.rises > 0

    @property
    def rises_throughout(self) -> bool:
        """Whether the values are whole numbers that rise from row to row, as keys and times do."""
        return self.values >= MIN_KEYS and self.rises >= KEY_SHARE * (self.values - 1)

    @property
    def is_dense(self) -> bool:
        """Whether most whole numbers between the smallest and the largest value occur, if each occurs once."""
        return bool(self.maximum - self.minimum < 2 * self.values)

    @property
    def is_coded(self) -> bool:
        """Whether the values are so few whole numbers that each stands for something, as codes and grades do."""
        if self.levels is None:
            return False
        if self.levels.withheld:
            return True  # a shared profile tells the levels of codes alone
        return len(self.levels.counts) <= MAX_CODES and len(self.levels.counts) < MAX_CODE_SHARE * self.values

    def quantiles(self, at: tuple[float, ...]) -> Floats:
        """Approximate quantiles: exact on atoms, elsewhere by a straight line within the cell."""
        low = self.minimum if np.isfinite(self.minimum) else (self.edges[0] if self.edges.size else 0.0)
        high = self.maximum if np.isfinite(self.maximum) else (self.edges[-1] if self.edges.size else 0.0)
        ends = np.clip(np.concatenate([[low], self.edges, [high]]), low, high)
        steps, wanted = self.steps, np.asarray(at)
        cell = np.clip(np.searchsorted(steps, wanted, side="left") - 1, 0, steps.size - 2)
        inside = (wanted - steps[cell]) / np.maximum(steps[cell + 1] - steps[cell], 1e-300)
        width = np.where(self.atoms[cell], 0.0, ends[cell + 1] - ends[cell])
        return np.asarray(ends[cell] + np.clip(inside, 0, 1) * width)

    def knows(self, at: float) -> bool:
        """Whether a quantile lies between two edges; not when it lies beyond them and the extremes are withheld."""
        cell = int(np.clip(np.searchsorted(self.steps, at, side="left") - 1, 0, self.edges.size))
        ends = np.concatenate([[self.minimum], self.edges, [self.maximum]])[cell : cell + 2]
        return bool(np.isfinite(ends).all())

    def is_two_level(self) -> bool:
        """Whether the column is known to hold at most two distinct values: yes or no, 0 or 1, a constant.

        At two levels KS D and total variation are one number, and the chi-squared test is exact where KS with its ties
        is conservative; and a third value is then a new level rather than a large number.
        """
        counts = self.counts
        return bool(counts[~self.atoms].sum() == 0 and np.count_nonzero(counts) <= 2)

    def as_levels(self, names: Floats) -> LevelProfile:
        """The column as levels: the atoms in ``names`` by their value, everything else as :data:`OTHER`."""
        at = np.searchsorted(self.edges, names) + 1
        counts = self.counts[at]
        found = {number_text(value): int(count) for value, count in zip(names, counts, strict=True) if count}
        rest = self.values - int(counts.sum())
        return LevelProfile(rows=self.rows, missing=self.missing, counts=found | ({OTHER: rest} if rest else {}))


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelProfile:
    """How often each level of a categorical column occurs.

    :param rows: rows, missing ones included.
    :param missing: rows without a value.
    :param counts: level to count.
    :param grouped: whether the levels were too many and are counted in groups, by a hash of their text.
    :param single: levels that occur once; counted here, because a shared profile need not name them.
    :param withheld: values of rare levels that a shared profile does not name.
    """

    rows: int
    missing: int
    counts: dict[str, int]
    grouped: bool = False
    single: int | None = None
    withheld: int = 0

    @property
    def values(self) -> int:
        """Rows with a value."""
        return self.rows - self.missing

    def merge(self, other: LevelProfile) -> LevelProfile:
        """The profile of both sets of rows together; levels are counted in groups when either side's are."""
        if self.withheld or other.withheld:
            raise ValueError("shared profiles, which withhold their rare levels, do not add up")
        counted = LevelCounts(counts=dict(self.counts), grouped=self.grouped)
        counted.add(other.counts, grouped=other.grouped)
        return LevelProfile(
            rows=self.rows + other.rows,
            missing=self.missing + other.missing,
            counts=counted.counts,
            grouped=counted.grouped,
        )

    @property
    def singles(self) -> int:
        """Levels that occur once."""
        return sum(count == 1 for count in self.counts.values()) if self.single is None else self.single


def _merged_levels(one: LevelProfile | None, other: LevelProfile | None) -> LevelProfile | None:
    if one is None or other is None:
        return None
    merged = one.merge(other)
    return merged if len(merged.counts) <= COUNTED_CODES else None


MAX_LEVELS = 100_000
"""Levels of a column that are counted one by one; with more, they are counted in groups."""
GROUPS = 65_536
"""Groups that levels are then counted in, by a hash of their text."""
_GROUP = "\x00group "


@dataclass(slots=True, kw_only=True)
class LevelCounts:
    """Counts of levels that never take more memory than :data:`MAX_LEVELS` levels do.

    :param counts: level, or group of levels, to count.
    :param grouped: whether there were too many levels, so that groups are counted.
    """

    counts: dict[str, int] = field(default_factory=dict)
    grouped: bool = False

    def add(self, counts: Mapping[str, int], *, grouped: bool = False) -> None:
        """Count more levels; ``grouped`` when they are groups already."""
        for level, count in counts.items():
            self.counts[level] = self.counts.get(level, 0) + count
        if self.grouped or grouped or len(self.counts) > MAX_LEVELS:
            self.counts, self.grouped = grouped_counts(self.counts), True


def grouped_counts(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts of levels as counts of groups of levels; groups stay what they are.

    Whatever differs between groups differs between their levels, so distances between groups are lower bounds and
    tests of them are valid.
    """
    result: dict[str, int] = {}
    for level, count in counts.items():
        group = level if level.startswith(_GROUP) else f"{_GROUP}{zlib.crc32(level.encode()) % GROUPS}"
        result[group] = result.get(group, 0) + count
    return result


def atoms_of(edges: Floats) -> NDArray[np.bool_]:
    """Which of the ``k + 1`` cells of ``edges`` hold a single floating-point number."""
    inner = np.zeros(0, dtype=bool) if edges.size < 2 else np.nextafter(edges[:-1], np.inf) == edges[1:]
    return np.concatenate([[False], inner, [False]])[: edges.size + 1]


def ks_interval(reference: NumericProfile, current: NumericProfile) -> tuple[float, float]:
    """An interval that certainly contains the KS distance of the two columns.

    At an edge both distribution functions are known exactly, which bounds the distance from below. Between two edges
    each may rise at any point of the cell, which bounds it from above; within an atom nothing can happen.

    :raises ValueError: when the edges differ or a side has no value.
    """
    if not np.array_equal(reference.edges, current.edges):
        raise ValueError("profiles with different edges cannot be compared")
    if not reference.values or not current.values:
        raise ValueError("the KS distance needs values on both sides")
    f, g = reference.steps, current.steps
    low = float(np.abs(f - g).max())
    open_cells = ~reference.atoms
    inside = np.maximum(f[1:] - g[:-1], g[1:] - f[:-1])[open_cells]
    return low, min(1.0, max(low, float(inside.max(initial=0.0))))
