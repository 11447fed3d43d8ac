"""Multiples and sums: exact on whole numbers and decimals, within a stated tolerance on floats.

A float is the nearest one to the number that was meant, so a sum of floats is off by a few parts in 10^16 of what was
added. Two floats are the same number here when they differ by at most ``FLOAT_TOLERANCE`` of the size of what was added
or divided (10^-12; 10^-6 for 32 bits, 10^-3 for 16), and for multiples also by 10^-9 of the divisor.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pyarrow.types as pt

from airflow_mlops_provider.analysis.validation.sql_columns import Column

FLOAT_TOLERANCE = 1e-12
"""Share of the size of a 64-bit float by which it may miss the number that was meant."""

_DIVISOR_TOLERANCE = 1e-9
_SUMMED_DIGITS = 28  # that leave room for a sum of 10^10 rows
_BLOCK = 10**18


def tolerance(column: Column) -> float:
    """The share by which a value of a float column may miss the number that was meant; 0 for exact types."""
    if not column.is_float:
        return 0.0
    return FLOAT_TOLERANCE if pt.is_float64(column.type) else 1e-6 if pt.is_float32(column.type) else 1e-3


def exact(number: float | Decimal) -> Fraction:
    """The number as it was written: 0.1 is one tenth."""
    return Fraction(str(number))


def not_multiple_sql(column: Column, divisor: float) -> str:
    """A condition that is true where the value is no multiple of ``divisor``.

    :param column: of numbers.
    """
    if column.is_float:
        step = f"{abs(float(divisor))!r}::DOUBLE"
        value = f"({column.sql})::DOUBLE"
        allowed = f"{_DIVISOR_TOLERANCE!r} * {step} + {tolerance(column)!r} * abs({value})"
        # NaN is above every number: an infinite value is no multiple.
        return f"NOT (abs({value} - round({value} / {step}) * {step}) <= {allowed})"
    # n / 10^scale is a multiple of p / q exactly when n is one of step = p * 10^scale / gcd(p * 10^scale, q).
    wanted, scale = exact(divisor), _scale(column)
    units = abs(wanted.numerator) * 10**scale
    step = units // math.gcd(units, wanted.denominator)
    if pt.is_decimal(column.type):
        return f"{column.sql} % {Decimal(step).scaleb(-scale):f} <> 0"
    return f"({column.sql})::HUGEINT % {step}::HUGEINT <> 0"


def _scale(column: Column) -> int:
    return max(column.type.scale, 0) if pt.is_decimal(column.type) else 0


def wrong_sum_sql(columns: Sequence[Column], total: float) -> str:
    """A condition that is true where the values of a row do not sum to ``total``; a missing value makes it true.

    :param columns: of numbers.
    """
    if any(column.is_float for column in columns):
        added = " + ".join(column.number for column in columns)
        size = " + ".join(f"abs({column.number})" for column in columns)
        worst = max(tolerance(column) for column in columns)
        wanted = f"{float(total)!r}::DOUBLE"
        return f"NOT coalesce(abs(({added})::DOUBLE - {wanted}) <= {worst!r} * (({size}) + abs({wanted})), false)"
    added = " + ".join(_exact_value(column) for column in columns)
    wanted = f"{Decimal(str(total)):f}"
    # A sum beyond 38 digits is an error of DuckDB's, and no sum that anybody declares.
    return f"NOT coalesce(TRY(({added}) = {wanted}), false)"


def _exact_value(column: Column) -> str:
    return column.sql if pt.is_decimal(column.type) else f"({column.sql})::HUGEINT"


def sum_aggregates(column: Column, where: str) -> dict[str, str]:
    """Aggregates that ``total`` makes the sum of, over the rows that meet ``where``.

    :param column: of numbers or booleans; where it is infinite, ``where`` must not be true.
    """
    rows = f"FILTER (WHERE {where})"
    if column.is_float:
        # Compensated sums: plain ones differ from run to run with the order of the threads.
        value = f"({column.value})::DOUBLE"
        return {"sum": f"fsum({value}) {rows}", "size": f"fsum(abs({value})) {rows}"}
    if not pt.is_decimal(column.type):
        return {"sum": f"sum(({column.sql})::HUGEINT) {rows}"}
    if column.type.precision <= _SUMMED_DIGITS:
        return {"sum": f"sum({column.sql}) {rows}"}
    whole = f"trunc({column.sql})::HUGEINT"
    return {
        "blocks": f"sum({whole} // {_BLOCK}) {rows}",
        "sum": f"sum({whole} % {_BLOCK}) {rows}",
        "parts": f"sum({column.sql} - trunc({column.sql})) {rows}",
    }


def total(values: Mapping[str, Any]) -> Fraction | None:
    """The sum, exact but for floats, from the values of ``sum_aggregates``; ``None`` without a value."""
    if values["sum"] is None:
        return None
    blocks, parts = values.get("blocks") or 0, values.get("parts") or 0
    return Fraction(values["sum"]) + Fraction(blocks) * _BLOCK + Fraction(parts)


def settled(observed: Fraction, bound: float | None, allowed: float) -> Fraction:
    """``observed``, or the bound itself where the two differ by at most ``allowed``."""
    if bound is None or abs(observed - exact(bound)) > allowed:
        return observed
    return exact(bound)
