"""The rows that break a failed rule, with all their reasons, and a batch separated into clean rows and those."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.types as pt

from airflow_mlops_provider.analysis.validation.arrow_arrays import int64_array, mask_without, string_array
from airflow_mlops_provider.analysis.validation.batch import ROW, SOURCE, Batch
from airflow_mlops_provider.analysis.validation.rule_bitmask import BITS, TABLE, BrokenRows
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.reports.validation import RuleResult
from airflow_mlops_provider.records.rules import Scope

REASONS = "quarantine_reasons"
"""Name of the column of a quarantine with the reasons of each row."""

_READ_ROWS = 65_536
_FEW_ROWS = 100_000  # that fit in memory whatever their columns


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingRows:
    """The rows of a batch that break a failed rule.

    :param count: number of these rows.
    :param reasons: bit of a rule in a row's words to the text of the rule.
    :param query: SQL condition of these rows on the table of rows that break a rule.
    :param batch: the batch; ``None`` when there are no such rows.
    """

    count: int = 0
    reasons: dict[int, str] = field(default_factory=dict)
    query: str = "false"
    batch: Batch | None = None
    _texts: dict[tuple[int, ...], str] = field(default_factory=dict)

    def separate(
        self, batches: Iterator[pa.RecordBatch], *, clean: bool = True, as_scanned: bool = True
    ) -> Iterator[tuple[pa.RecordBatch | None, pa.RecordBatch | None]]:
        """Each of ``batches`` (the whole batch of data, in order) as its clean rows and those that are set aside.

        Rows stay as they were and in order; those set aside have their reasons in a last column. A part without rows,
        or that is not wanted, is ``None``.

        :param clean: whether the clean rows are wanted.
        :param as_scanned: whether ``batches`` hold the values that were scanned.
        """
        few = self.count <= _FEW_ROWS
        if as_scanned and not clean and few and self.batch is not None and survives_duckdb(self.batch.schema):
            yield from ((None, aside) for aside in self._from_scan(self.batch))
            return
        for records, positions, texts in self._located(batches):
            if not positions:
                yield records if clean else None, None
                continue
            aside = _with_reasons(records.take(int64_array(positions)), texts)
            yield records.filter(mask_without(records.num_rows, positions)) if clean else None, aside

    def _from_scan(self, batch: Batch) -> Iterator[pa.RecordBatch]:
        """Yield the failing rows from DuckDB, which reads faster than Arrow and need not read the other rows."""
        found = batch.table(
            f"SELECT {SOURCE}.*, {TABLE}.* FROM {SOURCE} JOIN {TABLE} ON {SOURCE}.{ROW} = {TABLE}.{ROW} "
            f"WHERE {self.query} ORDER BY {SOURCE}.{ROW}"
        )
        names = batch.schema.names
        words = [column.to_pylist() for column in found.columns[len(names) + 2 :]]
        texts = [self._text(each) for each in zip(*words, strict=True)]
        start = 0
        for records in found.select(range(len(names))).cast(batch.schema).to_batches():
            yield _with_reasons(records, texts[start : start + records.num_rows])
            start += records.num_rows

    def _located(self, batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[pa.RecordBatch, list[int], list[str]]]:
        """Each batch with the positions in it of the rows that are set aside, and their reasons."""
        entries, start = self.each(), 0
        entry = next(entries, None)
        for records in batches:
            stop, positions, texts = start + records.num_rows, [], []
            while entry is not None and entry[0] < stop:
                positions.append(entry[0] - start)
                texts.append(entry[1])
                entry = next(entries, None)
            yield records, positions, texts
            start = stop

    def each(self) -> Iterator[tuple[int, str]]:
        """Yield row number and reasons of each failing row, in order; no other query may run until the end."""
        if self.batch is None or not self.count:
            return
        for found in self.batch.stream(f"SELECT * FROM {TABLE} WHERE {self.query} ORDER BY {ROW}", some=_READ_ROWS):
            for row, *words in found:
                yield row, self._text(tuple(words))

    def _text(self, words: tuple[int, ...]) -> str:
        if words not in self._texts:
            broken = [text for bit, text in self.reasons.items() if words[bit // BITS] >> (bit % BITS) & 1]
            self._texts[words] = "; ".join(broken)
        return self._texts[words]


def _with_reasons(records: pa.RecordBatch, texts: list[str]) -> pa.RecordBatch:
    columns = [*records.columns, string_array(texts)]
    return pa.RecordBatch.from_arrays(columns, schema=quarantine_schema(records.schema))


def survives_duckdb(schema: pa.Schema) -> bool:
    """Return whether values of all these types are unchanged when DuckDB reads and returns them."""
    return all(
        any(same(kind) for same in _SAME) or (pt.is_timestamp(kind) and kind.tz is None) for kind in schema.types
    )


_SAME: tuple[Callable[[pa.DataType], bool], ...] = (
    *(pt.is_boolean, pt.is_integer, pt.is_float32, pt.is_float64, pt.is_decimal128),
    *(pt.is_string, pt.is_large_string, pt.is_binary, pt.is_date32),
)


def quarantine_schema(schema: pa.Schema) -> pa.Schema:
    """Return the schema of a quarantine: the columns of the batch and the column of reasons.

    :raises BadInputError: when the batch has a column of that name.
    """
    if REASONS in schema.names:
        raise BadInputError(f"the batch has a column {REASONS!r} already; a quarantine needs that name")
    return schema.append(pa.field(REASONS, pa.string()))


def find_failing_rows(results: Sequence[RuleResult], broken: BrokenRows, batch: Batch) -> FailingRows:
    """Find the rows that break a failed row rule.

    Rules of severity warning or information do not count. The reasons of a row name every row rule that it breaks,
    rules that tolerate it included.

    :param results: result of each rule, by its position.
    :param broken: which rows break which rules.
    :param batch: the batch; its rows can be read while it is open.
    """
    rows = [n for n in broken.bits if results[n].scope is Scope.ROW and not results[n].success]
    failed = [number for number in rows if results[number].rule.is_error]
    if not failed:
        return FailingRows()
    named = [number for number in broken.bits if results[number].scope is Scope.ROW]
    count = batch.row(f"SELECT count(*) FROM ({broken.rows(failed)})")[0]
    reasons = {broken.bits[n]: f"{results[n].rule.subject}: {results[n].rule.label}" for n in named}
    return FailingRows(count=count, reasons=reasons, query=broken.breaking(failed), batch=batch)
