"""Iceberg tables as datasets: what the metadata say is there, at the snapshot that is named."""

from __future__ import annotations

import pyarrow as pa
import pytest

from airflow_mlops_provider.exceptions import BadInputError, IntegrityError
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from tests.builders.logged_tables import FIRST, KEPT, LATER, iceberg_catalogue, iceberg_properties

ORDERS = "iceberg://lake_eu/shop.orders"


@pytest.fixture
def catalogue(tmp_path, monkeypatch):
    for name, value in iceberg_properties(tmp_path).items():
        monkeypatch.setenv(f"PYICEBERG_CATALOG__LAKE_EU__{name.upper()}", value)
    return iceberg_catalogue(tmp_path)


def _sorted(data) -> dict:
    return data.table().sort_by("id").to_pydict()


def test_deleted_rows_never_appear_and_a_later_column_is_missing_in_older_rows(catalogue):
    data = open_dataset(ORDERS)
    assert _sorted(data) == KEPT
    assert data.rows == 3
    assert {field.name: field.type for field in data.schema} == {
        "id": pa.int64(),
        "kind": pa.string(),
        "price": pa.float64(),
    }


def test_the_reference_names_the_snapshot_that_was_read(catalogue):
    snapshot = catalogue.load_table("shop.orders").current_snapshot().snapshot_id
    ref = open_dataset(ORDERS).ref
    assert (ref.uri, ref.identified_by, ref.rows) == (f"{ORDERS}#snapshot={snapshot}", "snapshot", 3)


def test_a_snapshot_is_read_as_it_was_under_its_own_columns(catalogue):
    first = catalogue.load_table("shop.orders").history()[0].snapshot_id
    before = open_dataset(f"{ORDERS}#snapshot={first}")
    assert _sorted(before) == FIRST.to_pydict()
    pinned = open_dataset(ORDERS).ref
    catalogue.load_table("shop.orders").append(LATER)
    assert _sorted(open_dataset(pinned)) == KEPT
    assert open_dataset(pinned).ref == pinned
    assert open_dataset(ORDERS).ref.fingerprint != pinned.fingerprint


def test_a_metadata_file_is_a_dataset_without_a_catalogue(catalogue):
    place = catalogue.load_table("shop.orders").metadata_location
    data = open_dataset(place)
    assert _sorted(data) == KEPT
    assert data.ref.fingerprint == open_dataset(ORDERS).ref.fingerprint
    assert open_dataset(place.removeprefix("file://")).rows == 3


def test_a_renamed_column_keeps_its_values(catalogue):
    table = catalogue.load_table("shop.orders")
    with table.update_schema() as update:
        update.rename_column("kind", "sort")
    table.append(pa.table({"id": pa.array([9], pa.int64()), "sort": ["z"], "price": [0.0]}))
    assert open_dataset(ORDERS).table().sort_by("id")["sort"].to_pylist() == [None, "b", "c", "z"]


def test_a_table_without_rows_has_its_columns(catalogue):
    catalogue.create_table("shop.empty", schema=FIRST.schema)
    data = open_dataset("iceberg://lake_eu/shop.empty")
    assert (data.rows, data.columns, data.ref.uri) == (0, ("id", "kind"), "iceberg://lake_eu/shop.empty")


def test_columns_are_read_in_the_order_in_which_they_are_asked_for_and_in_batches(catalogue):
    found = list(open_dataset(ORDERS).batches(["price", "kind"], batch_size=1))
    assert [batch.num_rows for batch in found] == [1, 1, 1]
    assert found[0].schema.names == ["price", "kind"]


def test_what_is_missing_is_one_sentence(catalogue, tmp_path):
    with pytest.raises(BadInputError, match=r"the table has no snapshot 7"):
        open_dataset(f"{ORDERS}#snapshot=7")
    with pytest.raises(BadInputError, match=r"the catalogue has no table 'shop.nothing'"):
        open_dataset("iceberg://lake_eu/shop.nothing")
    with pytest.raises(BadInputError, match=r"catalogue 'other' is not known here"):
        open_dataset("iceberg://other/shop.orders")
    with pytest.raises(BadInputError, match="no such file"):
        open_dataset(f"{tmp_path}/v1.metadata.json")


def test_a_file_that_is_gone_stops_the_reading(catalogue, tmp_path):
    data = open_dataset(ORDERS)
    for file in (tmp_path / "warehouse").rglob("*.parquet"):
        file.unlink()
    with pytest.raises(IntegrityError, match="a file of this version is gone"):
        data.table()
