"""Parquet folders: one type a column, which holds the values of all files as they are, whatever their order."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.datasets.dataset import open_dataset


def folder(place: Path, *arrays: pa.Array) -> str:
    place.mkdir(parents=True)
    for number, array in enumerate(arrays):
        pq.write_table(pa.table({"v": array, "id": [number] * len(array)}), place / f"{number}.parquet")
    return str(place)


MIDNIGHT = datetime.fromisoformat("2024-01-01")
LATER = datetime.fromisoformat("2024-01-01T01:01:01.000005")
CODED = pa.array(["a", "b"]).dictionary_encode()
TOGETHER: dict[str, tuple[list[pa.Array], list[Any]]] = {
    "missing and text": ([pa.nulls(2), pa.array(["x", None])], [None, None, "x", None]),
    "missing floats and text": ([pa.array([None, None], pa.float64()), pa.array(["x", "y"])], [None, None, "x", "y"]),
    "whole numbers": ([pa.array([1], pa.int8()), pa.array([300], pa.int32())], [1, 300]),
    "signs": ([pa.array([-1], pa.int32()), pa.array([2**32 - 1], pa.uint32())], [-1, 2**32 - 1]),
    "fractions": ([pa.array([1]), pa.array([1.5])], [1.0, 1.5]),
    "scales": (
        [pa.array([Decimal("1.25")]), pa.array([Decimal("0.12345")])],
        [Decimal("1.25"), Decimal("0.12345")],
    ),
    "units": (
        [pa.array([MIDNIGHT], pa.timestamp("s")), pa.array([LATER])],
        [MIDNIGHT, LATER],
    ),
    "days and moments": (
        [pa.array([date(2024, 1, 1)]), pa.array([LATER])],
        [MIDNIGHT, LATER],
    ),
    "coded text and text": ([CODED, pa.array(["c"])], ["a", "b", "c"]),
    "lists": ([pa.array([[]], pa.list_(pa.null())), pa.array([[1]])], [[], [1]]),
}


@pytest.mark.parametrize("name", TOGETHER)
def test_values_of_several_types_are_read_as_they_are_in_every_order_of_files(tmp_path: Path, name: str) -> None:
    arrays, values = TOGETHER[name]
    assert open_dataset(folder(tmp_path / "forth", *arrays)).table()["v"].to_pylist() == values
    back = open_dataset(folder(tmp_path / "back", *reversed(arrays))).table()["v"].to_pylist()
    second = len(arrays[1])
    assert back == values[-second:] + values[:-second]


APART: dict[str, list[pa.Array]] = {
    "text and numbers": [pa.array(["SECRET"]), pa.array([1])],
    "decimals and floats": [pa.array([Decimal("0.1")]), pa.array([0.1])],
    "truth and numbers": [pa.array([True]), pa.array([2])],
    "moments with and without a zone": [
        pa.array([MIDNIGHT], pa.timestamp("us")),
        pa.array([MIDNIGHT], pa.timestamp("us", "UTC")),
    ],
    "a whole number that no float holds": [pa.array([2**53 + 1]), pa.array([0.5])],
}


@pytest.mark.parametrize("name", APART)
def test_types_that_would_round_or_change_a_value_are_refused_by_file_and_column(tmp_path: Path, name: str) -> None:
    for number, arrays in enumerate(permutations(APART[name])):
        with pytest.raises(BadInputError, match=r"[01]\.parquet does not fit .*column 'v'") as caught:
            open_dataset(folder(tmp_path / str(number), *arrays)).table()
        assert "SECRET" not in str(caught.value)


def test_a_day_without_rows_says_nothing_of_the_types(tmp_path: Path) -> None:
    (tmp_path / "days").mkdir()
    pd.DataFrame({"id": [], "coupon": []}).to_parquet(tmp_path / "days/1.parquet")
    pd.DataFrame({"coupon": ["SAVE"], "id": [1]}).to_parquet(tmp_path / "days/2.parquet")
    data = open_dataset(str(tmp_path / "days"))
    assert data.table().to_pylist() == [{"coupon": "SAVE", "id": 1}]
    assert [data.only([file]).rows for file in data.files] == [0, 1]


def test_files_with_columns_in_another_order_are_one_table(tmp_path: Path) -> None:
    (tmp_path / "days").mkdir()
    pq.write_table(pa.table({"a": [1], "b": ["x"]}), tmp_path / "days/1.parquet")
    pq.write_table(pa.table({"b": ["y"], "a": pa.array([2], pa.int32())}), tmp_path / "days/2.parquet")
    assert open_dataset(str(tmp_path / "days")).table().to_pylist() == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]


def test_a_first_day_without_any_value_gets_the_verdict_profile_and_drift_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder(Path("days"), pa.nulls(100), pa.array(["SAVE10"] * 100))
    pq.write_table(pa.table({"v": ["SAVE10"] * 200}), "ref.parquet")
    rule = {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "v", "value_set": ["SAVE10"]}}
    found = run("validate", {"dataset": "days", "suite": {"name": "s", "expectations": [rule]}})
    assert found.verdict.status is Status.PASS
    assert found.dataset is not None
    assert found.dataset.rows == 200
    profile = run("profile", {"dataset": "days", "output_uri": "days.profile", "columns": ["v"]})
    assert profile.dataset is not None
    assert profile.dataset.rows == 200
    run("drift", {"reference": "ref.parquet", "current": "days", "columns": ["v"], "html_report": "never"})
