"""Count the rows of every slice and intersection by label and prediction, in one pass over record batches.

Each batch is dictionary-coded and counted with ``bincount`` for every set of columns. The counts are added to tables
whose axes are the levels seen so far, so only one batch is in memory at a time. Metrics are computed from the counts.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.bias.columns import SliceColumn, SlicePlan
from airflow_mlops_provider.analysis.bias.contingency import ContingencyTable
from airflow_mlops_provider.analysis.bias.slices import Slice, value_text

Floats = NDArray[np.float64]
Codes = NDArray[np.int32] | NDArray[np.int64]
Integers = NDArray[np.int64]

MAX_TABLE = 2_000_000
"""Largest number of cells of a dense table; a larger table keeps only the cells that occur."""


class Counts:
    """Counts of rows by slice, label and prediction.

    :param scan: returns the rows as Arrow record batches.
    :param plan: columns and intersections to slice by; numeric columns are cut already.
    :param keys: names of the label and the prediction column.
    """

    def __init__(self, scan: Callable[[], Iterable[Any]], plan: SlicePlan, *, keys: Sequence[str]) -> None:
        self.columns, self.sets = plan.columns, plan.sets
        self._levels = {axis: _Levels(column) for axis, column in self._axes(keys)}
        self._keys = tuple(f"k{i}" for i in range(len(keys)))
        self._tables = {names: _Table() for names in [(), *self.sets]}
        for batch in scan():
            self._add(batch)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def _axes(self, keys: Sequence[str]) -> list[tuple[str, SliceColumn]]:
        # The label may also be a slice column, so the axes of label and prediction have other names.
        slices = [(f"s{column.name}", column) for column in self.columns]
        return slices + [(f"k{i}", SliceColumn(name=key)) for i, key in enumerate(keys)]

    def _add(self, batch: Any) -> None:
        coded = {axis: levels.code(batch) for axis, levels in self._levels.items()}
        key = _combined_codes([coded[axis] for axis in self._keys])
        # The last column of each set is combined with label and prediction once, for all sets that end in it.
        keyed = {axis: _combined_codes([coded[axis], key]) for axis in coded if axis not in self._keys}
        for names, table in self._tables.items():
            axes = [f"s{name}" for name in names]
            codes, size = _combined_codes([*(coded[axis] for axis in axes[:-1]), keyed[axes[-1]]]) if axes else key
            table.add(codes, size, [self._levels[axis] for axis in (*axes, *self._keys)])

    def groups(self) -> None:
        """Return ``None``: there are no groups, and rows count as independent."""
        return

    def contingency_table(self) -> ContingencyTable:
        """Return the different pairs of label and prediction with their numbers of rows."""
        found, rows = self._tables[()].items(len(self._keys))
        labels, predictions = (self._levels[axis].values for axis in self._keys)
        pairs = found.tolist()
        return ContingencyTable(
            labels=[labels[i] for i, _ in pairs], predictions=[predictions[j] for _, j in pairs], rows=rows
        )

    def counts(self) -> Integers:
        """Return the number of rows of each cell of :meth:`contingency_table`, shape ``(k,)``."""
        return self.contingency_table().rows

    def roll_up(self, terms_of_pair: Floats, *, products: bool = False) -> list[Slice]:
        """Add up the terms over every slice.

        :param terms_of_pair: what one row of each cell of :meth:`contingency_table` adds, shape ``(k, p)``.
        :param products: whether to add up the products of the terms as well.
        :returns: all rows first, then the slices of each set of columns in the plan's order, the largest first.
        """
        order = {tuple(row): i for i, row in enumerate(self._tables[()].items(len(self._keys))[0].tolist())}
        squares = np.einsum("ki,kj->kij", terms_of_pair, terms_of_pair) if products else np.zeros(0)
        found: list[Slice] = []
        for names, table in self._tables.items():
            codes, rows = table.items(len(names) + len(self._keys))
            slices, index = np.unique(codes[:, : len(names)], axis=0, return_inverse=True)
            pair = [order[tuple(row)] for row in codes[:, len(names) :].tolist()]
            sums = _sums_by_slice(index.ravel(), rows, terms_of_pair[pair])
            moments = _sums_by_slice(index.ravel(), rows, squares[pair]) if products else [None] * len(slices)
            pieces = [self._slice(names, slices[i], sums[i], moments[i]) for i in range(len(slices))]
            found += sorted(pieces, key=lambda piece: (-piece.sums[0], piece.values))
        return found

    def _slice(self, names: tuple[str, ...], codes: Integers, sums: Floats, products: Floats | None) -> Slice:
        levels = [self._levels[f"s{name}"] for name in names]
        keys = tuple(each.values[code] for each, code in zip(levels, codes, strict=True))
        rows = int(sums[0])
        return Slice(
            columns=names,
            values=tuple(value_text(each.column, key) for each, key in zip(levels, keys, strict=True)),
            keys=keys,
            sums=sums,
            units=rows,
            whole_units=rows,
            products=products,
            cross=products,
        )


class _Levels:
    """The different values of one column, numbered in the order in which they occur; missing values are one level."""

    def __init__(self, column: SliceColumn) -> None:
        self.column = column
        self.values: list[Any] = []
        self._numbers: dict[Any, int] = {}
        self.batch_levels: Integers = np.zeros(0, dtype=np.int64)

    def code(self, batch: Any) -> tuple[Codes, int]:
        """Return a code from 0 for each row of the batch, and the number of codes.

        :attr:`batch_levels` maps the codes of the batch to levels of the column.
        """
        array = batch.column(batch.schema.get_field_index(self.column.name))
        codes, values = _bins(array, self.column.edges) if self.column.edges else _dictionary(array)
        self.batch_levels = np.array([self._number(value) for value in values], dtype=np.int64)
        return codes, len(values)

    @property
    def is_in_order(self) -> bool:
        """Whether the codes of the last batch are the numbers of the levels."""
        return bool((self.batch_levels == np.arange(len(self.batch_levels))).all())

    def _number(self, value: Any) -> int:
        value = None if value != value else value  # noqa: PLR0124  # NaN is a missing value
        if value not in self._numbers:
            self._numbers[value] = len(self.values)
            self.values.append(value)
        return self._numbers[value]


def _dictionary(array: Any) -> tuple[Codes, list[Any]]:
    small = _small_range_codes(array)
    if small is not None:
        return small
    coded = array.dictionary_encode() if not hasattr(array, "dictionary") else array
    values = coded.dictionary.to_pylist()
    if coded.indices.null_count:
        values = [*values, None]
    return _numbers(coded.indices, missing=len(values) - 1), values


MAX_RANGE = 4_096
"""Integers whose largest and smallest differ by less than this are coded by their distance from the smallest."""


_INTEGER_TYPES = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")


def _small_range_codes(array: Any) -> tuple[Codes, list[Any]] | None:
    if str(array.type) not in _INTEGER_TYPES or array.null_count or not len(array):
        return None
    numbers = _numbers(array)
    low, high = int(numbers.min()), int(numbers.max())
    if high - low >= MAX_RANGE:
        return None
    return np.subtract(numbers, low, dtype=np.int64), list(range(low, high + 1))


def _numbers(array: Any, *, missing: int = 0) -> Any:
    """Read integers from their buffer, because pyarrow's own conversion imports pandas, which takes longer."""
    valid, data = array.buffers()
    rows = slice(array.offset, array.offset + len(array))
    numbers = np.frombuffer(data, dtype=str(array.type))[rows]
    if not array.null_count:
        return numbers
    bits = np.unpackbits(np.frombuffer(valid, dtype=np.uint8), bitorder="little")[rows]
    return np.where(bits == 1, numbers, missing)


def _bins(array: Any, edges: Sequence[float]) -> tuple[Codes, list[Any]]:
    numbers = np.asarray(array.to_numpy(zero_copy_only=False), dtype=np.float64)
    codes = np.searchsorted(np.asarray(edges), numbers, side="right").astype(np.int64)
    codes[np.isnan(numbers)] = len(edges) + 1
    return codes, [*range(len(edges) + 1), None]


def _sums_by_slice(index: NDArray[np.intp], rows: Integers, terms: Floats) -> Floats:
    """Add up, for each slice, the terms of its cells weighted by their numbers of rows.

    :param index: slice of each cell, shape ``(cells,)``.
    :param rows: rows of each cell, shape ``(cells,)``.
    :param terms: terms of each cell, shape ``(cells, ...)``.
    """
    sums = np.zeros((int(index.max(initial=-1)) + 1, *terms.shape[1:]))
    np.add.at(sums, index, rows.reshape(-1, *[1] * (terms.ndim - 1)) * terms)
    return sums


def _combined_codes(parts: Sequence[tuple[Codes, int]]) -> tuple[Codes, int]:
    """Return one code for each row's combination of codes, and the number of possible combinations."""
    size = math.prod(levels for _, levels in parts)
    # Counting 32-bit codes is twice as fast, so 64 bits are used only where the codes need them.
    codes: Any = parts[0][0].astype(np.int32 if size < 2**31 else np.int64, copy=False)
    for more, levels in parts[1:]:
        codes = codes * levels + more
    return codes, size


class _Table:
    """Counts by the levels of several columns: a dense array while it is small, otherwise the cells that occur."""

    def __init__(self) -> None:
        self._dense: NDArray[np.int64] | None = None
        self._sparse: Counter[tuple[int, ...]] = Counter()

    def add(self, codes: Codes, size: int, axes: Sequence[_Levels]) -> None:
        """Count the rows of one batch.

        :param codes: code of each row's combination of levels in this batch, shape ``(rows,)``.
        :param size: number of possible combinations in this batch.
        :param axes: the columns, with the levels of this batch.
        """
        shape = tuple(len(axis.batch_levels) for axis in axes)
        whole = tuple(len(axis.values) for axis in axes)
        if self._sparse or max(size, int(np.prod(whole, dtype=np.float64))) > MAX_TABLE:
            self._add_sparse(codes, shape, axes)
            return
        if self._dense is None:
            self._dense = np.zeros(whole, dtype=np.int64)
        elif self._dense.shape != whole:
            more = [(0, new - old) for new, old in zip(whole, self._dense.shape, strict=True)]
            self._dense = np.pad(self._dense, more)
        counted = np.bincount(codes, minlength=size).reshape(shape)
        if shape == whole and all(axis.is_in_order for axis in axes):
            self._dense += counted
            return
        # Two codes of one batch may be one level (NaN and null), so both counts must be added.
        np.add.at(self._dense, np.ix_(*(axis.batch_levels for axis in axes)), counted)

    def _add_sparse(self, codes: Codes, shape: tuple[int, ...], axes: Sequence[_Levels]) -> None:
        if self._dense is not None:
            cells, rows = self.items(len(axes))
            self._sparse.update(dict(zip(map(tuple, cells.tolist()), rows.tolist(), strict=True)))
            self._dense = None
        found, rows = np.unique(np.asarray(codes, dtype=np.int64), return_counts=True)
        levels = [
            axis.batch_levels[numbers] for axis, numbers in zip(axes, np.unravel_index(found, shape), strict=True)
        ]
        for cell, count in zip(zip(*(each.tolist() for each in levels), strict=True), rows.tolist(), strict=True):
            self._sparse[cell] += count

    def items(self, width: int) -> tuple[Integers, Integers]:
        """Return the cells that occur, shape ``(cells, width)``, and their numbers of rows, shape ``(cells,)``.

        :param width: number of columns.
        """
        if self._sparse:
            return np.array(list(self._sparse), dtype=np.int64), np.array(list(self._sparse.values()), dtype=np.int64)
        if self._dense is None:
            return np.zeros((0, width), dtype=np.int64), np.zeros(0, dtype=np.int64)
        cells = np.argwhere(self._dense)
        return cells, self._dense[tuple(cells.T)]
