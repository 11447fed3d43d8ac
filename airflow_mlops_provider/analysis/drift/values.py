"""A column of Arrow data as numbers or as counts of levels; missing means null or NaN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.reports.drift import ColumnKind

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """The values of a numeric or time column.

    :param rows: rows, missing ones included.
    :param values: those that are not missing, sorted; time in seconds since 1970.
    """

    rows: int
    values: Floats

    @property
    def missing(self) -> int:
        """Rows without a value."""
        return self.rows - self.values.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """How often each level of a categorical column occurs.

    :param rows: rows, missing ones included.
    :param counts: level to count, without missing.
    """

    rows: int
    counts: dict[str, int]

    @property
    def missing(self) -> int:
        """Rows without a value."""
        return self.rows - sum(self.counts.values())


def numbers_of(data: pa.ChunkedArray, *, where: str) -> Numbers:
    """The numbers in ``data``.

    :param where: what to call the column in errors.
    :raises BadInputError: when a value is infinite: no distance to it means anything.
    """
    values = to_floats(data)
    values = values[~np.isnan(values)]
    refuse_infinite(values, where=where)
    return Numbers(rows=len(data), values=np.sort(values))


def refuse_infinite(values: Floats, *, where: str) -> None:
    """Raise ``BadInputError`` naming ``where`` when a value is infinite."""
    infinite = int(np.isinf(values).sum())
    if infinite:
        raise BadInputError(f"{where} holds {infinite:,} infinite value{'s' if infinite > 1 else ''}")


def levels_of(data: pa.ChunkedArray) -> Levels:
    """Counts of the levels in ``data``; whole numbers are written without a fraction, so 1 and 1.0 are one level."""
    if not is_text(data.type):
        values, counts = np.unique(to_floats(data), return_counts=True)
        found = {number_text(value): int(n) for value, n in zip(values, counts, strict=True) if not np.isnan(value)}
        return Levels(rows=len(data), counts=found)
    counted = pc.value_counts(plain_text(data))
    pairs = zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True)
    return Levels(rows=len(data), counts={str(level): int(count) for level, count in pairs if level is not None})


def to_floats(data: Any) -> Floats:
    """``data`` as floats, missing as NaN; booleans as 0 and 1, time in seconds since 1970.

    Integers beyond 2**53 lose their last digits, which no distance between distributions notices.
    """
    kind = data.type
    if pa.types.is_dictionary(kind):
        data = data.cast(kind.value_type)
        kind = kind.value_type
    if pa.types.is_null(kind):
        return np.full(len(data), np.nan)
    if pa.types.is_boolean(kind):
        data = data.cast(pa.int8())
    elif pa.types.is_temporal(kind):
        ticks = data.cast(pa.int32() if kind.bit_width == 32 else pa.int64())
        return to_floats(ticks) * _SECONDS[str(getattr(kind, "unit", kind))]
    return np.asarray(data.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)


_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "date32[day]": 86_400.0, "date64[ms]": 1e-3}


def is_text(kind: pa.DataType) -> bool:
    """Whether a column of this type holds text."""
    is_ = pa.types
    value = kind.value_type if is_.is_dictionary(kind) else kind
    return bool(is_.is_string(value) or is_.is_large_string(value) or is_.is_string_view(value))


def plain_text(data: Any) -> Any:
    """``data`` without dictionary coding."""
    return data.cast(pa.large_string())


def number_text(value: float) -> str:
    """A number as a level: ``1`` for 1.0, ``1.5`` for 1.5."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def is_two_level(numbers: Numbers) -> bool:
    """Whether a numeric column holds at most two distinct values: yes/no, 0/1, a constant.

    At two levels KS D and total variation are one number, and the chi-squared test is exact where KS with
    its ties is conservative; and a third value is then a new level, not a large number.
    """
    values = numbers.values
    return bool(values.size == 0 or np.all((values == values[0]) | (values == values[-1])))


def kind_in_reference(planned: ColumnKind, numbers: Numbers | None) -> ColumnKind:
    """The kind of comparison, once the reference's values are known."""
    if planned is ColumnKind.NUMERIC and numbers is not None and is_two_level(numbers):
        return ColumnKind.CATEGORICAL
    return planned
