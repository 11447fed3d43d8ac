"""The rows that break a failed rule, with all their reasons, and the two halves of a batch that they make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from airflow_mlops_provider.analysis.validation.batch import ROW, Batch
from airflow_mlops_provider.analysis.validation.broken_rows import BITS, TABLE, BrokenRows
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.reports.validation import RuleResult
from airflow_mlops_provider.records.rules import Scope

REASONS = "quarantine_reasons"
"""The column that a quarantine has beside those of the batch."""

_READ_ROWS = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingRows:
    """The rows to set aside.

    :param count: how many they are.
    :param reasons: what each bit of a row's words stands for.
    :param query: the condition that picks them from the marked rows.
    :param batch: where they are kept; ``None`` when there are none.
    """

    count: int = 0
    reasons: dict[int, str] = field(default_factory=dict)
    query: str = "false"
    batch: Batch | None = None
    _texts: dict[tuple[int, ...], str] = field(default_factory=dict)

    def halves(
        self, batches: Iterator[pa.RecordBatch], *, clean: bool = True
    ) -> Iterator[tuple[pa.RecordBatch | None, pa.RecordBatch | None]]:
        """Each of ``batches`` (the whole batch of data, in order) as its clean rows and those that are set aside.

        Rows stay as they were and in order; those set aside have their reasons in a last column. A half without rows,
        or that is not wanted, is ``None``.

        :param clean: whether the clean rows are wanted.
        """
        for records, positions, texts in self._split(batches):
            if len(positions) == 0:
                yield records if clean else None, None
                continue
            taken = records.take(pa.array(positions))
            columns = [*taken.columns, pa.array(texts, pa.string())]
            aside = pa.RecordBatch.from_arrays(columns, schema=quarantine_schema(records.schema))
            yield _without(records, positions) if clean else None, aside

    def _split(self, batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[pa.RecordBatch, np.ndarray, list[str]]]:
        entries, start = self._entries(), 0
        positions, texts = next(entries, _NOTHING)
        for records in batches:
            stop, here, why = start + records.num_rows, [], []
            while len(positions):
                inside = int(np.searchsorted(positions, stop))
                here.append(positions[:inside] - start)
                why.extend(texts[:inside])
                if inside < len(positions):
                    positions, texts = positions[inside:], texts[inside:]
                    break
                positions, texts = next(entries, _NOTHING)
            yield records, np.concatenate(here) if here else _NOTHING[0], why
            start = stop

    def _entries(self) -> Iterator[tuple[np.ndarray, list[str]]]:
        """Positions, ascending, and reasons of the rows, some at a time."""
        if self.batch is None or not self.count:
            return
        for found in self.batch.stream(f"SELECT * FROM {TABLE} WHERE {self.query} ORDER BY {ROW}", some=_READ_ROWS):
            yield np.array([row[0] for row in found], dtype=np.int64), [self._text(row[1:]) for row in found]

    def _text(self, words: tuple[int, ...]) -> str:
        if words not in self._texts:
            broken = [text for bit, text in self.reasons.items() if words[bit // BITS] >> (bit % BITS) & 1]
            self._texts[words] = "; ".join(broken)
        return self._texts[words]


def _without(records: pa.RecordBatch, positions: np.ndarray) -> pa.RecordBatch:
    keep = np.ones(records.num_rows, dtype=bool)
    keep[positions] = False
    return records.filter(pa.array(keep))


_NOTHING: tuple[np.ndarray, list[str]] = (np.empty(0, dtype=np.int64), [])


def quarantine_schema(schema: pa.Schema) -> pa.Schema:
    """The batch's columns and the reasons.

    :raises BadInputError: when the batch has a column of that name already.
    """
    if REASONS in schema.names:
        raise BadInputError(f"the batch has a column {REASONS!r} already; a quarantine needs that name")
    return schema.append(pa.field(REASONS, pa.string()))


def find_failing_rows(results: Sequence[RuleResult], broken: BrokenRows, batch: Batch) -> FailingRows:
    """Rows that break a failed row rule; their reasons name every row rule they break, tolerated ones too."""
    failed = [n for n in broken.bits if results[n].scope is Scope.ROW and not results[n].success]
    if not failed:
        return FailingRows()
    named = [number for number in broken.bits if results[number].scope is Scope.ROW]
    count = batch.row(f"SELECT count(*) FROM ({broken.rows(failed)})")[0]
    reasons = {broken.bits[n]: f"{results[n].rule.subject}: {results[n].rule.label}" for n in named}
    return FailingRows(count=count, reasons=reasons, query=broken.breaking(failed), batch=batch)
