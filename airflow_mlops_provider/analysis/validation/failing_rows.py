"""The rows that break a failed rule, with all their reasons, and the two halves of a batch that they make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from airflow_mlops_provider.analysis.validation.batch import ROW, Batch
from airflow_mlops_provider.analysis.validation.scan import Scanned
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.reports.validation import RuleResult
from airflow_mlops_provider.records.rules import Engine, Scope

REASONS = "quarantine_reasons"
"""The column that a quarantine has beside those of the batch."""

_BITS = 62  # of one signed 64-bit word
_TABLE = "failing_rows"
_READ_ROWS = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingRows:
    """The rows to set aside.

    :param count: how many they are.
    :param reasons: what each bit of a row's words stands for.
    :param batch: where they are kept; ``None`` when there are none.
    """

    count: int = 0
    reasons: tuple[str, ...] = ()
    batch: Batch | None = None
    _texts: dict[tuple[int, ...], str] = field(default_factory=dict)

    def halves(self, batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch | None]]:
        """Each of ``batches`` (the whole batch of data, in order) as its clean rows and those that are set aside.

        Rows stay as they were and in order; those set aside have their reasons in a last column, and are ``None``
        where there are none.
        """
        for records, positions, texts in self._split(batches):
            if len(positions) == 0:
                yield records, None
                continue
            keep = np.ones(records.num_rows, dtype=bool)
            keep[positions] = False
            taken = records.take(pa.array(positions))
            columns = [*taken.columns, pa.array(texts, pa.string())]
            aside = pa.RecordBatch.from_arrays(columns, schema=quarantine_schema(records.schema))
            yield records.filter(pa.array(keep)), aside

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
        for found in self.batch.stream(f"SELECT * FROM {_TABLE} ORDER BY {ROW}", some=_READ_ROWS):
            yield np.array([row[0] for row in found], dtype=np.int64), [self._text(row[1:]) for row in found]

    def _text(self, words: tuple[int, ...]) -> str:
        if words not in self._texts:
            broken = [reason for bit, reason in enumerate(self.reasons) if words[bit // _BITS] >> (bit % _BITS) & 1]
            self._texts[words] = "; ".join(broken)
        return self._texts[words]


_NOTHING: tuple[np.ndarray, list[str]] = (np.empty(0, dtype=np.int64), [])


def quarantine_schema(schema: pa.Schema) -> pa.Schema:
    """The batch's columns and the reasons.

    :raises BadInputError: when the batch has a column of that name already.
    """
    if REASONS in schema.names:
        raise BadInputError(f"the batch has a column {REASONS!r} already; a quarantine needs that name")
    return schema.append(pa.field(REASONS, pa.string()))


def find_failing_rows(results: Sequence[RuleResult], scanned: Scanned, batch: Batch) -> FailingRows:
    """Rows that break a failed row rule; their reasons name every row rule they break, tolerated ones too."""
    broken = [n for n, result in enumerate(results) if result.scope is Scope.ROW and result.unexpected]
    failed = [bit for bit, number in enumerate(broken) if not results[number].success]
    if not failed:
        return FailingRows()
    flags, joined = {}, scanned.joined
    for number in broken:
        if results[number].engine is Engine.GREAT_EXPECTATIONS:
            joined += f" LEFT JOIN unexpected_{number} ON unexpected_{number}.position = {ROW}"
            flags[number] = f"unexpected_{number}.position IS NOT NULL"
        else:
            flags[number] = scanned.flags[number]
    words = _words([flags[number] for number in broken])
    wanted = " OR ".join(f"coalesce({flags[broken[bit]]}, false)" for bit in failed)
    batch.execute(f"CREATE TEMP TABLE {_TABLE} AS SELECT {ROW}, {words} FROM {joined} WHERE {wanted}")
    count = batch.row(f"SELECT count(*) FROM {_TABLE}")[0]  # own SQL
    reasons = tuple(f"{results[number].rule.subject}: {results[number].rule.label}" for number in broken)
    return FailingRows(count=count, reasons=reasons, batch=batch)


def _words(flags: Sequence[str]) -> str:
    found = []
    for start in range(0, len(flags), _BITS):
        bits = [
            f"CASE WHEN {flag} THEN {1 << bit}::BIGINT ELSE 0 END"
            for bit, flag in enumerate(flags[start : start + _BITS])
        ]
        found.append(f"({' + '.join(bits)}) AS word_{start // _BITS}")
    return ", ".join(found)
