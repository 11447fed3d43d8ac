"""Convert values of data to plain JSON, for the evidence."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def json_value(value: Any) -> Any:  # noqa: PLR0911  # one line for each kind of value
    """Return ``value`` as plain JSON.

    Dates and times become ISO 8601 text in UTC. NaN and missing values become ``None``. Infinity and values of other
    types become text.
    """
    if type(value).__module__ == "numpy":  # scalars and arrays; numpy is slow to import
        value = value.tolist()
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, Decimal):
        return _float(float(value))
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return _time(value)
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [json_value(item) for item in value]
    return str(value)


def _time(value: dt.datetime | dt.date | dt.time) -> str | None:
    """Return ISO 8601 text, in UTC when the value has a time zone; ``None`` for pandas' NaT."""
    if value != value:  # noqa: PLR0124  # pandas' NaT is unequal to itself
        return None
    aware = isinstance(value, dt.datetime) and value.tzinfo is not None
    return value.astimezone(dt.UTC).isoformat() if isinstance(value, dt.datetime) and aware else value.isoformat()


def _float(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value
