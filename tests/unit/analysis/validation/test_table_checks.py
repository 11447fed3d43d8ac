"""Rules about the shape of the table."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from airflow_mlops_provider.analysis.validation import Source, measure_validation
from airflow_mlops_provider.records.rules import Rule

FILTERED = pa.Table.from_pandas(pd.DataFrame({"a": [1, 2, 3], "b": [1, 1, 1]}).query("a > 1"))


def holds(kind: str, **kwargs: Any) -> bool:
    table = FILTERED
    source = Source(schema=table.schema, batches=lambda: iter(table.to_batches()), frame=lambda _: table.to_pandas())
    with measure_validation(source, [Rule(type=kind, kwargs=kwargs)]) as measured:
        return measured.report.results[0].success


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [
        ("expect_table_columns_to_match_set", {"column_set": ["a", "b"], "exact_match": True}),
        ("expect_table_columns_to_match_ordered_list", {"column_list": ["a", "b"]}),
        ("expect_table_column_count_to_equal", {"value": 2}),
        ("expect_table_column_count_to_be_between", {"max_value": 2}),
        ("expect_column_to_exist", {"column": "b", "column_index": 1}),
    ],
)
def test_the_row_labels_of_a_pandas_frame_are_no_column(kind: str, kwargs: dict[str, Any]) -> None:
    assert "__index_level_0__" in FILTERED.schema.names
    assert holds(kind, **kwargs)


def test_row_labels_that_a_rule_names_are_a_column() -> None:
    assert holds("expect_column_to_exist", column="__index_level_0__")
    assert holds("expect_table_columns_to_match_set", column_set=["a", "b", "__index_level_0__"], exact_match=True)
