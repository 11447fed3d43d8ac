"""Rows as Python objects, which most drivers give, as columns of Arrow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa

from airflow_mlops_provider.exceptions import BadInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnOf:
    """What is known of a column before its rows.

    :param name: of the column.
    :param type: what it holds; ``None`` when only the values tell.
    :param convert: makes a value of that type of what the driver gives, which is not ``None``.
    :param without_values: what the column is when it has no value that tells its type.
    """

    name: str
    type: pa.DataType | None = None
    convert: Callable[[Any], Any] | None = None
    without_values: pa.DataType | None = None


def record_batch(rows: Sequence[Sequence[Any]], columns: Sequence[ColumnOf], *, name: str) -> pa.RecordBatch:
    """Rows as a batch; of no rows, one that tells what is known of the columns.

    :param columns: as many as each row has values.
    :param name: of the dataset, for errors.
    :raises BadInputError: naming a column that holds what no dataset can, or values of several kinds.
    """
    if not rows:
        arrays = [pa.array([], column.type or column.without_values or pa.null()) for column in columns]
    else:
        arrays = [_array(values, column, name) for values, column in zip(zip(*rows, strict=True), columns, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, names=[column.name for column in columns])


def _array(values: Sequence[Any], column: ColumnOf, name: str) -> pa.Array:
    convert = column.convert
    try:
        if convert is not None:
            values = [None if each is None else convert(each) for each in values]
        elif column.type is None:
            values = [_plain(each) for each in values]
        return pa.array(values, column.type, from_pandas=False)
    except (pa.ArrowException, ValueError, TypeError, OverflowError, ArithmeticError):
        # Not the error's own words, which quote the value.
        raise BadInputError(
            f"dataset {name}: column {column.name!r} {_problem(values, column)}; cast it in a query"
        ) from None


def _problem(values: Sequence[Any], column: ColumnOf) -> str:
    if column.type is not None:
        return f"holds a value that is no {column.type}"
    kinds = sorted({type(each).__name__ for each in values if each is not None})
    return f"holds values of the types {', '.join(kinds)}, which no dataset has as one column"


def _plain(value: Any) -> Any:
    """A value of a type that Arrow knows; moments with a zone in UTC."""
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.astimezone(dt.UTC)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, memoryview | bytearray):
        return bytes(value)
    return value


def exact_decimal(scale: int) -> Callable[[Any], Decimal]:
    """How to make a decimal of ``scale`` of a number or its text: exactly, or with an error."""

    def convert(value: Any) -> Decimal:
        found = Decimal(repr(value) if isinstance(value, float) else str(value))
        fitted = round(found, scale)
        if fitted != found:
            raise ValueError("rounded")
        return fitted

    return convert
