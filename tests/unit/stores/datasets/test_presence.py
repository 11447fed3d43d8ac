"""Marks of tables with a log change with their versions, and are there without any extra."""

from __future__ import annotations

import subprocess
import sys

import pytest

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.stores.datasets.presence import dataset_stamps
from tests.builders.logged_tables import LATER, delta_table, iceberg_catalogue, iceberg_properties


def test_a_delta_table_has_other_marks_with_each_version(tmp_path):
    from deltalake import write_deltalake

    place = str(tmp_path / "orders")
    assert dataset_stamps(place) is None
    delta_table(place)
    before = dataset_stamps(place)
    assert before is not None
    assert before.is_settled
    assert dataset_stamps(place) == before
    write_deltalake(place, LATER, mode="append")
    assert dataset_stamps(place).state != before.state


def test_a_triggerer_without_any_extra_sees_a_delta_table(tmp_path):
    place = delta_table(str(tmp_path / "orders"))
    said = subprocess.run([sys.executable, "-c", _WITHOUT.format(place)], capture_output=True, text=True, check=False)
    assert said.stdout == "True\n", said.stderr


_WITHOUT = """
import sys
for name in ("pyarrow", "deltalake", "pandas", "duckdb"):
    sys.modules[name] = None  # as if it were not installed
from airflow_mlops_provider.stores.datasets.presence import dataset_stamps
print(dataset_stamps({!r}) is not None)
"""


def test_a_named_version_is_waited_for_and_stays_the_same(tmp_path):
    from deltalake import write_deltalake

    place = delta_table(str(tmp_path / "orders"))
    assert dataset_stamps(f"{place}#version=3") is None
    write_deltalake(place, LATER, mode="append")
    third = dataset_stamps(f"{place}#version=3")
    assert third is not None
    write_deltalake(place, LATER, mode="append")
    assert dataset_stamps(f"{place}#version=3") == third


def test_an_iceberg_table_is_waited_for_by_its_catalogue(tmp_path, monkeypatch):
    for name, value in iceberg_properties(tmp_path).items():
        monkeypatch.setenv(f"PYICEBERG_CATALOG__LAKE_EU__{name.upper()}", value)
    catalogue = iceberg_catalogue(tmp_path)
    assert dataset_stamps("iceberg://lake_eu/shop.later") is None
    before = dataset_stamps("iceberg://lake_eu/shop.orders")
    assert before is not None
    catalogue.load_table("shop.orders").append(LATER)
    assert dataset_stamps("iceberg://lake_eu/shop.orders").state != before.state


def test_a_metadata_file_is_there_or_not(tmp_path):
    assert dataset_stamps(f"{tmp_path}/v1.metadata.json") is None
    place = iceberg_catalogue(tmp_path).load_table("shop.orders").metadata_location
    assert dataset_stamps(place) is not None


def test_files_are_seen_as_before(tmp_path):
    assert dataset_stamps(str(tmp_path / "batch.csv")) is None
    (tmp_path / "batch.csv").write_text("a\n1\n")
    assert dataset_stamps(str(tmp_path / "batch.csv")) is not None
    (tmp_path / ".hoodie").mkdir()
    (tmp_path / ".hoodie" / "hoodie.properties").write_text("{}")
    with pytest.raises(BadInputError, match="Hudi"):
        dataset_stamps(str(tmp_path))
