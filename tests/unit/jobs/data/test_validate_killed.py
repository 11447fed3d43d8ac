"""A validation killed at any write and retried: the same files, and at no moment half a file."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from airflow_mlops_provider.jobs import run

SUITE = {
    "name": "s",
    "expectations": [{"type": "expect_column_values_to_be_between", "kwargs": {"column": "hours", "min_value": 0}}],
}
# Runs the job and dies at the n-th call of one function, before or after it did its work.
KILLED = """
import importlib, json, os, signal, sys
from airflow_mlops_provider.jobs import run
import airflow_mlops_provider.jobs.data.validate
owner, name, number, when = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
module, _, cls = owner.partition(":")
owner = importlib.import_module(module)
owner = getattr(owner, cls) if cls else owner
original, calls = getattr(owner, name), []
def dying(*arguments, **named):
    calls.append(name)
    if len(calls) == number and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    found = original(*arguments, **named)
    if len(calls) == number and when == "after":
        os.kill(os.getpid(), signal.SIGKILL)
    return found
setattr(owner, name, dying)
run("validate", json.loads(sys.stdin.read()))
"""
MOMENTS = [
    ("pyarrow.parquet:ParquetWriter", "write_batch", 1, "before"),
    ("pyarrow.parquet:ParquetWriter", "write_batch", 3, "after"),
    ("pyarrow.parquet:ParquetWriter", "close", 1, "before"),
    ("pathlib:Path", "replace", 1, "before"),
    ("pathlib:Path", "replace", 1, "after"),
    ("pathlib:Path", "replace", 2, "after"),
    ("os", "link", 1, "before"),
    ("os", "link", 3, "after"),
]


@pytest.mark.parametrize(("owner", "name", "number", "when"), MOMENTS)
def test_a_killed_validation_leaves_whole_files_and_its_retry_the_same_ones(
    tmp_path: Path, owner: str, name: str, number: int, when: str
) -> None:
    rows = pd.DataFrame({"nr": range(400_000), "hours": [-1 if nr % 1000 == 7 else nr for nr in range(400_000)]})
    rows.to_parquet(tmp_path / "in.parquet", index=False)
    spec = {
        "dataset": {"uri": str(tmp_path / "in.parquet")},
        "suite": SUITE,
        "policy": {"max_quarantine_share": 0.1},
        "evidence_root": str(tmp_path / "mlops"),
    }
    outputs = {"clean_uri": tmp_path / "out" / "clean.parquet", "quarantine_uri": tmp_path / "out" / "aside.parquet"}
    spec |= {key: str(path) for key, path in outputs.items()}
    command = [sys.executable, "-c", KILLED, owner, name, str(number), when]
    killed = subprocess.run(command, input=json.dumps(spec), text=True, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    for path, expected in zip(outputs.values(), (399_600, 400), strict=True):
        assert not path.exists() or len(pd.read_parquet(path)) == expected
    run("validate", spec)
    once = {key: path.read_bytes() for key, path in outputs.items()}
    clean, aside = (pd.read_parquet(path) for path in outputs.values())
    both = pd.concat([clean, aside.drop(columns="quarantine_reasons")]).sort_values("nr", ignore_index=True)
    pd.testing.assert_frame_equal(both, rows)
    run("validate", spec)
    assert {key: path.read_bytes() for key, path in outputs.items()} == once
