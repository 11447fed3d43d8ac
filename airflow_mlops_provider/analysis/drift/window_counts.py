"""Count every column of a dataset by window, in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.drift.arrays import is_text, number_text, plain_text, to_floats
from airflow_mlops_provider.analysis.drift.columns import Rows
from airflow_mlops_provider.exceptions import BadInputError

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

CELLS = 200
"""Number of cells of a numeric column, and number of levels of a categorical one with a cell of their own."""
MAX_WINDOWS = 5_000
"""Largest number of windows; a column with more values is a time stamp or an identifier, not a window."""


@dataclass(slots=True, kw_only=True)
class Cells:
    """The cells that the values of a column are counted in.

    :param edges: increasing edges of a numeric or time column; ``None`` for levels, which get cells in the order in
        which they occur.
    :param scale: robust standard deviation of the reference, the unit of distances.
    :param levels: level to cell; the levels of the reference that have one of their own come first.
    """

    edges: Floats | None = None
    scale: float = 1.0
    levels: dict[str, int] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Number of cells."""
        return CELLS + 1 if self.edges is None else self.edges.size + 1

    def codes(self, data: Any) -> Codes:
        """Return the cell of each row, -1 for missing values."""
        if self.edges is not None:
            values = to_floats(data)
            return np.where(np.isnan(values), -1, np.searchsorted(self.edges, values, side="right"))
        return coded(data, self.number)

    def number(self, level: str) -> int:
        """Return the cell of a level."""
        if level not in self.levels and len(self.levels) < CELLS:
            self.levels[level] = len(self.levels)
        return self.levels.get(level, CELLS)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowCounts:
    """Counts of every column by window.

    :param labels: names of the windows, in order of occurrence.
    :param rows: rows of each window, shape ``(windows,)``.
    :param counts: column to its counts, shape ``(windows, cells)``; a value of which a profile tells two or more cells
        is counted in the first of them.
    :param late: the same with such values in the last of their cells, for the columns that have some.
    """

    labels: tuple[str, ...]
    rows: Floats
    counts: dict[str, Floats]
    late: dict[str, Floats] = field(default_factory=dict)

    def latest(self, column: str) -> Floats:
        """The counts of a column with every value in the last cell that it may be in, shape ``(windows, cells)``."""
        return self.late.get(column, self.counts[column])


def count_windows(rows: Rows, cells: Mapping[str, Cells], column: str | None) -> WindowCounts:
    """Count every column of ``cells`` by window.

    :param rows: the rows to count.
    :param cells: column to its cells.
    :param column: column of the window of each row; ``None`` takes all rows as one window.
    :raises BadInputError: when the column has more than :data:`MAX_WINDOWS` values.
    """
    labels: dict[str, int] = {} if column else {"": 0}
    totals: dict[str, Floats] = {name: np.zeros((1, cell.size)) for name, cell in cells.items()}
    sizes = np.zeros((1, 1))
    for window, data in _batches(rows, list(cells), column, labels):
        sizes = _add(sizes, window, np.zeros_like(window), len(labels))
        for (name, cell), values in zip(cells.items(), data, strict=True):
            totals[name] = _add(totals[name], window, cell.codes(values), len(labels))
    return WindowCounts(labels=tuple(labels), rows=sizes[:, 0], counts=totals)


def _batches(
    rows: Rows, names: Sequence[str], column: str | None, labels: dict[str, int]
) -> Iterator[tuple[Codes, Sequence[Any]]]:
    def number(label: str) -> int:
        return labels.setdefault(label, len(labels))

    for batch in rows.batches([*names, *([column] if column else [])]):
        if column is None:
            yield np.zeros(batch.num_rows, dtype=np.intp), batch.columns
            continue
        window = coded(batch.column(len(names)), number)
        if len(labels) > MAX_WINDOWS:
            raise BadInputError(
                f"{rows.uri}: window column {column!r} has more than {MAX_WINDOWS:,} values; name one of days or weeks"
            )
        # Rows without a window are one window.
        yield np.where(window < 0, number("missing") if (window < 0).any() else 0, window), batch.columns[:-1]


def _add(totals: Floats, window: Codes, codes: Codes, windows: int) -> Floats:
    """Return ``totals`` with the rows of a batch added, and with a row for each new window."""
    cells = totals.shape[1]
    if windows > totals.shape[0]:
        totals = np.vstack([totals, np.zeros((windows - totals.shape[0], cells))])
    present = codes >= 0
    flat = np.bincount(window[present] * cells + codes[present], minlength=totals.size)
    return np.asarray(totals + flat.reshape(totals.shape))


def coded(data: Any, number: Any) -> Codes:
    """Return a number for the level of each row, -1 for missing values.

    :param data: a column of text, numbers or times.
    :param number: function from level to number.
    """
    if not is_text(data.type):
        values = to_floats(data)
        distinct, at = np.unique(values, return_inverse=True)
        return np.array([-1 if np.isnan(v) else number(number_text(v)) for v in distinct], dtype=np.intp)[at]
    found = plain_text(data).dictionary_encode()
    numbers = np.array([*map(number, found.dictionary.to_pylist()), -1], dtype=np.intp)
    return numbers[np.asarray(found.indices.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.intp)]
