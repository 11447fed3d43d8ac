"""Rows of CSV files on their way through the validate job: as they stood, whatever they look like."""

from __future__ import annotations

import bz2
import gzip
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.datasets.dataset import open_dataset

LIMIT = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "a", "max_value": 50}}
ZIP = {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "zip", "regex": "^[0-9]{5}$"}}
HEADER = b"zip,amount,note,a\n"
GOOD = [b'00501,1.10,"x, y",1\n', b"12345678901234567890,2.00,NA,2\n", b'02134,1e3,"a ""line""\nmore",3\n']
BAD = b'99999,0.1,5" pipe,99\n'


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def validate(dataset: str = "day.csv", *rules: dict[str, Any], **spec: Any) -> Outcome:
    suite = {"name": "s", "expectations": list(rules or (LIMIT,))}
    places = {"clean_uri": "clean.csv", "quarantine_uri": "aside.csv", "policy": {"max_quarantine_share": 0.9}}
    return run("validate", {"dataset": dataset, "suite": suite, **places, **spec})


def test_a_clean_row_stays_as_it_stood_whatever_its_neighbours() -> None:
    Path("day.csv").write_bytes(HEADER + GOOD[0] + BAD + b"\n" + b"".join(GOOD[1:]))
    validate()
    beside_a_bad_row = Path("clean.csv").read_bytes()
    Path("day.csv").write_bytes(HEADER + b"".join(GOOD))
    validate()
    assert beside_a_bad_row == Path("clean.csv").read_bytes() == HEADER + b"".join(GOOD)


def test_a_row_set_aside_stays_as_it_stood_and_has_its_reasons() -> None:
    Path("day.csv").write_bytes(HEADER + b"".join(GOOD) + BAD.strip())
    validate()
    header, aside = Path("aside.csv").read_bytes().splitlines()
    assert header == HEADER.strip() + b",quarantine_reasons"
    assert aside.startswith(BAD.strip() + b",")
    reasons = pd.read_csv("aside.csv")["quarantine_reasons"]
    assert reasons.tolist() == ["a: expect_column_values_to_be_between(max_value=50)"]


@pytest.mark.parametrize(("ending", "opened"), [("csv.gz", gzip.open), ("csv.bz2", bz2.open), ("CSV.GZ", gzip.open)])
def test_quoted_rows_of_compressed_files_stay_as_they_stood(ending: str, opened: Any) -> None:
    with opened(f"day.{ending}", "wb") as file:
        file.write(HEADER + b"".join(GOOD) + BAD)
    outcome = validate(f"day.{ending}", clean_uri=f"clean.{ending}", quarantine_uri=f"aside.{ending}")
    assert outcome.dataset is not None
    assert outcome.dataset.rows == len(GOOD)
    with opened(f"clean.{ending}", "rb") as file:
        assert file.read() == HEADER + b"".join(GOOD)
    with opened(f"aside.{ending}", "rb") as file:
        assert file.read().splitlines()[1].startswith(BAD.strip() + b",")


def test_line_breaks_and_the_mark_in_front_stay() -> None:
    Path("day.csv").write_bytes(b"\xef\xbb\xbfzip,a\r\n00501,1\r\n\r\n10001,99\r\n")
    validate()
    assert Path("clean.csv").read_bytes() == b"\xef\xbb\xbfzip,a\r\n00501,1\r\n"
    assert Path("aside.csv").read_bytes().count(b"\r\n") == 2


def test_files_with_columns_in_another_order_become_one() -> None:
    Path("days").mkdir()
    Path("days/1.csv").write_bytes(b"zip,a\n00501,1\n")
    Path("days/2.csv").write_bytes(b'a,zip\n2,"02,134"\n99,1\n')
    validate("days")
    assert Path("clean.csv").read_bytes() == b'zip,a\n00501,1\n"02,134",2\n'
    assert Path("aside.csv").read_bytes().splitlines()[1].startswith(b"1,99,")


def test_numbers_with_leading_zeros_are_texts_to_a_rule() -> None:
    Path("day.csv").write_text("zip,a\n00501,1\n02134,2\n10001,3\n")
    assert validate("day.csv", ZIP, LIMIT).verdict.status is Status.PASS
    assert open_dataset("clean.csv").table()["zip"].to_pylist() == ["00501", "02134", "10001"]


def test_leading_zeros_in_one_file_of_a_folder_count_for_all() -> None:
    Path("days").mkdir()
    Path("days/1.csv").write_text("zip,a\n10001,1\n")
    Path("days/2.csv").write_text("zip,a\n00501,2\n")
    data = open_dataset("days")
    assert data.table()["zip"].to_pylist() == ["10001", "00501"]
    assert [data.only([file]).table()["zip"].to_pylist() for file in data.files] == [["10001"], ["00501"]]


def test_numbers_too_long_for_a_number_are_texts_and_other_numbers_are_not() -> None:
    Path("day.csv").write_text("long,price,zero,a\n12345678901234567890,0.50,0,-0.5\n1,10,0,1e5\n")
    types = [str(kind) for kind in open_dataset("day.csv").schema.types]
    assert types == ["string", "double", "int64", "double"]


def test_rows_of_csv_go_to_parquet_as_values() -> None:
    Path("day.csv").write_bytes(HEADER + b"".join(GOOD) + BAD)
    validate(clean_uri="clean.parquet", quarantine_uri="aside.parquet")
    clean = pd.read_parquet("clean.parquet")
    assert clean["zip"].tolist() == ["00501", "12345678901234567890", "02134"]
    assert clean["amount"].tolist() == [1.1, 2.0, 1000.0]


def rule(kind: str, column: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": f"expect_column_{kind}", "kwargs": {"column": column, **kwargs}}


def contract(**columns: dict[str, Any]) -> dict[str, Any]:
    properties = [{"name": name, **said} for name, said in columns.items()]
    head = {"apiVersion": "v3.0.2", "kind": "DataContract", "id": "c", "version": "1.0.0", "status": "active"}
    return {**head, "schema": [{"name": "c", "properties": properties}]}


def test_one_junk_cell_is_one_failing_row_and_keeps_its_text() -> None:
    rows = [f"{number},{number * 1.5}" for number in range(200)]
    rows[77] = "77,unknown"
    Path("day.csv").write_text("\n".join(["id,amount", *rows]) + "\n")
    limits = rule("values_to_be_between", "amount", min_value=0, max_value=1000)
    found = validate("day.csv", limits)
    assert found.verdict.status is Status.NOTICE
    reason = "amount: expect_column_cells_to_be_of_type(type_=number)"
    assert Path("aside.csv").read_text().splitlines()[1] == f"77,unknown,{reason}"
    assert len(Path("clean.csv").read_text().splitlines()) == 200
    assert "unknown" in str(found.verdict.findings)
    hidden = validate("day.csv", limits, sensitive=["amount"])
    assert "unknown" not in str(hidden.verdict)


def test_a_cell_set_aside_keeps_its_text_in_parquet_too() -> None:
    Path("day.csv").write_text("a,b\n1,x\n2.50,y\noops,z\n")
    validate("day.csv", LIMIT, clean_uri="clean.parquet", quarantine_uri="aside.parquet")
    assert pd.read_parquet("clean.parquet")["a"].tolist() == [1.0, 2.5]
    assert pd.read_parquet("aside.parquet")["a"].tolist() == ["oops"]


def test_misfits_are_found_in_the_right_rows_of_a_folder() -> None:
    Path("days").mkdir()
    Path("days/1.csv").write_text("a,b\n1,x\n2,y\n")
    Path("days/2.csv").write_text("b,a\nz,3\nu,n/k\nv,60\n")
    validate("days")
    assert [line.split(",")[:2] for line in Path("aside.csv").read_text().splitlines()[1:]] == [
        ["n/k", "u"],
        ["60", "v"],
    ]


def test_digits_that_a_contract_declares_text_are_text() -> None:
    Path("day.csv").write_text("customer,phone,ordered\n1000,49170000,2024-01-01\n1001,49170001,2024-01-02\n")
    phone = {"logicalType": "string", "logicalTypeOptions": {"minLength": 6}}
    said = contract(customer={"logicalType": "string", "unique": True}, phone=phone, ordered={"logicalType": "date"})
    found = run("validate", {"dataset": "day.csv", "contract": said})
    assert found.verdict.status is Status.PASS


def test_days_are_read_in_the_form_that_a_contract_declares() -> None:
    Path("day.csv").write_text("nr,datum\n0,01.02.2024\n1,29.02.2024\n2,30.02.2024\n")
    options = {"format": "dd.MM.yyyy", "minimum": "2024-01-01"}
    said = contract(nr={"logicalType": "integer"}, datum={"logicalType": "date", "logicalTypeOptions": options})
    spec = {"dataset": "day.csv", "contract": said, "clean_uri": "clean.parquet", "quarantine_uri": "aside.csv"}
    found = run("validate", {**spec, "policy": {"max_quarantine_share": 0.5}})
    assert found.verdict.status is Status.NOTICE
    assert [str(day) for day in pd.read_parquet("clean.parquet")["datum"]] == ["2024-02-01", "2024-02-29"]
    assert Path("aside.csv").read_text().splitlines()[1].startswith("2,30.02.2024,")


@pytest.mark.parametrize(
    "asked",
    [
        rule("values_to_match_regex", "day", regex=r"^\d{4}-\d{2}-\d{2}$"),
        rule("value_lengths_to_equal", "day", value=10),
        rule("values_to_match_strftime_format", "day", strftime_format="%Y-%m-%d"),
        rule("values_to_be_dateutil_parseable", "day"),
        rule("values_to_be_of_type", "day", type_="str"),
        rule("values_to_be_of_type", "day", type_="object"),
        rule("values_to_be_between", "day", min_value="2024-01-01", max_value="2024-12-31"),
        rule("values_to_be_in_set", "day", value_set=["2024-01-01", "2024-01-02"]),
        rule("values_to_be_in_set", "code", value_set=["1", "2"]),
        rule("values_to_be_in_set", "flag", value_set=[0, 1]),
    ],
)
def test_rules_read_a_cell_as_what_they_speak_of(asked: dict[str, Any]) -> None:
    Path("day.csv").write_text("day,code,flag\n2024-01-01,1,true\n2024-01-02,2,false\n")
    assert validate("day.csv", asked).verdict.status is Status.PASS


def test_the_verdict_does_not_change_with_the_other_cells_of_the_day() -> None:
    regex = rule("values_to_match_regex", "zip", regex="^[0-9]{5}$")
    for cells in (["10001", "10002"], ["00501", "10001"], ["10001", ""]):
        Path("day.csv").write_text("\n".join(["zip,n", *(f"{cell},1" for cell in cells)]) + "\n")
        assert validate("day.csv", regex).verdict.status is Status.PASS


def test_a_country_called_na_is_no_missing_value_and_arrives() -> None:
    Path("day.csv").write_text('id,country\n0,DE\n1,NA\n2,"NA"\n')
    rules = (rule("values_to_not_be_null", "country"), rule("values_to_be_in_set", "country", value_set=["DE", "NA"]))
    assert validate("day.csv", *rules, clean_uri="clean.parquet").verdict.status is Status.PASS
    assert pd.read_parquet("clean.parquet")["country"].tolist() == ["DE", "NA", "NA"]


def test_article_numbers_with_an_e_are_no_numbers() -> None:
    Path("day.csv").write_text("sku,n\n10,1\n1E1,1\n2E5,1\n")
    assert validate("day.csv", rule("values_to_be_unique", "sku"), clean_uri="c.parquet").verdict.status is Status.PASS
    assert pd.read_parquet("c.parquet")["sku"].tolist() == ["10", "1E1", "2E5"]


def test_two_rules_that_read_a_column_differently_leave_it_to_its_cells() -> None:
    Path("day.csv").write_text("a,b\n1,x\n2,y\n")
    rules = (rule("values_to_be_between", "a", max_value=5), rule("values_to_match_regex", "a", regex="^[0-9]$"))
    assert validate("day.csv", *rules).verdict.status is Status.PASS
