"""Multiples and sums: exact on whole numbers and decimals, within the stated tolerance on floats."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from airflow_mlops_provider.analysis.validation import Source, measure_validation
from airflow_mlops_provider.records.reports.validation import RuleResult
from airflow_mlops_provider.records.rules import Rule

CENTS = pa.decimal128(10, 2)


def judged(kind: str, table: pa.Table, **kwargs: Any) -> RuleResult:
    source = Source(schema=table.schema, batches=lambda: iter(table.to_batches()), frame=lambda _: table.to_pandas())
    with measure_validation(source, [Rule(type=kind, kwargs=kwargs)]) as measured:
        return measured.report.results[0]


def broken_multiples(values: list[Any], kind: pa.DataType, divisor: float) -> int | None:
    table = pa.table({"x": pa.array(values, kind)})
    found = judged("expect_column_values_to_be_multiple_of", table, column="x", divisor=divisor)
    assert not found.problem, found.problem
    return found.unexpected


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32(), CENTS, pa.decimal128(38, 9)])
def test_prices_are_multiples_of_a_cent_in_every_type(kind: pa.DataType) -> None:
    prices = [Decimal(cents) / 100 for cents in range(0, 60_000, 7)]
    values = prices if pa.types.is_decimal(kind) else list(map(float, prices))
    assert broken_multiples(values, kind, 0.01) == 0


@pytest.mark.parametrize(
    ("values", "kind", "divisor", "broken"),
    [
        ([0, 5, -10, 7], pa.int64(), 5, 1),
        ([3, 4, 6], pa.int64(), 1.5, 1),
        ([2**62 + 1, 2**62], pa.int64(), 2, 1),
        ([1, 2], pa.uint64(), 0.25, 0),
        ([0.125, 0.3, 0.1 + 0.2 - 0.3], pa.float64(), 0.01, 1),
        ([1.004, 19.99], pa.float32(), 0.01, 1),
        ([float("inf"), 1.0], pa.float64(), 0.5, 1),
        ([Decimal("0.07"), Decimal("0.05")], CENTS, 0.05, 1),
        ([Decimal("0.07")], CENTS, 0.001, 0),
        ([Decimal("1.00"), Decimal("2.50")], CENTS, 2.5, 1),
        ([Decimal("12345678901234567890123456789.123456789")], pa.decimal128(38, 9), 1e-10, 0),
        ([Decimal("12345678901234567890123456789.123456789")], pa.decimal128(38, 9), 2e-9, 1),
    ],
)
def test_what_is_no_multiple_is_found_and_nothing_else(
    values: list[Any], kind: pa.DataType, divisor: float, broken: int
) -> None:
    assert broken_multiples(values, kind, divisor) == broken


@pytest.mark.parametrize(
    ("kind", "rows", "total", "broken"),
    [
        (CENTS, [("0.10", "0.20"), ("0.10", "0.21")], 0.3, 1),
        (pa.float64(), [(0.1, 0.2), (0.1, 0.200001)], 0.3, 1),
        (pa.float64(), [(1e6, -1e6 + 0.1)], 0.1, 0),
        (pa.float32(), [(0.1, 0.2), (0.1, 0.2001)], 0.3, 1),
        (pa.int64(), [(2**62, 2**62), (2**62, 2**62 + 1)], 2**63, 1),
    ],
)
def test_sums_within_a_row_are_those_of_the_numbers_as_written(
    kind: pa.DataType, rows: list[tuple[Any, Any]], total: float, broken: int
) -> None:
    made = Decimal if pa.types.is_decimal(kind) else (lambda value: value)
    columns = {name: pa.array([made(row[at]) for row in rows], kind) for at, name in enumerate("ab")}
    found = judged("expect_multicolumn_sum_to_equal", pa.table(columns), column_list=["a", "b"], sum_total=total)
    assert found.unexpected == broken


def test_a_sum_of_decimals_and_whole_numbers_is_exact() -> None:
    table = pa.table({"a": pa.array([Decimal("0.10")], CENTS), "b": pa.array([2**53 + 1], pa.int64())})
    wanted = 2**53 + 1
    found = judged("expect_multicolumn_sum_to_equal", table, column_list=["a", "b"], sum_total=wanted)
    assert found.unexpected == 1


TENTHS = [Decimal("0.1")] * 3


@pytest.mark.parametrize("kind", [CENTS, pa.decimal128(38, 9), pa.float64(), pa.float32()])
@pytest.mark.parametrize(("statistic", "bound"), [("sum", 0.3), ("mean", 0.1)])
def test_the_sum_of_three_tenths_is_three_tenths(kind: pa.DataType, statistic: str, bound: float) -> None:
    values = TENTHS if pa.types.is_decimal(kind) else [0.1] * 3
    table, rule = pa.table({"x": pa.array(values, kind)}), f"expect_column_{statistic}_to_be_between"
    assert judged(rule, table, column="x", min_value=bound, max_value=bound).success
    assert not judged(rule, table, column="x", min_value=0, max_value=bound, strict_max=True).success
    assert not judged(rule, table, column="x", min_value=bound * 1.001).success


def test_a_sum_that_cancels_is_nothing_but_a_missing_cent_is_seen() -> None:
    booked = [0.1, 0.2, -0.3, 1e6, -1e6]
    assert judged(
        "expect_column_sum_to_be_between", pa.table({"x": booked}), column="x", min_value=0, max_value=0
    ).success
    wrong = pa.table({"x": [*booked, 0.01]})
    assert not judged("expect_column_sum_to_be_between", wrong, column="x", min_value=0, max_value=0).success


def test_sums_of_great_whole_numbers_and_wide_decimals_do_not_round_or_overflow() -> None:
    whole = pa.table({"x": pa.array([2**62, 2**62, 1], pa.int64())})
    found = judged("expect_column_sum_to_be_between", whole, column="x", max_value=2**63)
    assert not found.success
    wide = pa.table({"x": pa.array([Decimal(9 * 10**37), Decimal(9 * 10**37)], pa.decimal128(38, 0))})
    assert judged("expect_column_sum_to_be_between", wide, column="x", min_value=1e38).observed == 1.8e38
