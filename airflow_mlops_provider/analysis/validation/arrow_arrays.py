"""Small Arrow arrays from their buffers: ``pyarrow.array`` imports pandas, which costs more than a million-row scan."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate

import pyarrow as pa


def int64s(values: Sequence[int]) -> pa.Array:
    """Whole numbers, none missing."""
    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(array("q", values))])


def strings(values: Sequence[str]) -> pa.Array:
    """Texts, none missing, of together less than 2 GB."""
    encoded = [value.encode() for value in values]
    offsets = array("i", [0, *accumulate(map(len, encoded))])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(values), buffers)


def all_but(length: int, positions: Sequence[int]) -> pa.Array:
    """``length`` booleans, true but for those at ``positions``."""
    bits = bytearray(b"\xff" * (length // 8 + 1))
    for position in positions:
        bits[position // 8] &= ~(1 << position % 8)
    return pa.Array.from_buffers(pa.bool_(), length, [None, pa.py_buffer(bytes(bits))])
