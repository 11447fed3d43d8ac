"""Convert columns of Arrow data to floats, with NaN for missing values, or to text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from airflow_mlops_provider.exceptions import BadInputError

Floats = NDArray[np.float64]

_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "date32[day]": 86_400.0, "date64[ms]": 1e-3}


def to_floats(data: Any) -> Floats:
    """Return ``data`` as floats: missing values as NaN, booleans as 0 and 1, times in seconds since 1970.

    Integers beyond 2**53 lose their last digits, which does not change any distance between distributions noticeably.

    :param data: a pyarrow Array or ChunkedArray of numbers, booleans or times.
    """
    kind = data.type
    if pa.types.is_dictionary(kind):
        return to_floats(data.cast(kind.value_type))
    if pa.types.is_null(kind):
        return np.full(len(data), np.nan)
    if pa.types.is_boolean(kind):
        data = data.cast(pa.int8())
    elif pa.types.is_temporal(kind):
        ticks = data.cast(pa.int32() if kind.bit_width == 32 else pa.int64())
        return to_floats(ticks) * _SECONDS[str(getattr(kind, "unit", kind))]
    numbers = data.cast(pa.float64(), safe=False)
    keep = {} if isinstance(numbers, pa.ChunkedArray) else {"zero_copy_only": False}
    return np.asarray(numbers.to_numpy(**keep), dtype=np.float64)


def sorted_values(data: Any, *, where: str) -> Floats:
    """Return a sorted copy of the values of a numeric or time column that are not missing.

    :param data: a pyarrow Array or ChunkedArray.
    :param where: name of the column in errors.
    :raises BadInputError: when a value is infinite, because distances to it are meaningless.
    """
    values = np.sort(to_floats(data))
    # NaN sorts last, so one search finds all missing values, without a pass over all rows.
    values = values[: int(np.searchsorted(values, np.nan))]
    if values.size and not (np.isfinite(values[0]) and np.isfinite(values[-1])):
        infinite = int(np.isinf(values).sum())
        raise BadInputError(f"{where} holds infinite values ({infinite:,} of those read)")
    return values


def is_text(kind: pa.DataType) -> bool:
    """Return whether a column of this type holds text."""
    is_ = pa.types
    value = kind.value_type if is_.is_dictionary(kind) else kind
    return bool(is_.is_string(value) or is_.is_large_string(value) or is_.is_string_view(value))


def plain_text(data: Any) -> Any:
    """Return ``data`` as text without dictionary coding; a column of nulls becomes text too."""
    return data.cast(pa.large_string())


def number_text(value: float) -> str:
    """Return the name of a number as a level: ``1`` for 1.0, ``1.5`` for 1.5."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))
