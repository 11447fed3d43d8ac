"""The present in rules is the time of the check, the same in every query."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from airflow_mlops_provider.analysis.validation import Source, measure_validation
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import encode
from airflow_mlops_provider.records.reports.validation import ValidationReport
from airflow_mlops_provider.records.rules import Engine, Limits, Rule

NOW = dt.datetime(2024, 3, 2, 1, 30, tzinfo=dt.timezone(dt.timedelta(hours=9)))  # still 1 March in UTC
ROWS = pa.table(
    {
        "made": pa.array([dt.date(2024, 2, 29), dt.date(2024, 3, 1), dt.date(2024, 3, 2)]),
        "sent": pa.array([dt.datetime(2024, 3, 1, hour, tzinfo=dt.UTC) for hour in (15, 16, 17)]),
        "n": [1, 2, 3],
    }
)


def measured(kind: str, table: pa.Table = ROWS, **kwargs: Any) -> ValidationReport:
    source = Source(schema=table.schema, batches=lambda: iter(table.to_batches()), frame=lambda _: table.to_pandas())
    with measure_validation(source, [Rule(type=kind, kwargs=kwargs, source="suite s")], now=NOW) as found:
        return found.report


@pytest.mark.parametrize(
    ("condition", "unexpected"),
    [
        ("made < current_date", 2),
        ("made <= CURRENT_DATE", 1),
        ("made <= today() - INTERVAL 1 DAY", 2),
        ("sent <= current_timestamp", 1),
        ("sent < now() - INTERVAL 1 HOUR", 2),
        ("sent <= localtimestamp", 1),
        ("current_time = TIME '16:30:00'", 0),
        ("age(made) < INTERVAL 1 DAY", 1),
        ("now() = get_current_timestamp() AND n > 1", 1),
    ],
)
def test_the_present_is_the_time_of_the_check_in_utc(condition: str, unexpected: int) -> None:
    found = measured("expect_rows_to_satisfy", condition=condition)
    assert found.results[0].problem == ""
    assert found.results[0].unexpected == unexpected
    assert found.checked_at == "2024-03-01T16:30:00+00:00"


def test_queries_of_one_value_and_of_unexpected_rows_know_the_present_too() -> None:
    limits = encode(Limits(min_value=1, max_value=1))
    report = measured(
        "expect_query_value_to_be_within", query="SELECT count(*) FROM batch WHERE made > current_date", limits=limits
    )
    assert (report.results[0].engine, report.results[0].success) == (Engine.QUERY, True)
    rows = measured("unexpected_rows_expectation", unexpected_rows_query="SELECT * FROM {batch} WHERE sent > now()")
    assert (rows.results[0].unexpected, rows.results[0].rule.columns) == (1, ("sent",))


@pytest.mark.parametrize(
    "condition",
    [
        "made < current_date",
        "sent < now()",
        {"type": "comparison", "column": {"name": "made"}, "operator": "<", "parameter": "current_date"},
    ],
)
def test_row_conditions_compare_with_the_present(condition: Any) -> None:
    found = measured("expect_column_values_to_be_between", column="n", max_value=0, row_condition=condition)
    rows = 2 if "now" in str(condition) else 1
    assert (found.results[0].engine, found.results[0].unexpected) == (Engine.SCAN, rows)
    assert found.checked_at is not None


def test_a_column_of_that_name_is_the_column() -> None:
    table = pa.table({"current_date": [dt.date(2000, 1, 1)], "made": [dt.date(2010, 1, 1)]})
    found = measured("expect_rows_to_satisfy", table, condition="made < current_date")
    assert (found.results[0].unexpected, found.results[0].rule.columns) == (1, ("made", "current_date"))


def test_the_time_is_recorded_only_where_a_rule_asks_for_it() -> None:
    assert measured("expect_column_to_be_fresh", column="sent", max_age_hours=1).checked_at is not None
    timeless = measured("expect_column_to_be_fresh", column="sent", max_age_hours=1, as_of="2024-03-01T18:00:00")
    assert timeless.checked_at is None
    assert "checked_at" not in encode(timeless)


def test_bounds_with_a_zone_are_moments_also_on_columns_without_one() -> None:
    hours = pa.array(["2024-03-01 04:00:00", "2024-03-01 05:00:00"]).cast(pa.timestamp("us"))
    naive = pa.table({"at": hours})
    found = measured("expect_column_values_to_be_between", naive, column="at", max_value="2024-03-01T14:00:00+10:00")
    assert found.results[0].unexpected == 1


def test_now_is_a_function_and_no_column() -> None:
    found = measured("expect_rows_to_satisfy", condition="made < now")
    assert found.results[0].problem == "column 'now' is missing"
    with pytest.raises(BadInputError, match=r"suite s: expect_rows_to_satisfy"):
        measured("expect_rows_to_satisfy", condition="made < later()")
