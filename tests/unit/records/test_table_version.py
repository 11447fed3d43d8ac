"""URIs of versions of tables: what is read back is what was written, and nothing else names a version."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.records.table_version import TableVersion, catalogue_of, is_catalogue_uri, table_version

PLACES = st.sampled_from(["s3://lake/orders", "/data/a b", "iceberg://lake/shop.orders", "orders"])
NUMBERS = st.none() | st.integers(0, 2**63)


@given(place=PLACES, version=NUMBERS, snapshot=NUMBERS)
def test_a_version_is_read_back_from_its_uri(place, version, snapshot):
    said = TableVersion(place=place, version=version, snapshot=None if version is not None else snapshot)
    assert table_version(said.uri) == said


@pytest.mark.parametrize(
    "uri", ["days#from=a.parquet", "orders#version=", "orders#version=-1", "orders#version=x", "a#b"]
)
def test_other_marks_name_no_version(uri):
    assert table_version(uri) == TableVersion(place=uri)


def test_a_catalogue_is_named_before_its_table():
    assert is_catalogue_uri("iceberg://lake/shop.orders")
    assert not is_catalogue_uri("s3://lake/shop.orders")
    assert catalogue_of("iceberg://lake/shop.orders#snapshot=3") == "lake"
