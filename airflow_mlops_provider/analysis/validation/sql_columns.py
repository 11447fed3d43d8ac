"""Columns of a batch in SQL: families of types, literals, and missing values.

As in pandas and Great Expectations, NULL is missing, and NaN in a float column is too.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pyarrow as pa
import pyarrow.types as pt


class Family(StrEnum):
    """Groups of types whose values can be compared with each other."""

    NUMBER = "number"
    STRING = "string"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    TIME = "time"
    OTHER = "other"


def quote(name: str) -> str:
    """Return ``name`` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def text_literal(value: str) -> str:
    """Return ``value`` as an SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def count_where(condition: str) -> str:
    """Return the SQL of the number of rows that meet ``condition``; DuckDB's ``count_if`` is NULL without rows."""
    return f"coalesce(count_if({condition}), 0)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a batch.

    :param name: name of the column.
    :param type: Arrow type of its values.
    :param is_dictionary: whether its values are dictionary-coded, as pandas' categories are.
    """

    name: str
    type: pa.DataType
    is_dictionary: bool = False

    @property
    def family(self) -> Family:
        """Family of its type."""
        return _family(self.type)

    @property
    def is_float(self) -> bool:
        """Whether it may hold NaN and infinity."""
        return self.family is Family.NUMBER and bool(pt.is_floating(self.type))

    @property
    def sql(self) -> str:
        """SQL of the column."""
        return quote(self.name)

    @property
    def missing(self) -> str:
        """SQL condition that the value is missing; never NULL."""
        return f"({self.sql} IS NULL OR isnan({self.sql}))" if self.is_float else f"({self.sql} IS NULL)"

    @property
    def value(self) -> str:
        """SQL of the value, NULL when it is missing, so that comparisons and aggregates ignore it."""
        return f"nullif({self.sql}, 'NaN'::{_float_type(self.type)})" if self.is_float else self.sql

    @property
    def number(self) -> str:
        """SQL of the value in a type whose sums do not overflow, NULL when it is missing."""
        if self.is_float or pt.is_decimal(self.type):
            return f"({self.value})::DOUBLE"
        return f"({self.sql})::HUGEINT"

    @property
    def infinite(self) -> str | None:
        """SQL condition that the value is infinite; ``None`` for types without infinity."""
        return f"coalesce(isinf({self.sql}), false)" if self.is_float else None

    def literal(self, value: Any) -> str | None:
        """Return ``value`` as a SQL literal to compare with the column; ``None`` when it cannot be compared."""
        return _LITERALS[self.family](value, self.type)

    def literals(self, values: Iterable[Any]) -> list[str]:
        """Return the SQL literals of those of ``values`` that can be compared with the column, each once."""
        return list(dict.fromkeys(sql for sql in map(self.literal, values) if sql is not None))

    @property
    def described(self) -> str:
        """Name and type for a message: ``'hours' is string``."""
        return f"{self.name!r} is {self.type}"


def columns_of(schema: pa.Schema) -> dict[str, Column]:
    """Return the columns of a schema by name."""
    return {
        field.name: Column(name=field.name, type=_value_type(field.type), is_dictionary=pt.is_dictionary(field.type))
        for field in schema
    }


def _value_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pt.is_dictionary(kind) else kind


def _family(kind: pa.DataType) -> Family:
    tests = (
        (Family.BOOLEAN, pt.is_boolean),
        (Family.NUMBER, lambda t: pt.is_integer(t) or pt.is_floating(t) or pt.is_decimal(t)),
        (Family.STRING, lambda t: pt.is_string(t) or pt.is_large_string(t) or pt.is_string_view(t)),
        (Family.DATE, pt.is_date),
        (Family.TIMESTAMP, pt.is_timestamp),
        (Family.TIME, pt.is_time),
    )
    return next((family for family, test in tests if test(kind)), Family.OTHER)


def _float_type(kind: pa.DataType) -> str:
    return "DOUBLE" if pt.is_float64(kind) else "FLOAT"


def _number_literal(value: Any, kind: pa.DataType) -> str | None:
    if isinstance(value, bool):
        value = int(value)
    if not isinstance(value, int | float | Decimal) or not math.isfinite(value):
        return None
    if pt.is_floating(kind):
        return f"'{float(value)!r}'::{_float_type(kind)}"
    return str(value) if isinstance(value, int) else f"'{float(value)!r}'::DOUBLE"


def _string_literal(value: Any, _: pa.DataType) -> str | None:
    return text_literal(value) if isinstance(value, str) else None


def _boolean_literal(value: Any, _: pa.DataType) -> str | None:
    return ("true" if value else "false") if value in (True, False) else None


def _date_literal(value: Any, _: pa.DataType) -> str | None:
    moment = parse_datetime(value)
    return None if moment is None else f"TIMESTAMP '{in_utc(moment).isoformat(sep=' ')}'"


def _timestamp_literal(value: Any, kind: pa.DataType) -> str | None:
    moment = parse_datetime(value)
    if moment is None:
        return None
    if kind.tz is None:
        return f"TIMESTAMP '{in_utc(moment).isoformat(sep=' ')}'"
    aware = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return f"TIMESTAMPTZ '{aware.isoformat(sep=' ')}'"


def _time_literal(value: Any, kind: pa.DataType) -> str | None:
    """Return the literal of a time of day; ``None`` for one with a time zone, which columns of times do not have."""
    if isinstance(value, str):
        try:
            value = dt.time.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, dt.time) or value.tzinfo is not None:
        return None
    return f"'{value.isoformat()}'::{'TIME_NS' if kind.unit == 'ns' else 'TIME'}"


def in_utc(moment: dt.datetime) -> dt.datetime:
    """Return the time in UTC, without a time zone; a time without a zone is taken as UTC."""
    return moment.astimezone(dt.UTC).replace(tzinfo=None) if moment.tzinfo else moment


def parse_datetime(value: Any) -> dt.datetime | None:
    """Return the datetime of a date, a datetime or a text in ISO 8601; ``None`` for other values."""
    if isinstance(value, dt.datetime):
        return value
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day)  # noqa: DTZ001  # a date has no time zone
    if not isinstance(value, str):
        return None
    try:
        return dt.datetime.fromisoformat(value)
    except ValueError:
        return None


_LITERALS: dict[Family, Callable[[Any, pa.DataType], str | None]] = {
    Family.NUMBER: _number_literal,
    Family.STRING: _string_literal,
    Family.BOOLEAN: _boolean_literal,
    Family.DATE: _date_literal,
    Family.TIMESTAMP: _timestamp_literal,
    Family.TIME: _time_literal,
    Family.OTHER: lambda value, kind: None,  # noqa: ARG005  # these cannot be compared
}
