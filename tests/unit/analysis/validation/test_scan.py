"""The scan's work grows with the rules, not with their square."""

from __future__ import annotations

import cProfile
import pstats

import pyarrow as pa

from airflow_mlops_provider.analysis.validation import Source, measure_validation
from airflow_mlops_provider.records.rules import Rule


def calls(columns: int) -> int:
    """How many functions are called for two rules on each of so many columns."""
    table = pa.table({f"c{i}": [1, 2, 3] for i in range(columns)})
    source = Source(schema=table.schema, batches=lambda: iter(table.to_batches()), frame=lambda _: table.to_pandas())
    rules = [
        rule
        for name in table.column_names
        for rule in (
            Rule(type="expect_column_values_to_be_between", kwargs={"column": name, "max_value": 9}),
            Rule(type="expect_column_mean_to_be_between", kwargs={"column": name, "max_value": 9}),
        )
    ]
    profile = cProfile.Profile()
    with profile, measure_validation(source, rules) as measured:
        assert all(result.success for result in measured.report.results)
    return int(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]


def test_ten_times_the_rules_and_columns_are_at_most_twelve_times_the_calls() -> None:
    calls(5)  # what is called only the first time
    assert calls(300) <= 12 * calls(30)
