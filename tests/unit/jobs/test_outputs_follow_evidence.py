"""Outputs appear after the evidence of them is written, or not at all: with a full disk the older ones stay."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from airflow_mlops_provider.exceptions import BackendError
from airflow_mlops_provider.jobs.data.profile import ProfileJob
from airflow_mlops_provider.jobs.data.validate import ValidateJob

RULE = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "hours", "min_value": 0}}
ALL_HOLD = {**RULE, "kwargs": {"column": "hours", "min_value": -5}}


class FullDisk:
    """A job whose evidence finds no room; it notes what lies in the folder of the outputs at that moment."""

    seen: dict[str, bytes]

    def record(self, *_, **__):
        folder = Path(self.dataset.uri).parent / "out"
        FullDisk.seen = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".part"}
        raise BackendError("evidence root cannot be written: No space left on device")


class Validation(FullDisk, ValidateJob):
    """As it says."""


class Profiling(FullDisk, ProfileJob):
    """As it says."""


@pytest.fixture
def folder(tmp_path):
    pd.DataFrame({"hours": [-1, *range(99)]}).to_parquet(tmp_path / "batch.parquet")
    (tmp_path / "out").mkdir()
    return tmp_path


def spec(folder, *outputs, **keys):
    """With an older file of each output."""
    places = {key: folder / "out" / f"{key}.{'profile' if key == 'output_uri' else 'parquet'}" for key in outputs}
    for path in places.values():
        path.write_bytes(b"of yesterday")
    given = {"dataset": str(folder / "batch.parquet"), "evidence_root": str(folder / "mlops"), **keys}
    return given | {key: str(path) for key, path in places.items()}


@pytest.mark.parametrize(
    ("job", "outputs", "keys"),
    [
        (Validation, ["clean_uri", "quarantine_uri"], {"policy": {"max_quarantine_share": 0.5}}),
        (Validation, ["clean_uri"], {"suite": {"expectations": [ALL_HOLD]}}),
        (Profiling, ["output_uri"], {}),
    ],
)
def test_without_evidence_the_outputs_stay_as_they_were(job, outputs, keys, folder):
    if job is Validation:
        keys = {"suite": {"expectations": [RULE]}, **keys}
    given = spec(folder, *outputs, **keys)
    with pytest.raises(BackendError, match="No space left"):
        job.from_spec(given).run()
    left = {path.name: path.read_bytes() for path in (folder / "out").iterdir()}
    assert left == FullDisk.seen == dict.fromkeys(left, b"of yesterday")
    assert len(left) == len(outputs)


def test_with_evidence_they_appear(folder):
    given = spec(folder, "clean_uri", "quarantine_uri", suite={"expectations": [RULE]})
    outcome = ValidateJob.from_spec(given | {"policy": {"max_quarantine_share": 0.5}}).run()
    assert {len(pd.read_parquet(given[key])) for key in ("clean_uri", "quarantine_uri")} == {99, 1}
    assert outcome.dataset.uri == given["clean_uri"]
    assert sorted(path.suffix for path in (folder / "out").iterdir()) == [".parquet", ".parquet"]
