"""Sets of values that rules compare columns with, as a list in SQL, or as a table when they are large.

DuckDB plans every value of a list as a separate expression in every query. A table is read once into a hash table.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from airflow_mlops_provider.analysis.validation.sql_columns import Column, Family, in_utc, parse_datetime

LISTED_VALUES = 1_000
"""Largest number of values of a set that is written as a list in SQL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueSet:
    """A set of values as SQL.

    :param sql: the SQL inside the parentheses after ``IN``; empty when no value can be compared with the column.
    :param size: number of values that can be compared with the column.
    :param tables: tables that the SQL reads, by name.
    """

    sql: str
    size: int
    tables: dict[str, pa.Table]


def value_set(column: Column, values: Collection[Any]) -> ValueSet:
    """Return those of ``values`` that can be compared with ``column``, each once."""
    found = _array(column, values) if len(values) > LISTED_VALUES else None
    if found is None:
        literals = column.literals(values)
        return ValueSet(sql=", ".join(literals), size=len(literals), tables={})
    table = pa.table({"value": found})
    name = f"mlops_set_{_digest(found)}"
    return ValueSet(sql=f"SELECT value FROM {name}", size=len(found), tables={name: table})


def _digest(values: pa.Array) -> str:
    """Return a digest of the values, so that equal sets of several rules share one table."""
    digest = hashlib.sha256(str(values.type).encode())
    for buffer in values.buffers():
        if buffer is not None:
            digest.update(buffer)
    return digest.hexdigest()[:16]


def _array(column: Column, values: Iterable[Any]) -> pa.Array | None:
    """Return the values as an array of the column's type; ``None`` when they can be compared as SQL literals only."""
    of_type = _ARRAYS.get(column.family)
    return None if of_type is None else of_type(column.type, values)


def _texts(_: pa.DataType, values: Iterable[Any]) -> pa.Array:
    return pa.array(list(dict.fromkeys(value for value in values if isinstance(value, str))), pa.string())


def _numbers(kind: pa.DataType, values: Iterable[Any]) -> pa.Array | None:
    numbers = list(dict.fromkeys(value for value in values if isinstance(value, int | float)))
    if pt.is_integer(kind) and all(isinstance(number, int) and -(2**63) <= number < 2**63 for number in numbers):
        return pa.array(numbers, pa.int64())
    if pt.is_float64(kind) or pt.is_float32(kind):
        return pa.array(list(dict.fromkeys(map(float, numbers))), kind)
    return None


def _datetimes(kind: pa.DataType, values: Iterable[Any]) -> pa.Array | None:
    moments = [moment for moment in map(parse_datetime, values) if moment is not None]
    zone = "UTC" if pt.is_timestamp(kind) and kind.tz else None
    found = [in_utc(moment).replace(tzinfo=dt.UTC if zone else None) for moment in moments]
    unit = "ns" if pt.is_timestamp(kind) and kind.unit == "ns" else "us"
    try:
        return pa.array(list(dict.fromkeys(found)), pa.timestamp(unit, zone))
    except pa.ArrowInvalid:  # outside the range of nanoseconds
        return None


_ARRAYS: dict[Family, Callable[[pa.DataType, Iterable[Any]], pa.Array | None]] = {
    Family.STRING: _texts,
    Family.NUMBER: _numbers,
    Family.DATE: _datetimes,
    Family.TIMESTAMP: _datetimes,
}
