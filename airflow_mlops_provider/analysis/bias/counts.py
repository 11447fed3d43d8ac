"""One pass over batches that counts every slice and intersection by label and prediction.

Each batch is dictionary-coded, counted with ``bincount`` for every set of columns, and added to tables whose axes are
the levels seen so far: memory stays that of one batch. What a metric needs follows from the counts afterwards.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.bias.columns import SliceColumn, SlicePlan
from airflow_mlops_provider.analysis.bias.contingency import Kinds
from airflow_mlops_provider.analysis.bias.slices import Slice, text_of

Floats = NDArray[np.float64]
Codes = NDArray[np.int32] | NDArray[np.int64]
Whole = NDArray[np.int64]

MAX_TABLE = 2_000_000
"""Cells of a table above which only those that occur are kept."""


class Counts:
    """Rows counted by slice, label and prediction.

    :param scan: gives the rows as Arrow record batches.
    :param plan: what to slice by; its columns already cut.
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
        # A column may be both sliced by and the label, so axes of labels have names of their own.
        slices = [(f"s{column.name}", column) for column in self.columns]
        return slices + [(f"k{i}", SliceColumn(name=key)) for i, key in enumerate(keys)]

    def _add(self, batch: Any) -> None:
        coded = {axis: levels.code(batch) for axis, levels in self._levels.items()}
        key = _joined([coded[axis] for axis in self._keys])
        # Every set ends in one of its columns, so that column is joined with label and prediction once for all.
        keyed = {axis: _joined([coded[axis], key]) for axis in coded if axis not in self._keys}
        for names, table in self._tables.items():
            axes = [f"s{name}" for name in names]
            codes, size = _joined([*(coded[axis] for axis in axes[:-1]), keyed[axes[-1]]]) if axes else key
            table.add(codes, size, [self._levels[axis] for axis in (*axes, *self._keys)])

    def groups(self) -> None:
        """There are none: rows count as independent here."""
        return

    def kinds(self) -> Kinds:
        """The different pairs of label and prediction with their numbers of rows."""
        found, rows = self._tables[()].items(len(self._keys))
        labels, answers = (self._levels[axis].values for axis in self._keys)
        pairs = found.tolist()
        return Kinds(labels=[labels[i] for i, _ in pairs], answers=[answers[j] for _, j in pairs], rows=rows)

    def counts(self) -> Whole:
        """Rows of each of :meth:`kinds`."""
        return self.kinds().rows

    def roll_up(self, terms_of_kind: Floats, *, products: bool = False) -> list[Slice]:
        """All rows first, then every slice of every set of columns, in the plan's order, largest first.

        :param terms_of_kind: what a row of each of :meth:`kinds` adds, shape ``(kinds, p)``.
        :param products: also add up products of terms.
        """
        order = {tuple(row): i for i, row in enumerate(self._tables[()].items(len(self._keys))[0].tolist())}
        squares = np.einsum("ki,kj->kij", terms_of_kind, terms_of_kind) if products else np.zeros(0)
        found: list[Slice] = []
        for names, table in self._tables.items():
            codes, rows = table.items(len(names) + len(self._keys))
            slices, index = np.unique(codes[:, : len(names)], axis=0, return_inverse=True)
            kind = [order[tuple(row)] for row in codes[:, len(names) :].tolist()]
            sums = _added(index.ravel(), rows, terms_of_kind[kind])
            moments = _added(index.ravel(), rows, squares[kind]) if products else [None] * len(slices)
            pieces = [self._slice(names, slices[i], sums[i], moments[i]) for i in range(len(slices))]
            found += sorted(pieces, key=lambda piece: (-piece.sums[0], piece.values))
        return found

    def _slice(self, names: tuple[str, ...], codes: Whole, sums: Floats, products: Floats | None) -> Slice:
        levels = [self._levels[f"s{name}"] for name in names]
        keys = tuple(each.values[code] for each, code in zip(levels, codes, strict=True))
        rows = int(sums[0])
        return Slice(
            columns=names,
            values=tuple(text_of(each.column, key) for each, key in zip(levels, keys, strict=True)),
            keys=keys,
            sums=sums,
            units=rows,
            whole_units=rows,
            products=products,
            cross=products,
        )


class _Levels:
    """The values of one column, numbered in the order in which they turn up; missing ones are one level."""

    def __init__(self, column: SliceColumn) -> None:
        self.column = column
        self.values: list[Any] = []
        self._numbers: dict[Any, int] = {}
        self.seen: Whole = np.zeros(0, dtype=np.int64)

    def code(self, batch: Any) -> tuple[Codes, int]:
        """Numbers of the batch's rows, from 0, and how many there are; :attr:`seen` tells which levels they mean."""
        array = batch.column(batch.schema.get_field_index(self.column.name))
        codes, values = _bins(array, self.column.edges) if self.column.edges else _dictionary(array)
        self.seen = np.array([self._number(value) for value in values], dtype=np.int64)
        return codes, len(values)

    @property
    def is_in_order(self) -> bool:
        """Whether the last batch numbered its levels as they are numbered here."""
        return bool((self.seen == np.arange(len(self.seen))).all())

    def _number(self, value: Any) -> int:
        value = None if value != value else value  # noqa: PLR0124  # NaN is a missing value
        if value not in self._numbers:
            self._numbers[value] = len(self.values)
            self.values.append(value)
        return self._numbers[value]


def _dictionary(array: Any) -> tuple[Codes, list[Any]]:
    small = _small_numbers(array)
    if small is not None:
        return small
    coded = array.dictionary_encode() if not hasattr(array, "dictionary") else array
    values = coded.dictionary.to_pylist()
    if coded.indices.null_count:
        values = [*values, None]
    return _numbers(coded.indices, missing=len(values) - 1), values


MAX_RANGE = 4_096
"""Whole numbers that lie in a range of at most this many are their own codes."""


_COUNTABLE = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")


def _small_numbers(array: Any) -> tuple[Codes, list[Any]] | None:
    if str(array.type) not in _COUNTABLE or array.null_count or not len(array):
        return None
    numbers = _numbers(array)
    low, high = int(numbers.min()), int(numbers.max())
    if high - low >= MAX_RANGE:
        return None
    return np.subtract(numbers, low, dtype=np.int64), list(range(low, high + 1))


def _numbers(array: Any, *, missing: int = 0) -> Any:
    """Whole numbers from their buffer; pyarrow's own way would import pandas, which takes longer than all the rest."""
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


def _added(index: NDArray[np.intp], rows: Whole, terms: Floats) -> Floats:
    """For each slice, its terms times the rows that they stand for."""
    sums = np.zeros((int(index.max(initial=-1)) + 1, *terms.shape[1:]))
    np.add.at(sums, index, rows.reshape(-1, *[1] * (terms.ndim - 1)) * terms)
    return sums


def _joined(parts: Sequence[tuple[Codes, int]]) -> tuple[Codes, int]:
    """One number for each combination of numbers, and how many combinations there may be."""
    size = math.prod(levels for _, levels in parts)
    # Half as wide is twice as fast; it is only where numbers are large that they need all their bits.
    codes: Any = parts[0][0].astype(np.int32 if size < 2**31 else np.int64, copy=False)
    for more, levels in parts[1:]:
        codes = codes * levels + more
    return codes, size


class _Table:
    """Counts along the levels of several columns: an array while that is small, otherwise the cells that occur."""

    def __init__(self) -> None:
        self._dense: NDArray[np.int64] | None = None
        self._sparse: Counter[tuple[int, ...]] = Counter()

    def add(self, codes: Codes, size: int, axes: Sequence[_Levels]) -> None:
        """Count one batch.

        :param codes: one number a row, the combination of its levels within the batch.
        :param size: how many combinations there may be in this batch.
        :param axes: the columns, with the levels that the numbers of this batch stand for.
        """
        shape = tuple(len(axis.seen) for axis in axes)
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
        # Two numbers of one batch may mean one level (NaN and null), so adding must not overwrite.
        np.add.at(self._dense, np.ix_(*(axis.seen for axis in axes)), counted)

    def _add_sparse(self, codes: Codes, shape: tuple[int, ...], axes: Sequence[_Levels]) -> None:
        if self._dense is not None:
            cells, rows = self.items(len(axes))
            self._sparse.update(dict(zip(map(tuple, cells.tolist()), rows.tolist(), strict=True)))
            self._dense = None
        found, rows = np.unique(np.asarray(codes, dtype=np.int64), return_counts=True)
        levels = [axis.seen[numbers] for axis, numbers in zip(axes, np.unravel_index(found, shape), strict=True)]
        for cell, count in zip(zip(*(each.tolist() for each in levels), strict=True), rows.tolist(), strict=True):
            self._sparse[cell] += count

    def items(self, width: int) -> tuple[Whole, Whole]:
        """The cells that occur, shape ``(cells, width)``, and their rows."""
        if self._sparse:
            return np.array(list(self._sparse), dtype=np.int64), np.array(list(self._sparse.values()), dtype=np.int64)
        if self._dense is None:
            return np.zeros((0, width), dtype=np.int64), np.zeros(0, dtype=np.int64)
        cells = np.argwhere(self._dense)
        return cells, self._dense[tuple(cells.T)]
