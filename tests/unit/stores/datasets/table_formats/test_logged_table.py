"""What every job may ask of a version of a table, whatever its format."""

from __future__ import annotations

import pandas as pd
import pytest

from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.datasets.table_formats.logged_table import telling_format
from tests.builders.logged_tables import LATER, delta_table, iceberg_catalogue


@pytest.fixture(params=["delta", "iceberg"])
def orders(request, tmp_path) -> str:
    """A table of three rows, one of which was deleted before; its URI."""
    if request.param == "delta":
        return delta_table(str(tmp_path / "orders"))
    return iceberg_catalogue(tmp_path).load_table("shop.orders").metadata_location


@pytest.fixture
def where(tmp_path) -> dict[str, str]:
    return {"evidence_root": str(tmp_path / "mlops")}


def test_clean_rows_and_quarantine_are_those_of_the_version(orders, where, tmp_path):
    rule = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "kind"}}
    outcome = run(
        "validate",
        {
            "dataset": orders,
            "suite": {"name": "orders", "expectations": [rule]},
            "clean_uri": f"{tmp_path}/clean.parquet",
            "quarantine_uri": f"{tmp_path}/aside.parquet",
            "policy": {"max_quarantine_share": 0.5},
            **where,
        },
    )
    assert outcome.verdict.status is Status.NOTICE
    assert sorted(pd.read_parquet(tmp_path / "clean.parquet")["id"]) == [3, 4]
    assert list(pd.read_parquet(tmp_path / "aside.parquet")["id"]) == [2]


def test_without_outputs_the_outcome_pins_the_version_for_the_next_step(orders, where):
    rule = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "id", "min_value": 0}}
    spec = {"suite": {"name": "orders", "expectations": [rule]}, **where}
    outcome = run("validate", {"dataset": orders, **spec})
    assert "#" in outcome.dataset.uri
    assert run("validate", {"dataset": outcome.dataset, **spec}).dataset == outcome.dataset


def test_a_profile_of_a_version_is_made_once(orders, where, tmp_path):
    spec = {"dataset": orders, "output_uri": f"{tmp_path}/orders.profile", "columns": ["price"], **where}
    assert run("profile", spec).verdict.findings[0].detail == "1 table, read now"
    assert run("profile", spec).verdict.findings[0].detail == "1 table, unchanged since it was read"


def test_a_snapshot_is_made_of_a_version(orders, where, tmp_path):
    spec = {"source": orders, "output_uri": f"{tmp_path}/raw", "interval_start": "2026-11-30", **where}
    found = open_dataset(run("ingest", spec).dataset)
    assert sorted(found.table()["id"].to_pylist()) == [2, 3, 4]


def test_a_version_is_a_reference_of_drift_and_a_batch(orders, where):
    outcome = run("drift", {"reference": orders, "current": orders, "columns": ["price"], **where})
    assert outcome.verdict.status is Status.INSUFFICIENT_EVIDENCE  # of three rows
    assert outcome.dataset.rows == 3


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError("Generic S3 error"), BackendError),
        (ConnectionError("refused"), BackendError),
        (ValueError("PyIceberg does not yet support equality deletes"), BadInputError),
    ],
)
def test_a_storage_that_does_not_answer_is_told_from_a_table_that_cannot_be_read(error, expected):
    with pytest.raises(expected, match="orders cannot be read: ") as told, telling_format("orders cannot be read"):
        raise error
    assert type(told.value) is expected


def test_a_fault_stays_a_fault():
    with pytest.raises(ZeroDivisionError), telling_format("orders cannot be read"):
        _ = 1 / 0


def test_later_rows_are_another_dataset(tmp_path):
    assert LATER.num_rows == 1  # the builder's own promise: four rows are written, one is deleted
    assert open_dataset(delta_table(str(tmp_path / "t"))).rows == 3
