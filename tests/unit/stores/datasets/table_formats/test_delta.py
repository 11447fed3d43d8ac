"""Delta tables as datasets: what the log says is there, at the version that is named, and nothing else."""

from __future__ import annotations

import subprocess
import sys

import pyarrow as pa
import pytest

from airflow_mlops_provider.exceptions import BadInputError, IntegrityError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.csv_format import CsvFormat
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from tests.builders.logged_tables import FIRST, KEPT, LATER, delta_table, delta_with


@pytest.fixture
def orders(tmp_path) -> str:
    return delta_table(str(tmp_path / "orders"))


def _sorted(data) -> dict:
    return data.table().sort_by("id").to_pydict()


def test_deleted_rows_never_appear_and_a_later_column_is_missing_in_older_rows(orders):
    data = open_dataset(orders)
    assert _sorted(data) == KEPT
    assert data.rows == 3
    assert {field.name: field.type for field in data.schema} == {
        "id": pa.int64(),
        "kind": pa.string(),
        "price": pa.float64(),
    }


def test_the_reference_names_the_version_that_was_read(orders):
    ref = open_dataset(orders).ref
    assert (ref.uri, ref.identified_by, ref.rows) == (f"{orders}#version=2", "version", 3)


def test_a_version_is_read_as_it_was_whatever_was_written_since(orders):
    from deltalake import write_deltalake

    before = open_dataset(f"{orders}#version=0")
    assert _sorted(before) == FIRST.to_pydict()
    pinned = open_dataset(orders).ref
    write_deltalake(orders, LATER, mode="append")
    assert _sorted(open_dataset(pinned)) == KEPT
    assert open_dataset(pinned).ref == pinned
    assert open_dataset(orders).ref.fingerprint != pinned.fingerprint


def test_a_table_that_was_made_again_is_another_one(orders, tmp_path):
    pinned = open_dataset(f"{orders}#version=2").ref
    (tmp_path / "orders").rename(tmp_path / "before")
    delta_table(orders)
    with pytest.raises(IntegrityError, match="changed"):
        _ = open_dataset(pinned).ref


def test_columns_are_read_in_the_order_in_which_they_are_asked_for_and_in_batches(orders):
    found = list(open_dataset(orders).batches(["price", "kind"], batch_size=1))
    assert [batch.num_rows for batch in found] == [1, 1, 1]
    assert found[0].schema.names == ["price", "kind"]


def test_types_that_became_wider_are_one_type(tmp_path):
    from deltalake import DeltaTable, write_deltalake

    place = str(tmp_path / "t")
    write_deltalake(place, pa.table({"n": pa.array([1], pa.int32())}))
    write_deltalake(place, pa.table({"n": pa.array([2], pa.int32())}), mode="append")
    DeltaTable(place).optimize.compact()
    data = open_dataset(place)
    assert data.schema.field("n").type == pa.int32()
    assert sorted(data.table()["n"].to_pylist()) == [1, 2]


@pytest.mark.parametrize(
    ("protocol", "configuration", "named"),
    [
        ({"minReaderVersion": 2, "minWriterVersion": 5}, {"delta.columnMapping.mode": "name"}, "columnMapping"),
        (
            {
                "minReaderVersion": 3,
                "minWriterVersion": 7,
                "readerFeatures": ["deletionVectors"],
                "writerFeatures": ["deletionVectors"],
            },
            {"delta.enableDeletionVectors": "true"},
            "deletionVectors",
        ),
    ],
)
def test_a_feature_under_which_files_hold_other_rows_is_refused_by_name(tmp_path, protocol, configuration, named):
    place = delta_with(tmp_path / "t", protocol=protocol, configuration=configuration)
    with pytest.raises(BadInputError, match=f"uses {named}, which cannot be read here"):
        open_dataset(place)


def test_a_missing_version_or_table_is_one_sentence(orders, tmp_path):
    with pytest.raises(BadInputError, match=r"version 9 cannot be read; the newest is 2"):
        open_dataset(f"{orders}#version=9")
    with pytest.raises(BadInputError, match="there is no Delta table"):
        open_dataset(f"{tmp_path}/nothing#version=0")


def test_a_file_that_was_vacuumed_stops_the_reading(orders):
    from deltalake import DeltaTable

    pinned = open_dataset(f"{orders}#version=0")
    DeltaTable(orders).vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    with pytest.raises(IntegrityError, match="a file of this version is gone"):
        pinned.table()


def test_a_table_has_no_csv_dialect(orders):
    with pytest.raises(BadInputError, match="key 'csv' is given, and it is a table"):
        open_dataset(DatasetRef(uri=orders, csv=CsvFormat(separator=";")))


def test_an_output_within_the_table_is_refused(orders, tmp_path):
    rule = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "kind"}}
    suite = {"name": "orders", "expectations": [rule]}
    for uri in (orders, f"{orders}#version=2"):
        spec = {"dataset": uri, "suite": suite, "clean_uri": f"{orders}/clean.parquet"}
        with pytest.raises(BadInputError, match="is part of the dataset that is read"):
            run("validate", {**spec, "evidence_root": str(tmp_path / "mlops")})


def test_without_the_extra_the_error_names_it(orders):
    said = subprocess.run(
        [sys.executable, "-c", _WITHOUT.format(package="deltalake", uri=orders)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 1
    assert said.stderr.splitlines()[-1].endswith("needs deltalake: pip install 'airflow-mlops-provider[delta]'")
    assert "BackendError" in said.stderr.splitlines()[-1]


_WITHOUT = """
import sys
sys.modules[{package!r}] = None  # as if it were not installed
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
open_dataset({uri!r})
"""
