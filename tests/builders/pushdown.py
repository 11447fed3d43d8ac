"""Rules and rows of which a database and the scan must say the same."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.codec import encode
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.evidence.store import read_evidence

V = "expect_column_values_to_"
ODD = [0.1, 0.30000000000000004, 100.0, -0.0, math.nan, math.inf, -math.inf]
TEXTS = [
    "a",
    "A",
    "ä",
    "á",
    "e\u0301",
    "a1",
    "a\n",
    "ab-12",
    "",
    " a",
    "a ",
    "100%",
    "a_c",
    "abc",
    "b'\"",
    "\U0001f600",
]
ROWS = st.lists(
    st.tuples(
        st.none() | st.sampled_from(ODD) | st.floats(-50, 150),
        st.none() | st.sampled_from(TEXTS),
        st.none() | st.dates(dt.date(2026, 1, 1), dt.date(2026, 3, 1)),
        st.none() | st.datetimes(dt.datetime.fromisoformat("2026-01-01"), dt.datetime.fromisoformat("2026-03-01")),
        st.none()
        | st.sampled_from([Decimal("0.10"), Decimal("-1.00"), Decimal("99.99")])
        | st.decimals(-9, 9, places=2),
    ),
    max_size=12,
)
"""Orders without their ids: NaN, infinity, missing values, and texts that some databases take for equal."""

PUSHED: list[tuple[str, dict[str, Any]]] = [
    (f"{V}not_be_null", {"column": "name"}),
    (f"{V}not_be_null", {"column": "amount", "mostly": 0.5}),
    (f"{V}be_null", {"column": "day"}),
    (f"{V}be_between", {"column": "amount", "min_value": 0.1, "max_value": 0.30000000000000004}),
    (f"{V}be_between", {"column": "amount", "min_value": 0, "strict_min": True}),
    (f"{V}be_between", {"column": "amount", "max_value": 100, "mostly": 0.6}),
    (f"{V}be_between", {"column": "id", "min_value": 2, "max_value": 3.5}),
    (f"{V}be_between", {"column": "day", "max_value": "2026-02-01"}),
    (f"{V}be_between", {"column": "placed_at", "min_value": "2026-01-15T12:00:00", "strict_min": True}),
    (f"{V}be_between", {"column": "price", "min_value": 0.1, "max_value": 99}),
    (f"{V}be_in_set", {"column": "name", "value_set": ["a", "ä", "e\u0301", "b'\""]}),
    (f"{V}not_be_in_set", {"column": "name", "value_set": ["A", " a"]}),
    (f"{V}be_in_set", {"column": "id", "value_set": [1, 2, 3]}),
    (f"{V}not_be_in_set", {"column": "amount", "value_set": [0.1, 100]}),
    (f"{V}match_regex", {"column": "name", "regex": "^[a-z]+$"}),
    (f"{V}match_regex", {"column": "name", "regex": "^(a|ab)-?[0-9]{0,2}"}),
    (f"{V}not_match_regex", {"column": "name", "regex": "a$"}),
    (f"{V}match_like_pattern", {"column": "name", "like_pattern": "a_%"}),
    (f"{V}not_match_like_pattern", {"column": "name", "like_pattern": "%'%"}),
    ("expect_column_value_lengths_to_be_between", {"column": "name", "min_value": 1, "max_value": 2}),
    ("expect_column_value_lengths_to_equal", {"column": "name", "value": 1}),
    (f"{V}be_multiple_of", {"column": "id", "divisor": 2}),
    (f"{V}be_unique", {"column": "name"}),
    (f"{V}be_unique", {"column": "price"}),
    ("expect_column_pair_values_to_be_equal", {"column_A": "amount", "column_B": "amount"}),
    (
        "expect_column_pair_values_a_to_be_greater_than_b",
        {"column_A": "amount", "column_B": "amount", "or_equal": True, "ignore_row_if": "neither"},
    ),
    (
        "expect_column_pair_values_a_to_be_greater_than_b",
        {"column_A": "id", "column_B": "id", "ignore_row_if": "either_value_is_missing"},
    ),
    ("expect_table_row_count_to_be_between", {"min_value": 2}),
    ("expect_table_row_count_to_equal", {"value": 3}),
    ("expect_column_min_to_be_between", {"column": "amount", "min_value": 0}),
    ("expect_column_max_to_be_between", {"column": "day", "max_value": "2026-02-01"}),
    ("expect_column_max_to_be_between", {"column": "price", "max_value": 50}),
    ("expect_column_to_exist", {"column": "name"}),
    ("expect_column_to_exist", {"column": "absent"}),
]
"""Each rule that is pushed down, on the edges of what it means."""

FETCHED_COLUMNS: list[tuple[str, dict[str, Any]]] = [
    ("expect_column_mean_to_be_between", {"column": "id", "min_value": 0, "max_value": 4}),
    ("expect_column_distinct_values_to_be_in_set", {"column": "name", "value_set": ["a", "A"]}),
    ("expect_column_median_to_be_between", {"column": "amount", "min_value": 0}),
]
"""Rules that need the values of their columns."""

FETCHED_ROWS: list[tuple[str, dict[str, Any]]] = [
    (f"{V}match_regex", {"column": "name", "regex": r"^\w+$"}),
    (f"{V}be_multiple_of", {"column": "amount", "divisor": 0.1}),
    (f"{V}be_between", {"column": "name", "min_value": "a"}),
    (f"{V}be_unique", {"column": "amount"}),
    (f"{V}be_in_set", {"column": "id", "value_set": [1, "2"]}),
    (
        f"{V}be_between",
        {
            "column": "amount",
            "min_value": 0,
            "row_condition": 'col("id") > 1',
            "condition_parser": "great_expectations",
        },
    ),
    ("expect_compound_columns_to_be_unique", {"column_list": ["name", "day"]}),
    ("expect_rows_to_satisfy", {"condition": "id / 2 >= 1"}),
]
"""Rules for which every row is fetched."""


def suite(*rules: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {"name": "orders", "expectations": [{"type": kind, "kwargs": kwargs} for kind, kwargs in rules]}


def said(dataset: Any, rules: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What a validation finds, without the names of places and without examples, whose order is the database's."""
    aside = folder / "aside.parquet"
    spec = {"dataset": dataset, "suite": rules, "quarantine_uri": str(aside), "evidence_root": str(folder / "mlops")}
    outcome = run("validate", {**spec, "policy": {"max_quarantine_share": 1.0}})
    report = read_evidence(outcome.evidence_uri).report
    rows = open_dataset(str(aside)).table()
    return {
        "status": outcome.verdict.status,
        "summary": outcome.verdict.summary,
        "findings": [_without_examples(each) for each in encode(outcome.verdict)["findings"]],
        "results": [_without_order(each) for each in report["results"]],
        "numbers": {name: report.get(name) for name in ("rows", "failing_rows", "all_missing", "infinite")},
        "rows": sorted(zip(rows["id"].to_pylist(), rows["quarantine_reasons"].to_pylist(), strict=True)),
    }


def _without_examples(finding: dict[str, Any]) -> dict[str, Any]:
    return {**finding, "detail": finding["detail"].partition(", such as")[0]}


def _without_order(result: dict[str, Any]) -> dict[str, Any]:
    numbers = {name: value for name, value in result["result"].items() if not name.startswith("partial_")}
    return {**result, "result": numbers}
