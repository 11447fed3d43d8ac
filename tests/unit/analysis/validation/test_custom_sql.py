"""SQL in rules: business rules row by row, within a fence; Python's regular expressions in DuckDB."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_mlops_provider.analysis.validation import Source, measure_validation
from airflow_mlops_provider.analysis.validation.custom_sql import condition_of
from airflow_mlops_provider.analysis.validation.regexes import regex_search_sql, register_regex_function
from airflow_mlops_provider.analysis.validation.suites import rule_of_expectation
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.reports.validation import RuleResult
from airflow_mlops_provider.records.rules import Engine, Rule, Scope

NOON = dt.datetime(2024, 5, 2, 12, tzinfo=dt.UTC)


def moments(*hours: int) -> pa.Array:
    return pa.array([dt.datetime(2024, 5, 1, hour, tzinfo=dt.UTC) for hour in hours]).cast(pa.timestamp("us"))


TABLE = pa.table(
    {
        "start": moments(0, 6, 12),
        "stop": moments(1, 5, 13),
        "day": pa.array([dt.date(2024, 5, 1)] * 3, pa.date32()),
        "zoned": pa.array([dt.datetime(2024, 5, 1, h, tzinfo=dt.UTC) for h in (0, 6, 12)], pa.timestamp("us", "CET")),
        "amount": pa.array(["10", "x", None]),
    }
)


def measured(kind: str, table: pa.Table = TABLE, *, files: tuple[str, ...] = (), **kwargs: Any) -> RuleResult:
    rule = rule_of_expectation({"type": kind, "kwargs": kwargs}, "suite s, expectation 1")
    source = Source(
        schema=table.schema, batches=lambda: iter(table.to_batches()), frame=lambda _: table.to_pandas(), files=files
    )
    with measure_validation(source, [rule], now=NOON) as found:
        return found.report.results[0]


def test_a_cross_column_rule_is_judged_row_by_row() -> None:
    found = measured("expect_rows_to_satisfy", condition="start <= stop")
    assert (found.scope, found.unexpected, found.rule.columns) == (Scope.ROW, 1, ("start", "stop"))
    assert found.result["partial_unexpected_index_list"] == [1]


def test_a_row_on_which_a_rule_cannot_be_computed_does_not_meet_it() -> None:
    assert measured("expect_rows_to_satisfy", condition="amount::INT > 5").unexpected == 1
    query = "SELECT * FROM {batch} WHERE amount::INT > 100"
    assert measured("unexpected_rows_expectation", unexpected_rows_query=query).unexpected == 1


def test_great_expectations_unexpected_rows_are_found_row_by_row() -> None:
    query = "SELECT * FROM {batch} WHERE stop < start"
    found = measured("unexpected_rows_expectation", unexpected_rows_query=query)
    assert (found.scope, found.unexpected) == (Scope.ROW, 1)


def test_other_unexpected_rows_queries_judge_the_table() -> None:
    query = "SELECT day FROM {batch} GROUP BY day HAVING count(*) > 2"
    found = measured("unexpected_rows_expectation", unexpected_rows_query=query)
    assert (found.scope, found.engine, found.observed, found.success) == (Scope.TABLE, Engine.QUERY, 1.0, False)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM batch WHERE a > (SELECT avg(a) FROM batch)",
        "SELECT * FROM batch WHERE a > 1 GROUP BY a",
        "SELECT * FROM batch WHERE a > 1 LIMIT 3",
        "SELECT a FROM batch WHERE a > 1",
        "SELECT * FROM elsewhere WHERE a > 1",
        "SELECT * FROM batch",
    ],
)
def test_only_plain_conditions_are_taken_apart(query: str) -> None:
    assert condition_of(query) is None
    assert condition_of("select count(*) from batch where a > 1;") == "a > 1"


@pytest.mark.parametrize("in_place", [True, False])
def test_sql_of_rules_reads_the_batch_and_nothing_else(tmp_path: Path, in_place: bool) -> None:
    ours, other = tmp_path / "ours.parquet", tmp_path / "other.parquet"
    pq.write_table(TABLE, ours)
    pq.write_table(TABLE, other)
    limits = {"limits": {"min_value": 0.0}}
    files = (str(ours),) if in_place else ()
    kind = "expect_query_value_to_be_within"
    assert measured(kind, files=files, query="SELECT count(*) FROM batch", **limits).success
    for source in (f"read_parquet('{other}')", f"read_csv('{tmp_path}/*')", "read_text('/etc/hostname')"):
        with pytest.raises(BadInputError, match="disabled"):
            measured(kind, files=files, query=f"SELECT count(*) FROM {source}", **limits)


def test_a_query_must_give_one_number() -> None:
    kind, limits = "expect_query_value_to_be_within", {"min_value": 0.0}
    assert "no number" in measured(kind, query="SELECT max(amount) FROM batch", limits=limits).problem
    assert "cannot convert" in measured(kind, query="SELECT max(amount::INT) FROM batch", limits=limits).problem
    with pytest.raises(BadInputError, match="one value"):
        measured(kind, query="SELECT 1, 2 FROM batch", limits=limits)
    with pytest.raises(BadInputError, match="nowhere"):
        measured(kind, query="SELECT max(nowhere) FROM batch", limits=limits)


@pytest.mark.parametrize(("column", "age"), [("start", 24.0), ("stop", 23.0), ("day", 36.0), ("zoned", 24.0)])
def test_freshness_is_the_age_of_the_newest_row(column: str, age: float) -> None:
    found = measured("expect_column_to_be_fresh", column=column, max_age_hours=24)
    assert (found.observed, found.success) == (age, age <= 24)


def test_rows_from_the_future_are_not_fresh() -> None:
    found = measured("expect_column_to_be_fresh", column="start", max_age_hours=24, as_of="2024-04-01T00:00:00")
    assert not found.success


def test_a_text_is_not_fresh_but_unfit() -> None:
    assert "not a date" in measured("expect_column_to_be_fresh", column="amount", max_age_hours=24).problem


def test_names_with_quotes_brackets_and_keywords_are_columns_and_files_like_any_other(tmp_path: Path) -> None:
    table = pa.table({'a"b': [1, -1], "select": [1, 2], "file_row_number": ["it's", "x"]})
    file = tmp_path / "odd [1] it's.parquet"
    pq.write_table(table.drop_columns(["file_row_number"]), file)
    kind = "expect_column_values_to_be_between"
    assert measured(kind, table, column='a"b', min_value=0).unexpected == 1
    in_place = table.drop_columns(["file_row_number"])
    assert measured(kind, in_place, files=(str(file),), column='a"b', min_value=0).unexpected == 1
    assert measured("expect_column_values_to_be_in_set", table, column="file_row_number", value_set=["it's"]).unexpected


PIECES = [
    "a",
    "B",
    "1",
    "_",
    ".",
    "^",
    "$",
    r"\w",
    r"\d",
    r"\s",
    r"\b",
    "[a-c]",
    "[^a]",
    "(?i)",
    "(a|1)",
    "*",
    "+",
    "?",
]
LETTERS = st.sampled_from(["a", "B", "c", "1", "_", " ", "\t", "\n", "\x0b", "\x1c", "é", "٣", "ß", "K", "\u00a0", "-"])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join), st.lists(st.text(LETTERS, max_size=4)))
def test_a_pattern_finds_in_the_scan_what_it_finds_in_python(pattern: str, texts: list[str]) -> None:
    try:
        expected = [re.search(pattern, text) is not None for text in texts]
    except re.error:
        return
    with duckdb.connect() as connection:
        register_regex_function(connection)
        for text, found in zip(texts, expected, strict=True):
            query = f"SELECT {regex_search_sql('t', pattern, connection)} FROM (SELECT $1 AS t)"
            assert connection.execute(query, [text]).fetchone() == (found,)


def test_rules_keep_their_order_and_every_rule_has_a_result() -> None:
    kinds = ["expect_table_row_count_to_equal", "expect_column_to_exist", "expect_column_values_to_not_be_null"]
    rules = [Rule(type=kinds[0], kwargs={"value": 3}), Rule(type=kinds[1], kwargs={"column": "start"})]
    rules.append(Rule(type=kinds[2], kwargs={"column": "absent"}))
    source = Source(schema=TABLE.schema, batches=lambda: iter(TABLE.to_batches()), frame=lambda _: None)
    with measure_validation(source, rules) as found:
        assert [result.rule.type for result in found.report.results] == kinds
