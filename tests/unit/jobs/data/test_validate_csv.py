"""Rows of CSV files on their way through the validate job: as they stood, whatever they look like."""

from __future__ import annotations

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
    assert [part.table()["zip"].to_pylist() for part in data.parts()] == [["10001"], ["00501"]]


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
