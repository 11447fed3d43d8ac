"""Profiles of columns from one pass over the rows: counts that can be added up over files, days and machines."""

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
"""Largest number of distinct whole numbers for comparing a column by level."""
MAX_CODE_SHARE = 0.05
"""A column is compared by level only when its distinct values are fewer than this share of all values."""
COUNTED_CODES = 1_000
"""Distinct whole numbers that are counted one by one; when there are more, only those of the reference are."""
MIN_KEYS = 50
"""Smallest number of values for recognising a key."""
KEY_SHARE = 0.99
"""Smallest share of the values of a key that are larger than the one in the row before."""

OTHER = "other values"
"""Name of the level of all values that a profile does not count one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericProfile:
    """Counts of the values of a numeric or time column below each of its edges.

    The cells between edges are half-open, ``[edge, next edge)``. A frequent value has a cell of its own, called an
    atom: its next edge is the next floating-point number. The edges decide how wide the intervals are that follow from
    the profile; the intervals are correct for any edges.

    :param rows: rows, missing ones included.
    :param missing: rows without a value; infinite values count as missing.
    :param edges: increasing edges, in the units of the column or in seconds, shape ``(k,)``.
    :param below: number of values smaller than each edge, shape ``(k,)``.
    :param minimum: smallest value; NaN when there is none or it is withheld.
    :param maximum: largest value; NaN when there is none or it is withheld.
    :param infinite: number of infinite values.
    :param rises: number of values that are larger than the one in the row before; 0 when that is unknown, or a value
        is not whole.
    :param levels: count of each value, when all are whole numbers and few are different; else ``None``.
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
        """Number of rows with a value."""
        return self.rows - self.missing

    @property
    def cumulative(self) -> Floats:
        """Share of values below each edge, with a 0 before the first and a 1 after the last, shape ``(k + 2,)``."""
        return np.concatenate([[0.0], self.below / max(self.values, 1), [1.0]])

    @property
    def counts(self) -> Counts:
        """Number of values in each cell, shape ``(k + 1,)``."""
        return np.diff(np.concatenate([[0], self.below, [self.values]]))

    @property
    def atoms(self) -> NDArray[np.bool_]:
        """Whether each cell is an atom, shape ``(k + 1,)``."""
        return atoms_of(self.edges)

    def merge(self, other: NumericProfile) -> NumericProfile:
        """Return the profile of both sets of rows together, those of ``self`` first.

        :raises ValueError: when the edges differ.
        """
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
            rises=self.rises + other.rises if self._may_be_rising and other._may_be_rising else 0,
            levels=_merged_levels(self.levels, other.levels),
        )

    @property
    def _may_be_rising(self) -> bool:
        """Whether the values may rise from row to row, as far as is known."""
        return self.values < 2 or self.rises > 0

    @property
    def rises_throughout(self) -> bool:
        """Whether the values are whole numbers that rise from row to row, as keys and times do."""
        return self.values >= MIN_KEYS and self.rises >= KEY_SHARE * (self.values - 1)

    @property
    def is_dense(self) -> bool:
        """Whether at least half of the whole numbers between the extremes occur, if each occurs once."""
        return bool(self.maximum - self.minimum < 2 * self.values)

    @property
    def is_coded(self) -> bool:
        """Whether the values are few different whole numbers, as codes and grades are."""
        if self.levels is None:
            return False
        if self.levels.withheld:
            return True  # a shared profile holds levels of coded columns only
        return len(self.levels.counts) <= MAX_CODES and len(self.levels.counts) < MAX_CODE_SHARE * self.values

    def quantiles(self, at: tuple[float, ...]) -> Floats:
        """Return approximate quantiles, exact for atoms and interpolated linearly in other cells, shape ``(len(at),)``.

        :param at: probabilities, in [0, 1].
        """
        low = self.minimum if np.isfinite(self.minimum) else (self.edges[0] if self.edges.size else 0.0)
        high = self.maximum if np.isfinite(self.maximum) else (self.edges[-1] if self.edges.size else 0.0)
        ends = np.clip(np.concatenate([[low], self.edges, [high]]), low, high)
        cumulative, wanted = self.cumulative, np.asarray(at)
        cell = np.clip(np.searchsorted(cumulative, wanted, side="left") - 1, 0, cumulative.size - 2)
        inside = (wanted - cumulative[cell]) / np.maximum(cumulative[cell + 1] - cumulative[cell], 1e-300)
        width = np.where(self.atoms[cell], 0.0, ends[cell + 1] - ends[cell])
        return np.asarray(ends[cell] + np.clip(inside, 0, 1) * width)

    def knows_quantile(self, at: float) -> bool:
        """Return whether a quantile is between two edges; not when it is beyond them and the extremes are withheld.

        :param at: probability, in [0, 1].
        """
        cell = int(np.clip(np.searchsorted(self.cumulative, at, side="left") - 1, 0, self.edges.size))
        ends = np.concatenate([[self.minimum], self.edges, [self.maximum]])[cell : cell + 2]
        return bool(np.isfinite(ends).all())

    def at_edges(self, edges: Floats) -> NumericProfile:
        """Return the profile with some of its edges alone.

        :param edges: those edges, increasing, shape ``(m,)``.
        """
        return replace(self, edges=edges, below=self.below[np.searchsorted(self.edges, edges)])

    def is_two_level(self) -> bool:
        """Return whether the column is known to hold at most two distinct values, such as 0 and 1.

        Such a column is compared by level. The KS distance and the total variation of two levels are equal, but the KS
        test is conservative with ties and the chi-squared test is not. A third value is then a new level.
        """
        counts = self.counts
        return bool(counts[~self.atoms].sum() == 0 and np.count_nonzero(counts) <= 2)

    def as_levels(self, names: Floats) -> LevelProfile:
        """Return the column as levels: the atoms in ``names`` by their value, all others as :data:`OTHER`.

        :param names: values of atoms, shape ``(m,)``.
        """
        at = np.searchsorted(self.edges, names) + 1
        counts = self.counts[at]
        found = {number_text(value): int(count) for value, count in zip(names, counts, strict=True) if count}
        rest = self.values - int(counts.sum())
        return LevelProfile(rows=self.rows, missing=self.missing, counts=found | ({OTHER: rest} if rest else {}))


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelProfile:
    """Counts of the levels of a categorical column.

    :param rows: rows, missing ones included.
    :param missing: rows without a value.
    :param counts: level to count.
    :param grouped: whether there were too many levels, so that they are counted in groups by a hash of their text.
    :param single: number of levels that occur once, in a shared profile that withholds them; else ``None``.
    :param withheld: number of values with rare levels that a shared profile does not name.
    """

    rows: int
    missing: int
    counts: dict[str, int]
    grouped: bool = False
    single: int | None = None
    withheld: int = 0

    @property
    def values(self) -> int:
        """Number of rows with a value."""
        return self.rows - self.missing

    def merge(self, other: LevelProfile) -> LevelProfile:
        """Return the profile of both sets of rows together; it counts groups of levels when one side does.

        :raises ValueError: when one side is a shared profile that withholds rare levels.
        """
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
        """Number of levels that occur once."""
        return sum(count == 1 for count in self.counts.values()) if self.single is None else self.single


def _merged_levels(one: LevelProfile | None, other: LevelProfile | None) -> LevelProfile | None:
    if one is None or other is None:
        return None
    merged = one.merge(other)
    return merged if len(merged.counts) <= COUNTED_CODES else None


MAX_LEVELS = 100_000
"""Largest number of levels that are counted one by one; more levels are counted in groups."""
GROUPS = 65_536
"""Number of groups of levels, by a hash of their text."""
_GROUP = "\x00group "


@dataclass(slots=True, kw_only=True)
class LevelCounts:
    """Counts of at most :data:`MAX_LEVELS` levels, which limits the memory.

    :param counts: level, or group of levels, to count.
    :param grouped: whether there were more levels, so that groups of levels are counted.
    """

    counts: dict[str, int] = field(default_factory=dict)
    grouped: bool = False

    def add(self, counts: Mapping[str, int], *, grouped: bool = False) -> None:
        """Add the counts of levels, or of groups of levels when they are ``grouped``."""
        for level, count in counts.items():
            self.counts[level] = self.counts.get(level, 0) + count
        if self.grouped or grouped or len(self.counts) > MAX_LEVELS:
            self.counts, self.grouped = grouped_counts(self.counts), True


def grouped_counts(counts: Mapping[str, int]) -> dict[str, int]:
    """Return counts of levels as counts of groups of levels; counts of groups stay as they are.

    A difference between groups is a difference between their levels, so distances of groups are lower bounds and tests
    of groups are valid.
    """
    result: dict[str, int] = {}
    for level, count in counts.items():
        group = level if level.startswith(_GROUP) else f"{_GROUP}{zlib.crc32(level.encode()) % GROUPS}"
        result[group] = result.get(group, 0) + count
    return result


def atoms_of(edges: Floats) -> NDArray[np.bool_]:
    """Return whether each of the ``k + 1`` cells of ``edges`` is an atom, which holds one floating-point number."""
    inner = np.zeros(0, dtype=bool) if edges.size < 2 else np.nextafter(edges[:-1], np.inf) == edges[1:]
    return np.concatenate([[False], inner, [False]])[: edges.size + 1]


def ks_interval(reference: NumericProfile, current: NumericProfile) -> tuple[float, float]:
    """Return an interval that contains the KS distance of two columns, from their profiles.

    Both distribution functions are known exactly at the edges, which gives the lower bound. In the cells between edges
    they may rise at any point, which gives the upper bound. Atoms have a single point.

    :param reference: profile of the reference.
    :param current: profile of the current batch, with the same edges.
    :raises ValueError: when the edges differ or a side has no value.
    """
    if not np.array_equal(reference.edges, current.edges):
        raise ValueError("profiles with different edges cannot be compared")
    if not reference.values or not current.values:
        raise ValueError("the KS distance needs values on both sides")
    f, g = reference.cumulative, current.cumulative
    low = float(np.abs(f - g).max())
    open_cells = ~reference.atoms
    inside = np.maximum(f[1:] - g[:-1], g[1:] - f[:-1])[open_cells]
    return low, min(1.0, max(low, float(inside.max(initial=0.0))))
