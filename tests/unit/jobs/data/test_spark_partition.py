"""What is done with one partition of Spark, on partitions that nobody but the test made."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pyarrow as pa
import pytest

from airflow_mlops_provider.analysis.drift.profile_file import decode_profile, merge_profiles
from airflow_mlops_provider.analysis.drift.scan import edges_of
from airflow_mlops_provider.analysis.validation import REASONS, Source, measure_validation
from airflow_mlops_provider.analysis.validation.merge import merge_validations
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.jobs.data.spark_partition import FOUND, CheckedPartition, ProfiledPartition, own_names
from airflow_mlops_provider.records.codec import decode
from airflow_mlops_provider.records.reports.validation import ValidationReport
from airflow_mlops_provider.records.rules import Rule
from airflow_mlops_provider.stores.datasets.tables.rows_fingerprint import RowsFingerprint, rows_fingerprint
from tests.builders.tables import orders

NOW = dt.datetime(2026, 11, 30, tzinfo=dt.UTC)
ROWS = orders([(None if n % 7 == 0 else n * 3.0 - 20, "abc"[n % 3], None, None, None) for n in range(40)])
RULES = (
    Rule(type="expect_column_values_to_be_between", kwargs={"column": "amount", "min_value": 0, "max_value": 80}),
    Rule(type="expect_column_values_to_not_be_null", kwargs={"column": "amount"}),
)


def checked(rows: pa.Table = ROWS, **changed: Any) -> list[pa.RecordBatch]:
    given: dict[str, Any] = {
        "uri": "spark:orders",
        "schema": ROWS.schema,
        "rules": RULES,
        "name": "orders",
        "sensitive": frozenset(),
        "unchecked": (),
        "now": NOW,
        "clean": True,
        "aside": True,
    }
    return list(CheckedPartition(**{**given, **changed})(iter(rows.to_batches())))


def found_of(batches: list[pa.RecordBatch]) -> dict[str, Any]:
    assert batches[-1].num_rows == 1
    return json.loads(batches[-1].column(FOUND)[0].as_py())


def test_the_reports_of_partitions_are_that_of_all_rows():
    parts = [found_of(checked(ROWS.slice(start, 10))) for start in range(0, 40, 10)]
    merged = merge_validations([decode(ValidationReport, part["report"], where="part") for part in parts])
    source = Source(schema=ROWS.schema, batches=lambda: iter(ROWS.to_batches()), frame=lambda _: ROWS.to_pandas())
    with measure_validation(source, RULES, name="orders", now=NOW) as whole:
        expected = whole.report
    assert (merged.rows, merged.failing_rows) == (expected.rows, expected.failing_rows)
    assert [each.unexpected for each in merged.results] == [each.unexpected for each in expected.results]


def test_every_row_comes_back_once_with_its_reasons_or_without():
    rows = pa.Table.from_batches(checked()[:-1])
    assert sorted(rows["id"].to_pylist()) == list(range(1, 41))
    broken = [row["id"] for row in rows.to_pylist() if row[REASONS] is not None]
    assert len(broken) == found_of(checked())["report"]["failing_rows"] > 0
    assert all("amount" in row[REASONS] for row in rows.to_pylist() if row[REASONS] is not None)


@pytest.mark.parametrize(("clean", "aside"), [(False, False), (True, False), (False, True)])
def test_only_the_rows_that_are_wanted_come_back(clean, aside):
    rows = pa.Table.from_batches(checked(clean=clean, aside=aside)[:-1] or [checked()[0].slice(0, 0)])
    kinds = {reasons is None for reasons in rows[REASONS].to_pylist()}
    assert kinds == ({True} if clean else set()) | ({False} if aside else set())


def test_the_fingerprints_of_partitions_add_up_to_that_of_all_rows():
    total = RowsFingerprint(ROWS.schema)
    for start in (0, 25):
        total.add_sums(found_of(checked(ROWS.slice(start, 25)))["rows"])
    assert total.value() == rows_fingerprint(ROWS.schema, ROWS.to_batches())


def test_a_partition_without_rows_has_a_report_too():
    assert found_of(checked(ROWS.slice(0, 0)))["report"]["rows"] == 0


def test_bad_input_is_handed_to_whoever_merges():
    wrong = Rule(type="expect_rows_to_satisfy", kwargs={"condition": "no_such_function(id) > 1"}, source="contract o")
    assert "no_such_function" in found_of(checked(rules=(wrong,)))["error"]


def test_profiles_of_partitions_add_up(tmp_path):
    import pyarrow.parquet as pq

    pq.write_table(ROWS, tmp_path / "orders.parquet")
    spec = {"dataset": f"{tmp_path}/orders.parquet", "output_uri": f"{tmp_path}/o.profile", "shared": False}
    run("profile", {**spec, "columns": ["amount", "name"], "evidence_root": f"{tmp_path}/mlops"})
    whole = decode_profile((tmp_path / "o.profile").read_bytes(), uri="whole")
    chosen = ROWS.select(["amount", "name"])
    profile = ProfiledPartition(uri="spark:orders", schema=chosen.schema, edges=edges_of(whole.profiles))
    parts = [next(profile(iter(chosen.slice(start, 20).to_batches()))) for start in (0, 20)]
    merged = merge_profiles([decode_profile(part.column(FOUND)[0].as_py(), uri="part") for part in parts], uri="all")
    assert merged.rows == 40
    assert merged.profiles["amount"].below.tolist() == whole.profiles["amount"].below.tolist()
    assert merged.profiles["name"].counts == whole.profiles["name"].counts


def test_a_name_that_is_needed_beside_the_rows_is_refused():
    with pytest.raises(BadInputError, match="has a column 'mlops_partition'"):
        own_names(["id", "mlops_partition"], "spark:orders")
