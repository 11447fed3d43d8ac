"""Sets of many values are a table, and mean what the same values mean when they are written into the SQL."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from airflow_mlops_provider.analysis.validation import Source, measure_validation, value_sets
from airflow_mlops_provider.analysis.validation.sql_columns import columns_of
from airflow_mlops_provider.records.rules import Rule

MOMENT = dt.datetime(2024, 3, 1, 12, 30, tzinfo=dt.UTC)
KINDS: list[tuple[pa.DataType, list[Any], list[Any]]] = [
    (pa.string(), ["a", "b", None, "it's"], ["a", "it's", 1, None, "a"]),
    (pa.dictionary(pa.int8(), pa.string()), ["a", "b", None, "c"], ["a", "c", "a"]),
    (pa.int32(), [1, 2, None, 3], [1, 3, "1", 1]),
    (pa.int64(), [1, 2, None, 2**53 + 1], [1, 2.0, 2**53 + 1, True]),
    (pa.uint64(), [1, 2, None, 2**64 - 1], [2, 2**64 - 1]),
    (pa.float64(), [0.1, 0.2, None, float("nan"), float("inf")], [0.1, 1, "0.2"]),
    (pa.float32(), [0.1, 0.2, None, 3.0], [0.1, 3]),
    (pa.decimal128(9, 2), [Decimal("0.10"), Decimal("0.20"), None], [0.1, 7]),
    (pa.bool_(), [True, False, None], [True]),
    (pa.date32(), [MOMENT.date(), dt.date(2024, 3, 2), None], ["2024-03-01", "no date"]),
    (pa.timestamp("us"), [MOMENT.replace(tzinfo=None), None], ["2024-03-01T12:30:00", "2024-03-01T14:30:00+02:00"]),
    (pa.timestamp("ns", "Asia/Tokyo"), [MOMENT, None], ["2024-03-01T12:30:00", "2024-03-01T13:30:00+00:00"]),
    (pa.time64("us"), [MOMENT.time(), None], ["12:30:00", "12:31"]),
]
RULES = [
    "expect_column_values_to_be_in_set",
    "expect_column_values_to_not_be_in_set",
    "expect_column_distinct_values_to_be_in_set",
    "expect_column_distinct_values_to_contain_set",
    "expect_column_distinct_values_to_equal_set",
]


def judged(kind: pa.DataType, values: list[Any], wanted: list[Any]) -> list[tuple[Any, ...]]:
    table = pa.table({"x": pa.array(values, kind)})
    source = Source(schema=table.schema, batches=lambda: iter(table.to_batches()), frame=lambda _: table.to_pandas())
    rules = [Rule(type=rule, kwargs={"column": "x", "value_set": wanted}) for rule in RULES]
    with measure_validation(source, rules) as measured:
        found = measured.report.results
        rows = [row for row, _ in measured.failing.each()]
    return [(each.success, each.unexpected, each.considered, each.observed, each.problem) for each in found] + [(rows,)]


@pytest.mark.parametrize(("kind", "values", "wanted"), KINDS, ids=[str(kind) for kind, _, _ in KINDS])
def test_a_table_of_values_means_what_a_list_of_them_means(
    kind: pa.DataType, values: list[Any], wanted: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = judged(kind, values, wanted)
    monkeypatch.setattr(value_sets, "LISTED_VALUES", 0)
    assert judged(kind, values, wanted) == listed


def test_the_sql_does_not_grow_with_the_values_and_equal_sets_are_one_table() -> None:
    column = columns_of(pa.schema([("x", pa.string())]))["x"]
    few, many = (value_sets.value_set(column, [f"S{i}" for i in range(n)]) for n in (2_000, 100_000))
    assert len(few.sql) == len(many.sql) < 100
    assert (many.size, [table.num_rows for table in many.tables.values()]) == (100_000, [100_000])
    again = value_sets.value_set(column, tuple(f"S{i}" for i in range(2_000)))
    assert again.tables.keys() == few.tables.keys()
