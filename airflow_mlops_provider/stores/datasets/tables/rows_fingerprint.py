"""The fingerprint of rows in whatever order: a database promises none, and the same rows are the same content.

Each row is hashed (SHA-256 over its values in one spelling), and the hashes are added up. The sum does not depend on
the order of the rows and counts a row that is there twice as two. It guards against mistakes; somebody who may choose
rows at will could look for other rows with the same sum.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

_LANES = 4
_AT_ONCE = 8192  # rows whose spelled values fit into a processor's cache
_WORD = 1 << 64
_MISSING, _PRESENT = b"\x00", b"\x01"


class RowsFingerprint:
    """Adds up the rows of batches of one schema.

    :param schema: whose columns' names and types are part of the fingerprint.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._sums = [0] * _LANES
        self._rows = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Add the rows of a batch; its columns have the types of the schema."""
        self._rows += batch.num_rows
        for start in range(0, batch.num_rows, _AT_ONCE):
            self._add(batch.slice(start, _AT_ONCE))

    def _add(self, batch: pa.RecordBatch) -> None:
        hashes = b"".join(hashlib.sha256(row).digest() for row in _spelled(batch))
        for lane in range(_LANES):
            words = memoryview(hashes).cast("Q")[lane::_LANES]
            self._sums[lane] = (self._sums[lane] + sum(words)) % _WORD

    @property
    def sums(self) -> tuple[int, ...]:
        """The number of rows and the sums of the rows; those of parts add up, see :meth:`add_sums`."""
        return (self._rows, *self._sums)

    def add_sums(self, sums: Sequence[int]) -> None:
        """Add the rows of another part, of which the sums are known."""
        self._rows += sums[0]
        self._sums = [(own + other) % _WORD for own, other in zip(self._sums, sums[1:], strict=True)]

    def value(self) -> str:
        """``sha256:...`` over the columns, the number of rows and the sum of the rows."""
        said = "\n".join(f"{field.name}\t{_kind(field.type)}" for field in self._schema)
        sums = struct.pack(f"<{_LANES + 1}Q", self._rows, *self._sums)
        return f"sha256:{hashlib.sha256(said.encode() + _MISSING + sums).hexdigest()}"


def rows_fingerprint(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> str:
    """The fingerprint of all rows of ``batches``."""
    found = RowsFingerprint(schema)
    for batch in batches:
        found.add(batch)
    return found.value()


def _spelled(batch: pa.RecordBatch) -> Iterable[bytes]:
    """The values of each row as bytes that no other row of these types has."""
    import pyarrow.compute as pc

    parts = [_bytes_of(column) for column in batch.columns]
    spelled = [
        pc.binary_join_element_wise(pa.scalar(_PRESENT), part, b"", null_handling="emit_null").fill_null(_MISSING)
        for part in parts
    ]
    row = pc.binary_join_element_wise(*spelled, b"") if len(spelled) > 1 else spelled[0]
    found: list[bytes] = row.to_pylist()
    return found


def _bytes_of(values: pa.Array) -> pa.Array:
    """Each value as bytes: of one width where the type has one, else with their length in front."""
    import pyarrow.compute as pc

    kind = values.type
    if pt.is_null(kind):
        return pa.nulls(len(values), pa.binary())
    if pt.is_boolean(kind):
        return _bytes_of(values.cast(pa.uint8()))
    if pt.is_string(kind) or pt.is_binary(kind) or pt.is_fixed_size_binary(kind):
        plain = values.cast(pa.binary())
        return pc.binary_join_element_wise(_raw(pc.binary_length(plain)), plain, b"", null_handling="emit_null")
    if pt.is_nested(kind) or pt.is_dictionary(kind):
        return _bytes_of(pa.array([_text(each) for each in values.to_pylist()], pa.string()))
    if pt.is_decimal(kind):
        # Of one scale, which holds every other: digits that a value does not need are no part of it.
        return _raw(values.cast(pa.decimal256(76, 38)))
    return _raw(values)


def _kind(kind: pa.DataType) -> str:
    return "decimal" if pt.is_decimal(kind) else str(kind)


def _raw(values: pa.Array) -> pa.Array:
    """Values of one width as their bytes in memory."""
    width = values.type.bit_width // 8
    buffers = [values.buffers()[0], values.buffers()[1]]
    found = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(width), len(values), buffers, null_count=values.null_count, offset=values.offset
    )
    return found.cast(pa.binary())


def _text(value: Any) -> str | None:
    return None if value is None else repr(value)
