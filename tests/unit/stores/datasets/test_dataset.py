"""Datasets: what can be read is pinned by content, what cannot is named."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_mlops_provider.exceptions import BackendError, BadInputError, IntegrityError
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.datasets.listing import exists
from airflow_mlops_provider.stores.datasets.pinned_files import fingerprint
from airflow_mlops_provider.stores.datasets.stamps import stamp
from airflow_mlops_provider.stores.datasets.writing import write_dataset

TABLE = pa.table({"a": [1, 2, 3], "b": ["x", None, "z"]})


@pytest.mark.parametrize("name", ["t.parquet", "t.csv"])
def test_what_is_written_is_read_back(tmp_path, name):
    ref = write_dataset(TABLE, str(tmp_path / name))
    data = open_dataset(ref)
    assert (ref.rows, data.columns) == (3, ("a", "b"))
    assert data.table().to_pydict() == TABLE.to_pydict()
    assert data.frame(["b"]).shape == (3, 1)
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_folder_and_a_glob_read_as_one_table(tmp_path):
    for day in range(3):
        write_dataset(TABLE, str(tmp_path / f"day={day}.parquet"))
    (tmp_path / "_SUCCESS").write_text("")
    assert open_dataset(str(tmp_path)).rows == 9
    assert open_dataset(str(tmp_path / "day=[01].parquet")).rows == 6


def test_a_name_that_looks_like_a_pattern_is_the_file_of_that_name(tmp_path):
    name = str(tmp_path / "we ird[1]*#x.parquet")
    write_dataset(TABLE, name)
    write_dataset(TABLE.slice(0, 1), str(tmp_path / "we ird1#x.parquet"))
    assert open_dataset(name).files == (name,)
    assert open_dataset(name).table().equals(TABLE)


def test_csv_files_whose_types_differ_are_read_as_the_wider_type(tmp_path):
    (tmp_path / "a.csv").write_text("x\n1\n")
    (tmp_path / "b.csv").write_text("x\n1.5\n")
    assert open_dataset(str(tmp_path)).table().to_pydict() == {"x": [1.0, 1.5]}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)
@given(st.lists(st.integers(-5, 5), min_size=1, max_size=30), st.integers(1, 7))
def test_batches_hold_the_rows_in_order_whatever_their_size(tmp_path, values, size):
    write_dataset(pa.table({"v": values}), str(tmp_path / "v.parquet"))
    batches = list(open_dataset(str(tmp_path / "v.parquet")).batches(batch_size=size))
    assert [value for batch in batches for value in batch.column(0).to_pylist()] == values
    assert all(batch.num_rows <= size for batch in batches)


def test_the_fingerprint_follows_the_content_not_the_name(tmp_path):
    one, two = str(tmp_path / "one.parquet"), str(tmp_path / "two.parquet")
    assert write_dataset(TABLE, one).fingerprint == write_dataset(TABLE, two).fingerprint == fingerprint(one)
    assert write_dataset(TABLE.slice(1), two).fingerprint != fingerprint(one)


def test_a_dataset_that_changed_since_it_was_pinned_is_refused(tmp_path):
    path = str(tmp_path / "t.parquet")
    ref = write_dataset(TABLE, path)
    write_dataset(TABLE.slice(1), path)
    with pytest.raises(IntegrityError, match=r"t\.parquet changed"):
        assert open_dataset(ref).ref


def test_the_stamp_changes_when_a_file_appears(tmp_path):
    folder = str(tmp_path / "in")
    assert (stamp(folder), exists(folder)) == (None, False)
    write_dataset(TABLE, f"{folder}/a.parquet")
    before = stamp(folder)
    write_dataset(TABLE, f"{folder}/b.parquet")
    assert before != stamp(folder)
    assert exists(folder)


def _truncated(path: Path) -> None:
    pq.write_table(TABLE, path)
    path.write_bytes(path.read_bytes()[:-20])


def _damaged(path: Path) -> None:
    pq.write_table(pa.table({"a": list(range(5000))}), path)
    content = bytearray(path.read_bytes())
    content[100:4000] = bytes(3900)
    path.write_bytes(bytes(content))


BAD_FILES = {
    "missing.parquet": (lambda path: None, "no such file"),
    "empty.csv": (lambda path: path.write_text(""), "is empty"),
    "empty.parquet": (lambda path: path.write_bytes(b""), "is empty"),
    "broken.csv": (lambda path: path.write_text("a,b\n1,2\n3\n"), "Expected 2 columns, got 1"),
    "truncated.parquet": (_truncated, "cannot be read as parquet"),
    "damaged.parquet": (_damaged, "cannot be read as parquet"),
    "data.xlsx": (lambda path: path.write_text("x"), "no such file, or no|must end in"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_cannot_be_read_is_named(tmp_path, name):
    make, message = BAD_FILES[name]
    make(tmp_path / name)
    with pytest.raises(BadInputError, match=message) as caught:
        open_dataset(str(tmp_path / name)).table()
    assert name in str(caught.value)


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path):
    path = str(tmp_path / "t.parquet")
    write_dataset(TABLE, path)
    with pytest.raises(BadInputError, match=r"reference .*t\.parquet has no column 'c'; it has a, b"):
        open_dataset(path).require(["a", "c"], role="reference")


def test_files_of_one_folder_with_other_columns_are_named(tmp_path):
    write_dataset(TABLE, str(tmp_path / "a.parquet"))
    write_dataset(pa.table({"a": [1]}), str(tmp_path / "b.parquet"))
    with pytest.raises(BadInputError, match=r"b\.parquet has no column 'b'"):
        open_dataset(str(tmp_path)).table()


@pytest.mark.parametrize("form", ["parquet", "csv"])
@pytest.mark.parametrize("first", [["a"], ["a", "extra"]])
def test_a_column_that_only_some_files_have_is_an_error_in_either_order(tmp_path, form, first):
    second = ["a", "extra"] if first == ["a"] else ["a"]
    for name, columns in (("1", first), ("2", second)):
        write_dataset(pa.table({column: [1, 2] for column in columns}), str(tmp_path / f"{name}.{form}"))
    lacking, having = ("1", "2") if first == ["a"] else ("2", "1")
    with pytest.raises(BadInputError, match=rf"{lacking}\.{form} has no column 'extra', which .*{having}\.{form} has"):
        open_dataset(str(tmp_path)).table()
    assert open_dataset(str(tmp_path)).table(["a"]).num_rows == 4


def test_types_that_do_not_fit_are_named_without_a_value(tmp_path):
    write_dataset(pa.table({"k": [1], "a": [1]}), str(tmp_path / "1.parquet"))
    write_dataset(pa.table({"k": [1], "a": ["SECRET"]}), str(tmp_path / "2.parquet"))
    with pytest.raises(BadInputError, match=r"2\.parquet does not fit .*'a' is string, .* int64") as caught:
        open_dataset(str(tmp_path)).table()
    assert "SECRET" not in str(caught.value)


def test_an_output_that_cannot_be_written_is_a_failed_backend_and_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BackendError, match="cannot be written"):
        write_dataset(TABLE, str(tmp_path / "file" / "t.parquet"))


def test_a_writer_that_dies_leaves_the_old_file_and_nothing_else(tmp_path):
    path = str(tmp_path / "t.parquet")
    before = write_dataset(TABLE, path)

    def dying():
        yield from TABLE.to_batches()
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        write_dataset(dying(), path)
    assert open_dataset(path).ref == before
    assert [file.name for file in tmp_path.iterdir()] == ["t.parquet"]


def test_an_unknown_protocol_is_bad_input():
    with pytest.raises(BadInputError, match="foo"):
        open_dataset(DatasetRef(uri="foo://x/y.parquet"))
