"""CSV files: dialects and encodings as declared or refused by name, missing and empty text told apart."""

from __future__ import annotations

import codecs
import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.codec import decode, encode
from airflow_mlops_provider.records.csv_format import ColumnType, CsvFormat
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.datasets.dataset import open_dataset, open_like
from airflow_mlops_provider.stores.datasets.writing import write_dataset

TOWNS = 'ort;preis\nKöln;1,5\n"Bad; Honnef";-2,25\n'


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def table_of(**form: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = open_dataset(DatasetRef(uri="t.csv", csv=CsvFormat(**form))).table().to_pydict()
    return found


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "latin-1", "utf-16", "utf-16-le", "utf-32"])
def test_a_declared_dialect_is_read_in_every_encoding(encoding: str) -> None:
    Path("t.csv").write_bytes(TOWNS.encode(encoding))
    found = table_of(separator=";", decimal_mark=",", encoding=encoding)
    assert found == {"ort": ["Köln", "Bad; Honnef"], "preis": [1.5, -2.25]}


def test_files_without_a_header_have_the_declared_names() -> None:
    Path("t.csv").write_text("1|'a|b'\n2|c\n")
    assert table_of(separator="|", quote="'", columns=("n", "t")) == {"n": [1, 2], "t": ["a|b", "c"]}


def test_declared_types_of_a_dataset_come_first() -> None:
    Path("t.csv").write_text("zip,n\n10001,1\n10002,2\n")
    ref = DatasetRef(uri="t.csv", csv=CsvFormat(types={"zip": ColumnType.TEXT}))
    like = pa.schema([("zip", pa.int64()), ("n", pa.float64())])
    assert open_like(ref, like).table().to_pydict() == {"zip": ["10001", "10002"], "n": [1, 2]}


def test_a_declared_type_of_a_column_that_is_not_there_is_named() -> None:
    Path("t.csv").write_text("zip,n\n10001,1\n")
    with pytest.raises(BadInputError, match=r"csv 'types' names 'plz'; it has zip, n"):
        table_of(types={"plz": ColumnType.TEXT})


WRONG: dict[str, tuple[bytes, str]] = {
    "semicolons": (b"id;menge;preis\n1;2;3.5\n2;3;4.5\n", r"3 fields with ';' .*separator: \";\""),
    "semicolons and decimal commas": (b"id;menge\n1;2,5\n", r"2 fields with ';'"),
    "tabs": (b"id\tmenge\n1\t2\n", r"2 fields with a tab .*separator: \"\\t\""),
    "bars, header alone": (b"id|menge\n", r"2 fields with '\|'"),
    "cp1252 in a cell": ("id,ort\n1,Ulm\n2,Köln\n".encode("cp1252"), r"line 3 is not UTF-8 \(byte 0xf6\)"),
    "cp1252 in the header": ("größe,ort\n1,Ulm\n".encode("cp1252"), r"line 1 is not UTF-8 \(byte 0xf6\)"),
    "utf-16 with commas": ("id,name\n1,a\n".encode("utf-16"), r"looks like UTF-16.*encoding: utf-16"),
    "utf-16 with tabs": (codecs.BOM_UTF16_BE + "id\tname\n1\ta\n".encode("utf-16-be"), r"looks like UTF-16"),
    "utf-16 without a mark": ("id,name\n1,a\n".encode("utf-16-le"), r"looks like UTF-16"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("file", ["t.csv", "t.csv.gz"])
def test_another_dialect_or_encoding_is_one_error_that_says_what_to_declare(name: str, file: str) -> None:
    content, message = WRONG[name]
    Path(file).write_bytes(gzip.compress(content) if file.endswith("gz") else content)
    with pytest.raises(BadInputError, match=rf"{file} cannot be read as csv: .*{message}") as caught:
        open_dataset(file).table()
    assert "\n" not in str(caught.value)
    assert "Köln" not in str(caught.value)


def test_a_declared_encoding_that_is_wrong_is_named() -> None:
    Path("t.csv").write_bytes("id,ort\n1,Köln\n".encode("cp1252"))
    with pytest.raises(BadInputError, match=r"t\.csv cannot be read as csv: line 2 is not ASCII \(byte 0xf6\)"):
        table_of(encoding="ascii")
    Path("t.csv").write_bytes(b"id,ort\n1,Ulm\n20")
    with pytest.raises(BadInputError, match=r"t\.csv cannot be read as csv: it is not UTF-16"):
        table_of(encoding="utf-16-le")


def test_one_column_whose_text_holds_other_marks_is_read() -> None:
    Path("t.csv").write_text("tags\na;b\nc;d\n")
    assert open_dataset("t.csv").table().to_pydict() == {"tags": ["a;b", "c;d"]}


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("separator", ";;", "'separator' must be one ASCII character"),
        ("decimal_mark", ";", "'decimal_mark' must be"),
        ("decimal_mark", ",", "must be three characters"),
        ("encoding", "utf-99", "no encoding is called 'utf-99'"),
        ("columns", ["a", "a"], "'columns' must name each column once"),
    ],
)
def test_a_dialect_that_cannot_be_is_refused(key: str, value: Any, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        decode(DatasetRef, {"uri": "t.csv", "csv": {key: value}})


def test_a_dialect_of_parquet_is_refused() -> None:
    write_dataset(pa.table({"a": [1]}), "t.parquet")
    with pytest.raises(BadInputError, match=r"key 'csv' is given, and its files are parquet"):
        open_dataset(DatasetRef(uri="t.parquet", csv=CsvFormat()))


def test_references_without_a_dialect_are_written_as_before() -> None:
    assert "csv" not in encode(DatasetRef(uri="t.csv"))


CELLS = ["", None, "NA", "null", 'a "q", b', "l1\nl2", " ", "007", "nan"]


@pytest.mark.parametrize("file", ["t.csv", "t.csv.gz", "t.parquet"])
def test_missing_and_empty_text_survive_every_format(file: str) -> None:
    rows = pa.table({"t": CELLS, "n": [1.5, None, *range(7)]})
    write_dataset(rows, file)
    assert open_dataset(file).table().to_pydict() == rows.to_pydict()


def test_text_that_spells_nothing_but_null_values_stays_text() -> None:
    write_dataset(pa.table({"land": ["NA", "NA"], "n": [1, 2]}), "t.csv")
    assert open_dataset("t.csv").table()["land"].to_pylist() == ["NA", "NA"]


def test_a_format_that_cannot_hold_a_missing_value_is_refused_by_column() -> None:
    with pytest.raises(BadInputError, match=r"t\.csv cannot hold missing values of its only column 't'"):
        write_dataset(pa.table({"t": ["a", None]}), "t.csv")
    assert not Path("t.csv").exists()


def test_null_values_count_in_columns_of_other_types_alone() -> None:
    Path("t.csv").write_text('land,n,q\nNA,NA,1\nnull,n/a,""\nDE,1,-\n,NULL,2\n')
    assert table_of(null_values=("", "NA", "n/a", "null", "-")) == {
        "land": ["NA", "null", "DE", None],
        "n": [None, None, 1, None],
        "q": [1, None, None, 2],
    }


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["10", "1E1", "2E5"], pa.string()),
        (["10.5", "1E1"], pa.float64()),
        (["1e+16", "2"], pa.float64()),
        (["1E1", "-2"], pa.float64()),
    ],
)
def test_codes_with_an_e_are_text_and_numbers_with_an_exponent_are_not(cells: list[str], kind: pa.DataType) -> None:
    Path("t.csv").write_text("\n".join(["sku", *cells]) + "\n")
    assert open_dataset("t.csv").schema.field("sku").type == kind


def test_files_whose_cells_differ_in_type_are_text_as_they_stand() -> None:
    Path("days").mkdir()
    Path("days/1.csv").write_text("a,b\n1.50,x\n")
    Path("days/2.csv").write_text("a,b\nunknown,y\n")
    assert open_dataset("days").table()["a"].to_pylist() == ["1.50", "unknown"]


DIALECT = {"separator": ";", "decimal_mark": ",", "encoding": "cp1252"}
LIMIT = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "preis", "min_value": 0}}


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_what_is_written_has_the_dialect_of_what_was_read(encoding: str) -> None:
    form = {**DIALECT, "encoding": encoding}
    Path("t.csv").write_bytes((TOWNS + "Ulm;3,0\n").encode(encoding))
    spec = {"suite": {"name": "s", "expectations": [LIMIT]}, "policy": {"max_quarantine_share": 0.5}}
    found = run(
        "validate", {**spec, "dataset": {"uri": "t.csv", "csv": form}, "clean_uri": "c.csv", "quarantine_uri": "q.csv"}
    )
    assert Path("c.csv").read_bytes().decode(encoding) == "ort;preis\nKöln;1,5\nUlm;3,0\n"
    assert Path("q.csv").read_bytes().decode(encoding).splitlines()[1].startswith('"Bad; Honnef";-2,25;')
    assert found.dataset is not None
    assert open_dataset(found.dataset).table()["preis"].to_pylist() == [1.5, 3.0]


def test_rows_without_a_header_are_set_aside_without_one() -> None:
    Path("t.csv").write_text("a,1\nb,-1\n")
    form = {"columns": ["ort", "preis"]}
    spec = {"suite": {"name": "s", "expectations": [LIMIT]}, "policy": {"max_quarantine_share": 0.5}}
    run("validate", {**spec, "dataset": {"uri": "t.csv", "csv": form}, "clean_uri": "c.csv", "quarantine_uri": "q.csv"})
    assert Path("c.csv").read_text() == "a,1\n"
    assert Path("q.csv").read_text().startswith("b,-1,preis: ")


def test_drift_reads_a_batch_with_the_types_of_its_reference() -> None:
    codes = [f"{10000 + number % 7}" for number in range(400)]
    write_dataset(pa.table({"zip": codes, "x": [float(number % 50) for number in range(400)]}), "ref.parquet")
    lines = [f"{code},{number % 50}" for number, code in enumerate(codes)]
    Path("cur.csv").write_text("\n".join(["zip,x", *lines]) + "\n")
    spec = {"reference": "ref.parquet", "current": "cur.csv", "html_report": "never"}
    assert run("drift", spec).verdict.status is Status.PASS
    Path("cur.csv").write_text("\n".join(["zip,x", *lines[1:], "10001,unknown"]) + "\n")
    assert run("drift", spec).verdict.status is Status.PASS
    Path("cur.csv").write_text("\n".join(["zip,x", *(f"{code},a{code}" for code in codes)]) + "\n")
    found = run("drift", spec).verdict
    assert found.status is Status.FAIL
    assert "x: double in the reference, string now" in str(found.findings)


def test_drift_reads_digits_as_text_where_the_reference_has_leading_zeros() -> None:
    Path("ref.csv").write_text("\n".join(["plz", *(["01067", "10115", "80331"] * 100)]) + "\n")
    Path("cur.csv").write_text("\n".join(["plz", *(["10115", "80331"] * 150)]) + "\n")
    found = run("drift", {"reference": "ref.csv", "current": "cur.csv", "html_report": "never"})
    assert "now" not in found.verdict.summary
    assert not any("in the reference" in finding.detail for finding in found.verdict.findings)
