"""Data files that are missing, empty, damaged or of the wrong shape: named, whichever job reads them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

RULE = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "x", "min_value": -100}}
SUITE = {"name": "rules", "expectations": [RULE]}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with ``good.parquet`` in it."""
    random = np.random.default_rng(3)
    frame = pd.DataFrame({"x": random.normal(size=300), "y": random.integers(0, 2, 300)})
    frame.assign(p=random.random(300), s=["a", "b", "c"] * 100).to_parquet(tmp_path / "good.parquet", index=False)
    return tmp_path


def _missing(_: Path) -> str:
    return "missing.parquet"


def _empty(folder: Path) -> str:
    (folder / "empty.parquet").touch()
    return "empty.parquet"


def _empty_csv(folder: Path) -> str:
    (folder / "empty.csv").touch()
    return "empty.csv"


def _blank_csv(folder: Path) -> str:
    (folder / "blank.csv").write_text("\n")
    return "blank.csv"


def _truncated(folder: Path) -> str:
    whole = (folder / "good.parquet").read_bytes()
    (folder / "truncated.parquet").write_bytes(whole[: len(whole) // 2])
    return "truncated.parquet"


def _without_footer(folder: Path) -> str:
    (folder / "rubbish.parquet").write_bytes(b"PAR1" + os.urandom(500) + b"PAR1")
    return "rubbish.parquet"


def _damaged_pages(folder: Path) -> str:
    whole = bytearray((folder / "good.parquet").read_bytes())
    whole[20:400] = b"\xff" * 380
    (folder / "damaged.parquet").write_bytes(whole)
    return "damaged.parquet"


def _broken_line(folder: Path) -> str:
    (folder / "broken.csv").write_text("x,y,p,s\n1,0,0.5,a\n1,2,3,secret,5\n2,1,0.2,b\n")
    return "broken.csv"


def _twin_columns(folder: Path) -> str:
    (folder / "twins.csv").write_text("x,y,p,s,x\n1,0,0.5,a,2\n2,1,0.2,b,2\n")
    return "twins.csv"


def _twin_columns_in_parquet(folder: Path) -> str:
    values = pa.array([0.0, 1.0])
    table = pa.Table.from_arrays([values] * 5, names=["x", "y", "p", "s", "x"])
    pq.write_table(table, folder / "twins.parquet")
    return "twins.parquet"


def _no_columns(folder: Path) -> str:
    pq.write_table(pa.table({}), folder / "bare.parquet")
    return "bare.parquet"


def _other_ending(folder: Path) -> str:
    (folder / "data.txt").write_text("x,y,p,s\n1,0,0.5,a\n")
    return "data.txt"


def _empty_folder(folder: Path) -> str:
    (folder / "nothing").mkdir()
    return "nothing"


def _mixed_folder(folder: Path) -> str:
    (folder / "mixed").mkdir()
    (folder / "mixed" / "a.csv").write_text("x\n1\n")
    (folder / "mixed" / "b.parquet").write_bytes((folder / "good.parquet").read_bytes())
    return "mixed"


def _folder_of_two_shapes(folder: Path) -> str:
    (folder / "shapes").mkdir()
    (folder / "shapes" / "a.parquet").write_bytes((folder / "good.parquet").read_bytes())
    pq.write_table(pq.read_table(folder / "good.parquet").drop(["x"]), folder / "shapes" / "b.parquet")
    return "shapes"


BROKEN = {
    _missing: ("missing.parquet: no such file",),
    _empty: ("empty.parquet is empty (0 bytes)",),
    _empty_csv: ("empty.csv is empty (0 bytes)",),
    _blank_csv: ("blank.csv cannot be read as csv",),
    _truncated: ("truncated.parquet cannot be read as parquet",),
    _without_footer: ("rubbish.parquet cannot be read as parquet",),
    _damaged_pages: ("damaged.parquet cannot be read",),
    _broken_line: ("broken.csv cannot be read as csv", "Row #3: Expected 4 columns, got 5"),
    _twin_columns: ("twins.csv has several columns called 'x'",),
    _twin_columns_in_parquet: ("twins.parquet has several columns called 'x'",),
    _no_columns: ("bare.parquet has no columns",),
    _other_ending: (
        "data.txt: the name must end in .parquet, .pq, .parq, .parquet.gzip, .csv, .csv.gz, .csv.zst, .csv.bz2",
    ),
    _empty_folder: ("nothing: no such file, or no .parquet or .csv file in it",),
    _mixed_folder: ("mixed mixes csv and parquet files",),
    _folder_of_two_shapes: ("b.parquet has no column 'x', which ", "a.parquet has"),
}


def _specs(good: str, bad: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        ("validate", {"dataset": bad, "suite": SUITE, "clean_uri": "clean.parquet", "quarantine_uri": "aside.parquet"}),
        ("drift", {"reference": good, "current": bad, "html_report": "never"}),
        ("drift", {"reference": bad, "current": good, "html_report": "never"}),
        ("evaluate", {"predictions": bad, "label_column": "y", "candidate": "p", "champion": "x"}),
        ("bias", {"predictions": bad, "label_column": "y", "prediction_column": "x", "slices": ["s"]}),
        ("bias", {"predictions": bad, "label_column": "y", "prediction_column": "y", "slices": ["s", "x"]}),
    ]


@pytest.mark.parametrize("make", BROKEN, ids=lambda make: make.__name__.strip("_"))
def test_a_file_that_cannot_be_read_is_named_by_every_job(make, data, command, monkeypatch):
    monkeypatch.chdir(data)
    for name, spec in _specs("good.parquet", make(data)):
        line = command.refused(name, spec, *BROKEN[make])
        assert "secret" not in line


@pytest.mark.parametrize("uri", ["a\0b.parquet", "/tmp/" + "a" * 5000 + ".parquet", "foo://bar/x.parquet"])
def test_a_place_where_no_file_can_be_is_named(uri, data, command):
    command.refused("drift", {"reference": str(data / "good.parquet"), "current": uri}, uri.split("\0")[0][:50])


def test_storage_that_cannot_be_reached_is_a_failed_backend(data, command):
    uri = "http://127.0.0.1:1/x.parquet"
    command.failed("drift", {"reference": str(data / "good.parquet"), "current": uri}, f"{uri} cannot be listed")


def test_a_dataset_that_changed_since_it_was_pinned_is_refused(data, command):
    good, pinned = str(data / "good.parquet"), f"sha256:{'0' * 64}"
    command.refused(
        "drift",
        {"reference": good, "current": {"uri": good, "fingerprint": pinned}},
        "good.parquet changed: its content is sha256:",
        f"{pinned} was expected",
    )


@pytest.mark.parametrize("name", ["validate", "drift", "evaluate", "bias"])
def test_a_column_that_is_not_there_is_named_with_those_that_are(name, data, command):
    good = str(data / "good.parquet")
    spec = {
        "validate": {"dataset": good, "suite": SUITE},
        "drift": {"reference": good, "current": good, "columns": ["wage"]},
        "evaluate": {"predictions": good, "label_column": "wage", "candidate": "p"},
        "bias": {"predictions": good, "label_column": "y", "prediction_column": "y", "slices": ["wage"]},
    }[name]
    if name == "validate":  # for rules, a missing column is a fault of the data
        spec["suite"] = {"expectations": [{"type": RULE["type"], "kwargs": {"column": "wage", "min_value": 0}}]}
        outcome = command.judged(name, spec, "fail")
        assert "column 'wage' is missing" in outcome["verdict"]["summary"]
    else:
        command.refused(name, spec, "good.parquet has no column 'wage'; it has x, y, p, s")


@pytest.mark.parametrize("key", ["window_column", "group_column", "label_column", "prediction_column"])
def test_a_column_with_a_part_to_play_in_drift_must_be_there(key, data, command):
    good = str(data / "good.parquet")
    command.refused("drift", {"reference": good, "current": good, key: "wage"}, "has no column 'wage'")


def test_a_file_whose_numbers_do_not_fit_the_first_one_is_not_rounded_to_it(data, command):
    (data / "days").mkdir()
    pd.DataFrame({"x": [1, 2, 3]}).to_parquet(data / "days" / "1.parquet")
    pd.DataFrame({"x": [1.0, 2.4, 3.0]}).to_parquet(data / "days" / "2.parquet")
    spec = {"dataset": str(data / "days"), "suite": SUITE}
    spec["suite"] = {
        "expectations": [{"type": "expect_column_sum_to_be_between", "kwargs": {"column": "x", "min_value": 0}}]
    }
    outcome = command.judged("validate", spec, "pass")
    assert outcome["verdict"]["findings"][0]["observed"] == pytest.approx(12.4)
