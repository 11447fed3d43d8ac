"""The scan and Great Expectations itself give the same answers, row by row."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from airflow_mlops_provider.analysis.validation import Source, measure_validation
from airflow_mlops_provider.analysis.validation.great_expectations_engine import (
    ExpectationResult,
    run_great_expectations,
)
from airflow_mlops_provider.analysis.validation.suites import rule_of_expectation
from airflow_mlops_provider.records.rules import Engine, Scope

ROWS = 300


def dirty_table() -> pa.Table:
    """Ties, gaps, NaN, several alphabets, line breaks, repeated keys."""
    rng = np.random.default_rng(11)

    def gaps(values: list[Any], share: float = 0.1) -> list[Any]:
        return [None if rng.random() < share else value for value in values]

    words = ["abc", "ABC-12", "äöü", "x\n", "12", "", "٣٤", "new\u00a0space", "o'brien", "abc\t9", "\U0001f600", "a_b"]
    floats = rng.normal(0, 10, ROWS).round(1)
    floats[rng.random(ROWS) < 0.05] = np.nan
    hours = rng.integers(473_352, 478_352, ROWS)  # of 2024, since 1970
    days = [dt.datetime.fromtimestamp(int(hour) * 3600, dt.UTC).replace(tzinfo=None) for hour in hours]
    return pa.table(
        {
            "row": pa.array(range(ROWS), pa.int64()),
            "whole": pa.array(rng.integers(-5, 40, ROWS), pa.int64()),
            "other": pa.array(rng.integers(-5, 40, ROWS), pa.int64()),
            "gappy": pa.array(gaps([int(v) for v in rng.integers(0, 30, ROWS)]), pa.int64()),
            "real": pa.array(gaps([float(v) for v in floats], 0.05), pa.float64()),
            "real2": pa.array([float(v) for v in rng.normal(0, 10, ROWS).round(1)], pa.float64()),
            "text": pa.array(gaps([words[i] for i in rng.integers(0, len(words), ROWS)]), pa.string()),
            "text2": pa.array(gaps([words[i] for i in rng.integers(0, 3, ROWS)]), pa.string()),
            "flag": pa.array(rng.random(ROWS) < 0.5, pa.bool_()),
            "day": pa.array(gaps(days), pa.timestamp("us")),
            "empty": pa.array([None] * ROWS, pa.float64()),
        }
    )


TABLE = dirty_table()
FRAME = TABLE.to_pandas()
WHOLE_IS_POSITIVE = {"type": "comparison", "column": {"name": "whole"}, "operator": ">", "parameter": 0}
TEXT_IS_KNOWN = {"type": "nullity", "column": {"name": "text"}, "is_null": False}
V, C, T = "expect_column_values_to_", "expect_column_", "expect_table_"

ROW_RULES: list[tuple[str, dict[str, Any]]] = [
    (f"{V}not_be_null", {"column": "gappy"}),
    (f"{V}not_be_null", {"column": "real", "mostly": 0.5}),
    (f"{V}not_be_null", {"column": "real", "row_condition": WHOLE_IS_POSITIVE}),
    (f"{V}not_be_null", {"column": "whole"}),
    (f"{V}be_null", {"column": "gappy"}),
    (f"{V}be_null", {"column": "empty"}),
    (f"{V}be_between", {"column": "whole", "min_value": 0, "max_value": 30}),
    (f"{V}be_between", {"column": "gappy", "min_value": 0.5}),
    (f"{V}be_between", {"column": "real", "min_value": -5.1, "max_value": 5.1}),
    (f"{V}be_between", {"column": "real", "min_value": -5.1, "max_value": 5.1, "strict_min": True, "strict_max": True}),
    (f"{V}be_between", {"column": "whole", "max_value": 40, "mostly": 0.99}),
    (f"{V}be_between", {"column": "whole", "min_value": 35, "mostly": 0.9}),
    (f"{V}be_between", {"column": "day", "min_value": "2024-02-01T00:00:00", "max_value": "2024-05-01T12:00:00"}),
    (f"{V}be_between", {"column": "empty", "min_value": 0}),
    (f"{V}be_between", {"column": "real", "min_value": 0, "row_condition": WHOLE_IS_POSITIVE}),
    (f"{V}be_between", {"column": "real", "min_value": 0, "row_condition": "whole > 3", "condition_parser": "pandas"}),
    (
        f"{V}be_between",
        {
            "column": "real",
            "min_value": 0,
            "row_condition": "not (gappy != 3 or text2 in ['abc', 'x'])",
            "condition_parser": "pandas",
        },
    ),
    (f"{V}be_in_set", {"column": "whole", "value_set": [1, 2, 3.0, 4]}),
    (f"{V}be_in_set", {"column": "gappy", "value_set": [1, None, "2", 5]}),
    (f"{V}be_in_set", {"column": "text", "value_set": ["abc", "o'brien", "äöü", 12]}),
    (f"{V}be_in_set", {"column": "text", "value_set": []}),
    (f"{V}be_in_set", {"column": "flag", "value_set": [True]}),
    (f"{V}be_in_set", {"column": "flag", "value_set": [0, 1]}),
    (f"{V}be_in_set", {"column": "real", "value_set": [1, -1.5, 2.5]}),
    (f"{V}not_be_in_set", {"column": "whole", "value_set": [1, 2, 3]}),
    (f"{V}not_be_in_set", {"column": "text", "value_set": ["", "abc"]}),
    (f"{V}match_regex", {"column": "text", "regex": "^[a-c]+$"}),
    (f"{V}match_regex", {"column": "text", "regex": r"^\w+$"}),
    (f"{V}match_regex", {"column": "text", "regex": r"\d"}),
    (f"{V}match_regex", {"column": "text", "regex": r"^x$"}),
    (f"{V}match_regex", {"column": "text", "regex": r"\s"}),
    (f"{V}match_regex", {"column": "text", "regex": r"(?i)^abc(?!-)"}),
    (f"{V}match_regex", {"column": "text", "regex": r"^(.)b\1?"}),
    (f"{V}match_regex", {"column": "text", "regex": r"^a{,3}b"}),
    (f"{V}match_regex", {"column": "text", "regex": r"o'b"}),
    (f"{V}not_match_regex", {"column": "text", "regex": "[A-Z]"}),
    (f"{V}match_regex_list", {"column": "text", "regex_list": ["^a", r"\d$"], "match_on": "any"}),
    (f"{V}match_regex_list", {"column": "text", "regex_list": ["^a", "c"], "match_on": "all"}),
    (f"{V}not_match_regex_list", {"column": "text", "regex_list": ["^a", r"\d"]}),
    (f"{V}be_unique", {"column": "whole"}),
    (f"{V}be_unique", {"column": "row"}),
    (f"{V}be_unique", {"column": "real"}),
    (f"{V}be_unique", {"column": "text", "row_condition": WHOLE_IS_POSITIVE}),
    (f"{V}be_unique", {"column": "day"}),
    (f"{C}value_lengths_to_be_between", {"column": "text", "min_value": 1, "max_value": 5}),
    (f"{C}value_lengths_to_be_between", {"column": "text", "min_value": 3, "strict_min": True}),
    (f"{C}value_lengths_to_equal", {"column": "text", "value": 3}),
    (f"{C}pair_values_a_to_be_greater_than_b", {"column_A": "whole", "column_B": "other"}),
    (f"{C}pair_values_a_to_be_greater_than_b", {"column_A": "real", "column_B": "gappy", "or_equal": True}),
    (
        f"{C}pair_values_a_to_be_greater_than_b",
        {"column_A": "real", "column_B": "gappy", "ignore_row_if": "either_value_is_missing", "mostly": 0.2},
    ),
    (
        f"{C}pair_values_a_to_be_greater_than_b",
        {"column_A": "real", "column_B": "real2", "ignore_row_if": "neither", "row_condition": WHOLE_IS_POSITIVE},
    ),
    (f"{C}pair_values_to_be_equal", {"column_A": "text", "column_B": "text2"}),
    (f"{C}pair_values_to_be_equal", {"column_A": "whole", "column_B": "real2", "ignore_row_if": "neither"}),
    (f"{C}pair_values_to_be_in_set", {"column_A": "flag", "column_B": "text2", "value_pairs_set": [[True, "abc"]]}),
    (
        f"{C}pair_values_to_be_in_set",
        {"column_A": "text2", "column_B": "text", "value_pairs_set": [["abc", None], ["abc", "12"], [None, "abc"]]},
    ),
    ("expect_compound_columns_to_be_unique", {"column_list": ["whole", "flag"]}),
    ("expect_compound_columns_to_be_unique", {"column_list": ["text", "text2", "flag"]}),
    (
        "expect_compound_columns_to_be_unique",
        {"column_list": ["text", "gappy"], "ignore_row_if": "any_value_is_missing"},
    ),
    (
        "expect_compound_columns_to_be_unique",
        {"column_list": ["real", "gappy"], "ignore_row_if": "never", "row_condition": WHOLE_IS_POSITIVE},
    ),
    ("expect_multicolumn_sum_to_equal", {"column_list": ["whole", "other"], "sum_total": 20}),
    ("expect_multicolumn_sum_to_equal", {"column_list": ["whole", "real2", "gappy"], "sum_total": 20.5}),
    ("expect_multicolumn_values_to_be_equal", {"column_list": ["whole", "other"]}),
    ("expect_multicolumn_values_to_be_equal", {"column_list": ["text", "text2"], "ignore_row_if": "never"}),
    ("expect_select_column_values_to_be_unique_within_record", {"column_list": ["whole", "other", "gappy"]}),
    (
        "expect_select_column_values_to_be_unique_within_record",
        {"column_list": ["text", "text2"], "ignore_row_if": "never", "row_condition": TEXT_IS_KNOWN},
    ),
]

TABLE_RULES: list[tuple[str, dict[str, Any]]] = [
    (f"{C}to_exist", {"column": "whole"}),
    (f"{C}to_exist", {"column": "nowhere"}),
    (f"{C}to_exist", {"column": "other", "column_index": 2}),
    (f"{C}to_exist", {"column": "other", "column_index": 99}),
    (f"{T}column_count_to_equal", {"value": 11}),
    (f"{T}column_count_to_be_between", {"min_value": 12}),
    (f"{T}columns_to_match_set", {"column_set": ["whole", "other"], "exact_match": False}),
    (f"{T}columns_to_match_set", {"column_set": ["whole", "elsewhere"]}),
    (f"{T}columns_to_match_ordered_list", {"column_list": FRAME.columns.tolist()}),
    (f"{T}columns_to_match_ordered_list", {"column_list": ["whole", "row"]}),
    (f"{T}row_count_to_equal", {"value": ROWS}),
    (f"{T}row_count_to_be_between", {"min_value": 10, "max_value": 299}),
    (f"{T}row_count_to_be_between", {"max_value": 200, "row_condition": WHOLE_IS_POSITIVE}),
    (f"{C}min_to_be_between", {"column": "whole", "min_value": -5, "max_value": -5}),
    (f"{C}min_to_be_between", {"column": "real", "min_value": 0}),
    (f"{C}max_to_be_between", {"column": "gappy", "max_value": 29, "strict_max": True}),
    (f"{C}max_to_be_between", {"column": "day", "min_value": "2024-06-01T00:00:00"}),
    (f"{C}mean_to_be_between", {"column": "real", "min_value": -1, "max_value": 1}),
    (f"{C}mean_to_be_between", {"column": "real", "min_value": 5, "row_condition": WHOLE_IS_POSITIVE}),
    (f"{C}median_to_be_between", {"column": "gappy", "min_value": 14, "max_value": 16}),
    (f"{C}stdev_to_be_between", {"column": "real", "min_value": 9, "max_value": 11}),
    (f"{C}sum_to_be_between", {"column": "whole", "min_value": 0, "max_value": 100}),
    (f"{C}sum_to_be_between", {"column": "real", "min_value": -1000, "max_value": 1000}),
    (f"{C}unique_value_count_to_be_between", {"column": "gappy", "max_value": 30}),
    (f"{C}unique_value_count_to_be_between", {"column": "real", "max_value": 30}),
    (f"{C}proportion_of_unique_values_to_be_between", {"column": "text", "max_value": 0.04}),
    (f"{C}proportion_of_non_null_values_to_be_between", {"column": "gappy", "min_value": 0.85, "max_value": 0.95}),
    (f"{C}distinct_values_to_be_in_set", {"column": "text2", "value_set": ["abc", "ABC-12", "äöü", "more"]}),
    (f"{C}distinct_values_to_be_in_set", {"column": "whole", "value_set": [1, 2]}),
    (f"{C}distinct_values_to_contain_set", {"column": "whole", "value_set": [1, 2]}),
    (f"{C}distinct_values_to_contain_set", {"column": "text2", "value_set": ["abc", "absent"]}),
    (f"{C}distinct_values_to_equal_set", {"column": "text2", "value_set": ["abc", "ABC-12", "äöü"]}),
    (f"{C}distinct_values_to_equal_set", {"column": "flag", "value_set": [True, False]}),
    (f"{C}mean_to_be_between", {"column": "empty", "min_value": 0}),
    (f"{V}be_of_type", {"column": "whole", "type_": "int64"}),
    (f"{V}be_of_type", {"column": "whole", "type_": "float64"}),
    (f"{V}be_of_type", {"column": "text", "type_": "str"}),
    (f"{V}be_in_type_list", {"column": "real", "type_list": ["float64", "int64"]}),
    (f"{V}be_in_type_list", {"column": "flag", "type_list": ["int64", "bool"]}),
]


def scanned(kind: str, kwargs: dict[str, Any]) -> tuple[Any, list[int]]:
    """Our result, and the positions of the rows that it sets aside."""
    rule = rule_of_expectation({"type": kind, "kwargs": kwargs}, "test")
    source = Source(schema=TABLE.schema, batches=lambda: iter(TABLE.to_batches(max_chunksize=77)), frame=frame)
    with measure_validation(source, [rule]) as measured:
        aside = [part for _, part in measured.failing.separate(source.batches()) if part is not None]
        return measured.report.results[0], [row for part in aside for row in part["row"].to_pylist()]


def frame(_: Any) -> pd.DataFrame:
    raise AssertionError("the scan should have taken this rule")


@pytest.fixture(scope="module")
def evaluated() -> dict[str, ExpectationResult]:
    """What Great Expectations says of every rule, by the rule as text."""
    both = [*ROW_RULES, *TABLE_RULES]
    rules = [rule_of_expectation({"type": kind, "kwargs": kwargs}, "test") for kind, kwargs in both]
    answers = run_great_expectations(rules, FRAME.copy())
    return {str(rule): answer for rule, answer in zip(both, answers, strict=True)}


@pytest.mark.parametrize(("kind", "kwargs"), ROW_RULES, ids=lambda value: str(value)[:90])
def test_the_scan_finds_the_rows_that_great_expectations_finds(
    kind: str, kwargs: dict[str, Any], evaluated: dict[str, ExpectationResult]
) -> None:
    ours, aside = scanned(kind, kwargs)
    theirs = evaluated[str((kind, kwargs))]
    assert (ours.engine, ours.scope, theirs.scope) == (Engine.SCAN, Scope.ROW, Scope.ROW)
    assert ours.success == theirs.success
    lists = {"partial_unexpected_list", "partial_unexpected_index_list", "partial_unexpected_counts"}
    shared = set(ours.result) & set(theirs.result) - lists
    assert {key: ours.result[key] for key in shared} == {key: pytest.approx(theirs.result[key]) for key in shared}
    assert ours.result["partial_unexpected_index_list"] == sorted(theirs.unexpected_rows)[:20]
    # Great Expectations counts the first 200 unexpected values, the scan all of them.
    counts = theirs.result.get("partial_unexpected_counts", [])
    if "column" in kwargs and "null" not in kind and len(counts) < 20 and ours.unexpected <= 200:
        assert ours.result["partial_unexpected_counts"] == counts
    assert aside == ([] if ours.success else sorted(theirs.unexpected_rows))


@pytest.mark.parametrize(("kind", "kwargs"), TABLE_RULES, ids=lambda value: str(value)[:90])
def test_the_scan_says_of_a_table_what_great_expectations_says(
    kind: str, kwargs: dict[str, Any], evaluated: dict[str, ExpectationResult]
) -> None:
    ours, _ = scanned(kind, kwargs)
    theirs = evaluated[str((kind, kwargs))]
    assert ours.engine is Engine.SCAN
    assert ours.success == theirs.success
    observed = theirs.result.get("observed_value")
    if isinstance(observed, int | float) and not isinstance(observed, bool):
        assert ours.result["observed_value"] == pytest.approx(observed)


def test_at_least_twenty_of_at_least_twenty_five_expectation_types_run_in_the_scan() -> None:
    assert len({kind for kind, _ in [*ROW_RULES, *TABLE_RULES]}) >= 25
