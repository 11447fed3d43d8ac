"""Make small Arrow arrays from buffers, because ``pyarrow.array`` imports pandas, which is slower than most scans."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate

import pyarrow as pa


def int64_array(values: Sequence[int]) -> pa.Array:
    """Return an array of 64-bit integers without missing values."""
    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(array("q", values))])


def string_array(values: Sequence[str]) -> pa.Array:
    """Return an array of texts without missing values, of less than 2 GB together."""
    encoded = [value.encode() for value in values]
    offsets = array("i", [0, *accumulate(map(len, encoded))])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(values), buffers)


def mask_without(length: int, positions: Sequence[int]) -> pa.Array:
    """Return an array of ``length`` booleans that are true except at ``positions``."""
    bits = bytearray(b"\xff" * (length // 8 + 1))
    for position in positions:
        bits[position // 8] &= ~(1 << position % 8)
    return pa.Array.from_buffers(pa.bool_(), length, [None, pa.py_buffer(bytes(bits))])
