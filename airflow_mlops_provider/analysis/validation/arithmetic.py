"""Multiples and sums: exact for whole numbers and decimals, with a relative tolerance for floats.

Floats are rounded, so a sum of floats has an error of a few parts in 10^16 of its terms. Two floats count as equal when
they differ by at most the tolerance times the size of the terms or of the dividend: 10^-12, 10^-6 for 32 bits, 10^-3
for 16 bits. For multiples, 10^-9 of the divisor is added to that.
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
"""Relative tolerance of 64-bit floats."""

_DIVISOR_TOLERANCE = 1e-9
_MAX_SUMMED_DIGITS = 28  # of DuckDB's 38, which leaves enough for a sum of 10^10 rows
_BLOCK = 10**18


def relative_tolerance(column: Column) -> float:
    """Return the relative tolerance for values of a column; 0 for exact types."""
    if not column.is_float:
        return 0.0
    return FLOAT_TOLERANCE if pt.is_float64(column.type) else 1e-6 if pt.is_float32(column.type) else 1e-3


def as_fraction(number: float | Decimal) -> Fraction:
    """Return the decimal number that was written as an exact fraction: 0.1 is one tenth."""
    return Fraction(str(number))


def not_multiple_sql(column: Column, divisor: float) -> str:
    """Return the SQL condition that a value is not a multiple of ``divisor``.

    :param column: a column of numbers.
    :param divisor: a number other than 0.
    """
    if column.is_float:
        step = f"{abs(float(divisor))!r}::DOUBLE"
        value = f"({column.sql})::DOUBLE"
        allowed = f"{_DIVISOR_TOLERANCE!r} * {step} + {relative_tolerance(column)!r} * abs({value})"
        # An infinite value makes the difference NaN, which DuckDB orders above every number: it is not a multiple.
        return f"NOT (abs({value} - round({value} / {step}) * {step}) <= {allowed})"
    # The value n / 10^scale is a multiple of p / q when n is a multiple of p * 10^scale / gcd(p * 10^scale, q).
    wanted, scale = as_fraction(divisor), _scale(column)
    units = abs(wanted.numerator) * 10**scale
    step = units // math.gcd(units, wanted.denominator)
    if pt.is_decimal(column.type):
        return f"{column.sql} % {Decimal(step).scaleb(-scale):f} <> 0"
    return f"({column.sql})::HUGEINT % {step}::HUGEINT <> 0"


def _scale(column: Column) -> int:
    return max(column.type.scale, 0) if pt.is_decimal(column.type) else 0


def wrong_sum_sql(columns: Sequence[Column], total: float) -> str:
    """Return the SQL condition that the values of a row do not sum to ``total``, which a missing value makes true.

    :param columns: columns of numbers.
    :param total: the wanted sum.
    """
    if any(column.is_float for column in columns):
        added = " + ".join(column.number for column in columns)
        size = " + ".join(f"abs({column.number})" for column in columns)
        worst = max(relative_tolerance(column) for column in columns)
        wanted = f"{float(total)!r}::DOUBLE"
        return f"NOT coalesce(abs(({added})::DOUBLE - {wanted}) <= {worst!r} * (({size}) + abs({wanted})), false)"
    added = " + ".join(_exact_value(column) for column in columns)
    wanted = f"{Decimal(str(total)):f}"
    # A sum of more than 38 digits raises an error in DuckDB, and cannot be equal to the declared one.
    return f"NOT coalesce(TRY(({added}) = {wanted}), false)"


def _exact_value(column: Column) -> str:
    return column.sql if pt.is_decimal(column.type) else f"({column.sql})::HUGEINT"


def sum_aggregates(column: Column, where: str) -> dict[str, str]:
    """Return the SQL aggregates from which :func:`sum_from_aggregates` computes the sum of a column.

    :param column: a column of numbers or booleans.
    :param where: SQL condition of the rows to add up; it must not be true for infinite values.
    :returns: name to aggregate.
    """
    rows = f"FILTER (WHERE {where})"
    if column.is_float:
        # Compensated (Kahan) sums, because plain sums depend on the order in which the threads add.
        value = f"({column.value})::DOUBLE"
        return {"sum": f"fsum({value}) {rows}", "size": f"fsum(abs({value})) {rows}"}
    if not pt.is_decimal(column.type):
        return {"sum": f"sum(({column.sql})::HUGEINT) {rows}"}
    if column.type.precision <= _MAX_SUMMED_DIGITS:
        return {"sum": f"sum({column.sql}) {rows}"}
    whole = f"trunc({column.sql})::HUGEINT"
    return {
        "blocks": f"sum({whole} // {_BLOCK}) {rows}",
        "sum": f"sum({whole} % {_BLOCK}) {rows}",
        "parts": f"sum({column.sql} - trunc({column.sql})) {rows}",
    }


def sum_from_aggregates(values: Mapping[str, Any]) -> Fraction | None:
    """Return the sum from the values of :func:`sum_aggregates`, which is exact except for floats.

    :returns: ``None`` when there are no values.
    """
    if values["sum"] is None:
        return None
    blocks, parts = values.get("blocks") or 0, values.get("parts") or 0
    return Fraction(values["sum"]) + Fraction(blocks) * _BLOCK + Fraction(parts)


def snapped_to_bound(observed: Fraction, bound: float | None, allowed: float) -> Fraction:
    """Return the bound when ``observed`` differs from it by at most ``allowed``, else ``observed``."""
    if bound is None or abs(observed - as_fraction(bound)) > allowed:
        return observed
    return as_fraction(bound)
