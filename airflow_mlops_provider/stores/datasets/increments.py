"""Which rows of a source are new: those beyond the largest value of a column that grows, the watermark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.stores.datasets.dataset import Dataset


class Increment:
    """The rows of a source that an earlier snapshot lacks.

    :param source: what is read.
    :param column: its watermark column.
    :param after: the largest watermark so far, as text; ``None`` for all rows.
    :param taken: keys of the rows that were taken at ``after``; a row there with another key is new. ``None`` without
        keys: no row at ``after`` is new.
    :param keys: the columns of a key.
    """

    def __init__(
        self,
        source: Dataset,
        column: str,
        *,
        after: str | None,
        taken: set[tuple[Any, ...]] | None = None,
        keys: Sequence[str] = (),
    ) -> None:
        source.require([column, *keys], role="source")
        self._source, self._column, self._keys = source, column, tuple(keys)
        self._taken = taken
        self._type = source.schema.field(column).type
        self._after = None if after is None else self._value(after)
        self._largest: Any = self._after

    @property
    def watermark(self) -> str | None:
        """The largest watermark, as text, of the rows before and those that were read until now."""
        return None if self._largest is None else str(self._largest.cast(pa.string()).as_py())

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The new rows, in the order of the source.

        :raises BadInputError: when a row has no watermark: it would be taken every time, or never.
        """
        for batch in self._source.batches():
            values = batch.column(batch.schema.names.index(self._column))
            self._require_watermarks(values)
            found = batch if self._after is None else batch.filter(self._is_new(batch, values))
            if found.num_rows:
                highest = pc.max(found.column(found.schema.names.index(self._column)))
                if self._largest is None or pc.greater(highest, self._largest).as_py():
                    self._largest = highest
                yield found

    def _require_watermarks(self, values: pa.Array) -> None:
        missing = values.null_count
        if pa.types.is_floating(values.type):
            missing += pc.sum(pc.is_nan(values)).as_py() or 0
        if missing:
            raise BadInputError(
                f"key 'watermark_column': {self._source.uri} has rows without a value in {self._column!r}; they would "
                "be taken every time, or never"
            )

    def _is_new(self, batch: pa.RecordBatch, values: pa.Array) -> pa.Array:
        beyond = pc.greater(values, self._after)
        if not self._keys or self._taken is None:
            return beyond
        level = pc.equal(values, self._after).to_pylist()
        keys = zip(*(batch.column(batch.schema.names.index(name)).to_pylist() for name in self._keys), strict=True)
        late = [at and key not in self._taken for at, key in zip(level, keys, strict=True)]
        return pc.or_(beyond, pa.array(late, type=pa.bool_()))

    def _value(self, text: str) -> Any:
        try:
            return pa.scalar(text).cast(self._type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise BadInputError(
                f"key 'watermark_column': column {self._column!r} of {self._source.uri} is {self._type} now, and the "
                f"watermark so far is {text!r}"
            ) from error


def keys_at(dataset: Dataset, column: str, watermark: str, keys: Sequence[str]) -> set[tuple[Any, ...]]:
    """The keys of the rows whose watermark is ``watermark``.

    :param dataset: a snapshot.
    :param column: its watermark column.
    :param keys: the columns of a key.
    """
    wanted = pa.scalar(watermark).cast(dataset.schema.field(column).type)
    found: set[tuple[Any, ...]] = set()
    for batch in dataset.batches([column, *(name for name in keys if name != column)]):
        rows = batch.filter(pc.equal(batch.column(batch.schema.names.index(column)), wanted))
        columns = [rows.column(rows.schema.names.index(name)).to_pylist() for name in keys]
        found.update(zip(*columns, strict=True))
    return found
