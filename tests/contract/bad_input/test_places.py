"""Outputs and evidence that cannot be written: said before the work, by name, and nothing is left behind."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

RULE = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "x", "min_value": 1}}


@pytest.fixture
def batch(tmp_path: Path) -> dict[str, Any]:
    """A spec of a validation that writes both outputs."""
    pd.DataFrame({"x": range(100), "y": [[1]] * 100}).to_parquet(tmp_path / "batch.parquet")
    (tmp_path / "file").write_text("not a folder")
    return {
        "dataset": str(tmp_path / "batch.parquet"),
        "suite": {"expectations": [RULE]},
        "clean_uri": str(tmp_path / "clean.parquet"),
        "quarantine_uri": str(tmp_path / "aside.parquet"),
        "policy": {"max_quarantine_share": 0.5},
    }


def test_where_all_can_be_written_all_is(batch, command):
    command.judged("validate", batch, "notice")
    assert {"clean.parquet", "aside.parquet"} <= set(command.files())


@pytest.mark.parametrize("key", ["clean_uri", "quarantine_uri"])
@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("file/out.parquet", "file/out.parquet cannot be written: Not a directory"),
        ("/proc/no/out.parquet", "/proc/no/out.parquet cannot be written: No such file or directory"),
        (".", ": the name must end in .parquet, "),
    ],
)
def test_an_output_that_cannot_be_written_is_named(key, place, reason, batch, command, tmp_path):
    spec = {**batch, key: str(tmp_path / place)}
    (command.refused if place == "." else command.failed)("validate", spec, reason)


def test_an_output_that_is_a_folder_is_named(batch, command, tmp_path):
    (tmp_path / "folder.parquet").mkdir()
    command.failed("validate", {**batch, "clean_uri": str(tmp_path / "folder.parquet")}, "it is a folder")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into a folder that is closed to others")
def test_a_folder_that_is_closed_is_named(batch, command, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    command.failed("validate", {**batch, "clean_uri": str(closed / "x.parquet")}, "Permission denied")
    command.failed("validate", {**batch, "evidence_root": str(closed / "mlops")}, "Permission denied")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"clean_uri": ""}, "key 'clean_uri' is '', which names no file"),
        ({"clean_uri": "clean.txt"}, "clean.txt: the name must end in"),
        ({"quarantine_uri": "aside"}, "aside: the name must end in"),
        ({"clean_uri": "foo://bucket/x.parquet"}, "foo://bucket/x.parquet: "),
        ({"clean_uri": "batch.parquet"}, "key 'clean_uri': batch.parquet is part of the dataset that is read"),
        ({"quarantine_uri": "clean.parquet"}, "keys 'clean_uri' and 'quarantine_uri' are both clean.parquet"),
        ({"clean_uri": "clean.csv"}, "clean.csv cannot hold these columns"),
    ],
)
def test_an_output_with_a_name_that_will_not_do_is_refused(change, reason, batch, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command.refused("validate", {**batch, "clean_uri": "clean.parquet", **change}, reason)


@pytest.mark.parametrize(
    ("root", "reason"),
    [
        ("file", "file cannot be written: Not a directory"),
        ("file/below", "file/below cannot be written: Not a directory"),
        ("/proc/mlops", "file:///proc/mlops cannot be written: No such file or directory"),
        ("a" * 300, "cannot be written: File name too long"),
    ],
    ids=["a file", "below a file", "no real folder", "a long name"],
)
def test_an_evidence_root_that_cannot_be_written_fails_every_job_before_it_writes(root, reason, batch, command):
    root = str(command.folder / root)
    specs = {
        "validate": batch,
        "drift": {"reference": batch["dataset"], "current": batch["dataset"]},
        "predict": {"model": "models:/wage/1", "dataset": batch["dataset"], "output_uri": batch["clean_uri"]},
    }
    for name, spec in specs.items():
        command.failed(name, {**spec, "evidence_root": root}, "evidence root file:///", reason)


@pytest.mark.parametrize("root", ["file", "file/below", "a" * 300])
def test_an_evidence_root_that_cannot_be_read_is_a_failed_backend_to_a_job_that_only_reads(root, batch, command):
    spec = {"model": "wage", "evidence_root": str(command.folder / root)}
    command.failed("verify", spec, "evidence root file:///", "cannot be read")


def test_an_output_that_was_there_before_survives_a_refused_run(batch, command, tmp_path):
    (tmp_path / "clean.parquet").write_bytes(b"of yesterday")
    broken = {"expectations": [{"type": "expect_nothing", "kwargs": {}}]}
    command.refused("validate", {**batch, "suite": broken}, "expect_nothing")
    assert (tmp_path / "clean.parquet").read_bytes() == b"of yesterday"
