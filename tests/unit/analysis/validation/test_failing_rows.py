"""Rows that are set aside are the rows that came, whichever way they are read."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_mlops_provider.analysis.validation import Source, measure_validation
from airflow_mlops_provider.analysis.validation.failing_rows import survives_duckdb
from airflow_mlops_provider.analysis.validation.suites import rule_of_expectation

MOMENTS = [dt.datetime(year, 12, 31, 23, 59, 59, 999_999, dt.UTC).replace(tzinfo=None) for year in (1700, 2200)] + [
    None
]
DAYS = [dt.date(9999, 12, 31), dt.date(1, 1, 1), None]
PLAIN = pa.table(
    {
        "bad": pa.array([1, 1, 0], pa.int8()),
        "flag": pa.array([True, None, False]),
        "tiny": pa.array([-128, 127, None], pa.int8()),
        "huge": pa.array([2**64 - 1, 0, None], pa.uint64()),
        "part": pa.array([1e-45, -0.0, None], pa.float32()),
        "real": pa.array([float("nan"), float("-inf"), -0.0]),
        "money": pa.array([Decimal("12345678901234567890.12"), Decimal("-0.01"), None], pa.decimal128(38, 2)),
        "text": pa.array(["", "\U0001f600 it's\n", None]),
        "long": pa.array(["a\x00b", "", None], pa.large_string()),
        "raw": pa.array([b"\x00\xff", b"", None]),
        "day": pa.array(DAYS, pa.date32()),
        **{unit: pa.array(MOMENTS).cast(pa.timestamp(unit), safe=False) for unit in ("s", "ms", "us")},
        "ns": pa.array([9_223_372_036_854_775_806, -9_000_000_000_000_000_001, None], pa.int64()).cast("timestamp[ns]"),
        "nothing": pa.array([None, None, None], pa.int32()),
    }
)
OTHERS = {
    "zoned": pa.array(MOMENTS, pa.timestamp("us")).cast(pa.timestamp("us", "Europe/Berlin")),
    "coded": pa.array(["a", None, "b"]).dictionary_encode(),
    "listed": pa.array([[1], [], None]),
    "time": pa.array([dt.time(1, 2, 3, 4), None, None], pa.time64("ns")),
}


def aside(source: Source, *, clean: bool) -> pa.Table:
    rule = rule_of_expectation(
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": "bad", "max_value": 0}}, "test"
    )
    with measure_validation(source, [rule]) as measured:
        parts = [part for _, part in measured.failing.separate(source.batches(), clean=clean) if part is not None]
    return pa.Table.from_batches(parts)


@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("extra", [None, *OTHERS])
def test_quarantined_rows_are_the_same_from_the_scan_and_from_the_file(
    tmp_path: Path, in_place: bool, extra: str | None
) -> None:
    table = PLAIN if extra is None else PLAIN.append_column(extra, OTHERS[extra])
    file = str(tmp_path / "table.parquet")
    pq.write_table(table, file)
    table = pq.read_table(file).cast(table.schema)
    source = Source(
        schema=table.schema,
        batches=lambda: iter(table.to_batches(max_chunksize=2)),
        frame=lambda _: None,
        files=(file,) if in_place else (),
    )
    assert survives_duckdb(table.schema) is (extra is None)
    one, other = aside(source, clean=True), aside(source, clean=False)
    assert one.schema == other.schema
    assert repr(one.to_pylist()) == repr(other.to_pylist())
    assert repr(other.drop_columns(["quarantine_reasons"]).to_pylist()) == repr(table.slice(0, 2).to_pylist())
