"""Profile every column of a dataset in one pass; memory does not grow with the number of rows."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.drift.arrays import is_text, number_text, plain_text, to_floats
from airflow_mlops_provider.analysis.drift.bin_edges import choose_edges
from airflow_mlops_provider.analysis.drift.codes_and_keys import CodeCounter, RiseCounter
from airflow_mlops_provider.analysis.drift.columns import DatasetInfo, Rows, kind_of
from airflow_mlops_provider.analysis.drift.profile import LevelCounts, LevelProfile, NumericProfile
from airflow_mlops_provider.records.reports.drift import ColumnKind

Floats = NDArray[np.float64]
Profiles = dict[str, NumericProfile | LevelProfile]

SAMPLE_VALUES = 32_768
"""Approximate number of values of a column that its edges are chosen from, taken at equal distances."""
BATCH_ROWS = 65_536
"""Rows of small batches that are counted together."""
LONG_TEXT = 200
"""Longest level, in characters; a longer one is cut and gets a hash of the whole text."""


def sample_edges(rows: Rows, columns: Sequence[str]) -> dict[str, Floats]:
    """Choose edges of the numeric and time columns, from rows taken at equal distances over the whole dataset.

    The first rows alone would not do, because values of data that is sorted by time change over the rows.

    :param rows: the dataset.
    :param columns: columns to read; only the numeric and time columns among them get edges.
    :returns: column to its edges.
    """
    numeric = numeric_columns(rows, columns)
    if not numeric:
        return {}
    step, start = max(1, rows.rows // SAMPLE_VALUES), 0
    taken: dict[str, list[Floats]] = {name: [] for name in numeric}
    for batch in rows.batches(numeric):
        at = pa.array(np.arange(-start % step, batch.num_rows, step))
        for name, values in zip(numeric, batch.columns, strict=True):
            taken[name].append(to_floats(values.take(at)))
        start += batch.num_rows
    return {name: choose_edges(_finite(parts)) for name, parts in taken.items()}


def numeric_columns(rows: DatasetInfo, columns: Sequence[str]) -> list[str]:
    """Return the numeric and time columns among ``columns``, which are profiled with edges."""
    return [name for name in columns if kind_of(rows.schema.field(name).type) in _NUMERIC]


_NUMERIC = (ColumnKind.NUMERIC, ColumnKind.TIME)


def _finite(parts: Sequence[Floats]) -> Floats:
    values = np.concatenate(parts) if parts else np.zeros(0)
    return np.asarray(values[np.isfinite(values)])


def edges_of(profiles: Profiles) -> dict[str, Floats]:
    """Return the edges of the numeric and time columns, with which another dataset can be profiled and compared."""
    return {name: profile.edges for name, profile in profiles.items() if isinstance(profile, NumericProfile)}


def profile_rows(
    rows: Rows,
    columns: Sequence[str],
    edges: Mapping[str, Floats] | None = None,
    *,
    by_level: Collection[str] = (),
    known: Profiles | None = None,
) -> Profiles:
    """Profile every column in one pass.

    :param rows: the dataset.
    :param columns: columns to profile.
    :param edges: column to its edges; columns without edges are counted by level. By default the edges are chosen from
        the rows, in a pass before.
    :param by_level: columns that are counted by level whatever their type.
    :param known: profiles of the reference; their codes are counted one by one in any case.
    :returns: column to its profile.
    """
    if edges is None:
        edges = sample_edges(rows, [name for name in columns if name not in by_level])
    counters = [
        _NumericCounter(edges=edges[name], levels=CodeCounter(known=_known_codes((known or {}).get(name))))
        if name in edges and name not in by_level
        else _LevelCounter()
        for name in columns
    ]
    with ThreadPoolExecutor(2) as pool:
        for batch in _large_batches(rows.batches(columns, coded=True)):
            # Sorting and counting release the interpreter's lock, so two columns can be counted at the same time.
            list(pool.map(_add, counters, batch.columns))
    return {name: counter.profile() for name, counter in zip(columns, counters, strict=True)}


def _large_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the rows in batches of at least :data:`BATCH_ROWS`, because each batch has a price of its own."""
    small: list[pa.RecordBatch] = []
    for batch in batches:
        small.append(batch)
        if sum(each.num_rows for each in small) >= BATCH_ROWS:
            yield _joined(small)
            small = []
    if small:
        yield _joined(small)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    table = pa.Table.from_batches(batches).unify_dictionaries().combine_chunks()
    return next(iter(table.to_batches()), batches[0])


def _add(counter: _NumericCounter | _LevelCounter, data: Any) -> None:
    counter.add(data)


def _known_codes(profile: NumericProfile | LevelProfile | None) -> frozenset[str]:
    """Return the levels of a column of codes; none of any other column."""
    if not isinstance(profile, NumericProfile) or not profile.is_coded or profile.levels is None:
        return frozenset()
    return frozenset(profile.levels.counts)


@dataclass(slots=True, kw_only=True)
class _NumericCounter:
    edges: Floats
    levels: CodeCounter
    rows: int = 0
    values: int = 0
    infinite: int = 0
    below: NDArray[np.int64] = field(init=False)
    minimum: float = np.nan
    maximum: float = np.nan
    rises: RiseCounter = field(default_factory=RiseCounter)

    def __post_init__(self) -> None:
        self.below = np.zeros(self.edges.size, dtype=np.int64)

    def add(self, data: Any) -> None:
        self.rows += len(data)
        in_order = to_floats(data)
        in_order = in_order[~np.isnan(in_order)]
        finite = in_order[np.isfinite(in_order)]
        self.infinite += in_order.size - finite.size
        if not finite.size:
            return
        self.rises.add(finite)
        values = np.sort(finite)
        self.levels.add(values)
        self.values += values.size
        self.below += np.searchsorted(values, self.edges, side="left")
        self.minimum = float(np.fmin(self.minimum, values[0]))
        self.maximum = float(np.fmax(self.maximum, values[-1]))

    def profile(self) -> NumericProfile:
        missing = self.rows - self.values
        return NumericProfile(
            rows=self.rows,
            missing=missing,
            edges=self.edges,
            below=self.below,
            minimum=self.minimum,
            maximum=self.maximum,
            infinite=self.infinite,
            rises=self.rises.rises,
            levels=self.levels.profile(rows=self.rows, missing=missing),
        )


@dataclass(slots=True, kw_only=True)
class _LevelCounter:
    rows: int = 0
    values: int = 0
    counted: LevelCounts = field(default_factory=LevelCounts)

    def add(self, data: Any) -> None:
        self.rows += len(data)
        if pa.types.is_null(data.type):
            return
        found = pc.value_counts(data)
        levels, counts = _level_names(found.field("values")), found.field("counts").to_pylist()
        present = {level: count for level, count in zip(levels, counts, strict=True) if level is not None}
        self.values += sum(present.values())
        self.counted.add(present)

    def profile(self) -> LevelProfile:
        return LevelProfile(
            rows=self.rows,
            missing=self.rows - self.values,
            counts=self.counted.counts,
            grouped=self.counted.grouped,
        )


def _level_names(values: Any) -> list[str | None]:
    if is_text(values.type):
        return _truncated_levels(plain_text(values))
    return [None if np.isnan(value) else number_text(value) for value in to_floats(values).tolist()]


def _truncated_levels(levels: Any) -> list[str | None]:
    texts: list[str | None] = levels.to_pylist()
    longest = pc.max(pc.utf8_length(levels)).as_py() or 0
    if longest <= LONG_TEXT:
        return texts
    return [text if text is None or len(text) <= LONG_TEXT else _truncated(text) for text in texts]


def _truncated(text: str) -> str:
    return f"{text[:LONG_TEXT]}... #{zlib.crc32(text.encode()):x}"
