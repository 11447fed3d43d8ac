"""Which files of a folder are data: what is left out is named, what looks like data and cannot be read is refused."""

from __future__ import annotations

import bz2
import gzip
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.datasets.listing import data_files
from airflow_mlops_provider.stores.datasets.writing import write_dataset
from airflow_mlops_provider.stores.evidence.store import read_evidence

TABLE = pa.table({"a": [1, 2, 3], "b": ["x", "y", "z"]})
PACK = {
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "zstd": lambda text: pa.compress(text, "zstd", asbytes=True),
}
SUITE = {"name": "s", "expectations": [{"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "a"}}]}


def _put(folder: Path, *names: str, rows: int = 3) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(TABLE.slice(0, rows), folder / name)


@pytest.mark.parametrize("name", ["A.PARQUET", "a.Pq", "a.parq", "df.parquet.gzip", "part-0.snappy.parquet"])
def test_a_parquet_file_is_known_by_every_ending_that_is_in_use(tmp_path: Path, name: str) -> None:
    _put(tmp_path, name, "b.parquet")
    assert open_dataset(str(tmp_path)).rows == 6
    assert open_dataset(str(tmp_path / name)).rows == 3


@pytest.mark.parametrize(
    ("name", "codec"), [("b.CSV", None), ("b.csv.gz", "gzip"), ("b.csv.bz2", "bz2"), ("b.csv.ZST", "zstd")]
)
def test_a_csv_file_is_read_in_capitals_and_compressed(tmp_path: Path, name: str, codec: str | None) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,x\n")
    text = b"a,b\n2,y\n3,z\n"
    (tmp_path / name).write_bytes(text if codec is None else PACK[codec](text))
    assert sorted(open_dataset(str(tmp_path)).table()["a"].to_pylist()) == [1, 2, 3]


@pytest.mark.parametrize("ending", ["csv.gz", "csv.bz2", "csv.zst", "parquet.gzip", "CSV"])
def test_what_is_written_under_an_ending_is_read_under_it(tmp_path: Path, ending: str) -> None:
    ref = write_dataset(TABLE, str(tmp_path / f"t.{ending}"))
    assert open_dataset(ref).ref == ref
    assert open_dataset(ref).table().to_pydict() == TABLE.to_pydict()


def test_a_file_of_several_gzip_members_is_read_whole_and_a_cut_one_is_named(tmp_path: Path) -> None:
    parts = gzip.compress(b"a,b\n1,x\n") + gzip.compress(b"2,y\n")
    (tmp_path / "t.csv.gz").write_bytes(parts)
    assert open_dataset(str(tmp_path / "t.csv.gz")).rows == 2
    (tmp_path / "t.csv.gz").write_bytes(parts[:-9])
    with pytest.raises(BadInputError, match=r"t\.csv\.gz"):
        open_dataset(str(tmp_path / "t.csv.gz")).table()


LEFTOVERS = (
    "_temporary/0/task_1/part.parquet",
    ".ipynb_checkpoints/a-checkpoint.parquet",
    "sub/_old/a.parquet",
    "sub/.hidden.parquet",
    "_a.parquet",
)


@pytest.mark.parametrize("leftover", LEFTOVERS)
def test_hidden_and_underscored_parts_of_a_path_are_no_data(tmp_path: Path, leftover: str) -> None:
    folder = tmp_path / "_day" / "in"  # above the dataset's folder, such a part means nothing
    _put(folder, "a.parquet", "sub/b.parquet", leftover)
    data = open_dataset(str(folder))
    assert data.rows == 6
    assert data.ref.left_out == (leftover,)


def test_a_partition_by_an_underscored_column_is_data(tmp_path: Path) -> None:
    _put(tmp_path, "_day=1/a.parquet", "_day=2/a.parquet")
    assert open_dataset(str(tmp_path)).rows == 6


def test_what_a_folder_holds_beside_its_data_is_named_in_the_evidence(tmp_path: Path) -> None:
    _put(tmp_path / "in", "a.parquet", "_temporary/b.parquet")
    (tmp_path / "in" / "_SUCCESS").write_text("")
    (tmp_path / "in" / "README.md").write_text("about these data")
    found = run("validate", {"dataset": str(tmp_path / "in"), "suite": SUITE, "evidence_root": str(tmp_path / "ev")})
    named = read_evidence(found.evidence_uri).inputs["dataset"].left_out
    assert named == ("README.md", "_SUCCESS", "_temporary/b.parquet")


def test_a_reference_stays_short_whatever_lies_beside_the_data(tmp_path: Path) -> None:
    _put(tmp_path, "a.parquet")
    for number in range(500):
        (tmp_path / f"note-{number:04}.txt").write_text("")
    named = open_dataset(str(tmp_path)).ref.left_out
    assert named is not None
    assert named[-1] == "... and 424 more"
    assert len("".join(named)) < 1100


@pytest.mark.parametrize(
    "other", ["b.csv.xz", "b.tsv", "b.jsonl", "b.avro", "b.orc", "b.feather", "b.XLSX", "b.parquet.zip"]
)
def test_what_looks_like_data_and_cannot_be_read_is_refused_by_name(tmp_path: Path, other: str) -> None:
    _put(tmp_path, "a.parquet")
    (tmp_path / other).write_text("rows")
    with pytest.raises(BadInputError, match=rf"{other} looks like data"):
        open_dataset(str(tmp_path))
    assert open_dataset(str(tmp_path / "*.parquet")).rows == 3


MARKERS = {
    "Delta": "_delta_log/00000000000000000000.json",
    "Iceberg": "metadata/v1.metadata.json",
    "Hudi": ".hoodie/hoodie.properties",
}


WAYS = {"Delta": "folder of the table .* extra 'delta'", "Iceberg": "extra 'iceberg'", "Hudi": "export"}


@pytest.mark.parametrize("kind", MARKERS)
@pytest.mark.parametrize("spelling", ["", "tables", "tables/*.parquet", "tables/**/*.parquet"])
def test_a_table_is_refused_by_the_name_of_its_format(tmp_path: Path, kind: str, spelling: str) -> None:
    folder = tmp_path / "tables"
    _put(folder, "part-0.parquet", "data/part-1.parquet")
    (folder / MARKERS[kind]).parent.mkdir()
    (folder / MARKERS[kind]).write_text("{}")
    with pytest.raises(BadInputError, match=f"is a {kind} table .*{WAYS[kind]}"):
        data_files(str(tmp_path / spelling))


def test_a_pattern_reads_the_folders_that_have_the_name_of_data(tmp_path: Path) -> None:
    _put(tmp_path, "day1.parquet/part-0.parquet", "day1.parquet/_SUCCESS", "day2.parquet", "other/c.parquet")
    data = open_dataset(str(tmp_path / "*"))
    assert data.rows == 6
    assert data.ref.left_out == ("day1.parquet/_SUCCESS", "other/")


def test_a_pattern_that_asks_for_hidden_files_gets_them(tmp_path: Path) -> None:
    _put(tmp_path, "_a.parquet", "b.parquet")
    assert open_dataset(str(tmp_path / "_*.parquet")).rows == 3
    assert open_dataset(str(tmp_path / "_a.parquet")).rows == 3


def test_a_folder_on_another_filesystem_is_listed_by_the_same_rules() -> None:
    fs = fsspec.filesystem("memory")
    try:
        for name in ("in/a.csv", "in/B.CSV", "in/_temporary/c.csv"):
            fs.pipe_file(f"/{name}", b"a\n1\n")
        data = open_dataset("memory://in")
        assert data.rows == 2
        assert data.ref.left_out == ("_temporary/c.csv",)
    finally:
        fs.rm("/in", recursive=True)
