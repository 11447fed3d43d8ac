"""Which URIs name a table with a log."""

from __future__ import annotations

import pytest

from airflow_mlops_provider.stores.datasets.table_formats.opening import format_of_table
from tests.builders.logged_tables import delta_table


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("nothing#version=3", "Delta"),
        ("nothing#snapshot=3", "Iceberg"),
        ("iceberg://lake/shop.orders", "Iceberg"),
        ("shop/metadata/v1.metadata.json", "Iceberg"),
        ("nothing", None),
        ("days#from=a.parquet", None),
        ("days/*.parquet", None),
        ("dvc://repo?path=a.parquet", None),
    ],
)
def test_a_uri_says_its_format_or_that_it_has_none(tmp_path, monkeypatch, uri, expected):
    monkeypatch.chdir(tmp_path)
    assert format_of_table(uri) == expected


@pytest.mark.parametrize("name", ["orders", "orders.parquet", "a b"])
def test_a_folder_with_a_log_is_a_delta_table_whatever_its_name(tmp_path, name):
    place = delta_table(str(tmp_path / name))
    assert format_of_table(place) == "Delta"
    assert format_of_table(f"file://{place.replace(' ', '%20')}") == "Delta"
