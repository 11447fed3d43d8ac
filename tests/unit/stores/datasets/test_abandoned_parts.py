"""What a killed writer left half written on S3 goes with a later write in its folder, and nothing else does."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from airflow_mlops_provider.stores.aws_access import s3_filesystem
from airflow_mlops_provider.stores.datasets import abandoned_parts
from airflow_mlops_provider.stores.datasets.abandoned_parts import sweep_objects
from airflow_mlops_provider.stores.datasets.writing import write_dataset

# Is killed when the file is whole and has no name yet.
KILLED = """
import os, signal, sys
from airflow_mlops_provider.stores.datasets.filesystems import writing
with writing(sys.argv[1], inspect=lambda *_: os.kill(os.getpid(), signal.SIGKILL)) as handle:
    handle.write(b"rows")
"""


@pytest.fixture
def folder(s3_root):
    return f"{s3_root}/scores"


def killed(uri):
    command = [sys.executable, "-c", KILLED, uri]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL


def names(folder):
    return [name.rpartition("/")[2] for name in s3_filesystem(keeps_listings=False).ls(folder)]


def sweep(folder, hours):
    path = f"{folder}/2026-02-01.parquet".removeprefix("s3://")
    sweep_objects(s3_filesystem(keeps_listings=True), path, now=datetime.now(UTC) + timedelta(hours=hours))


def test_the_whole_part_of_a_killed_writer_goes_with_a_later_write_of_any_name(folder):
    write_dataset(pa.table({"a": [1]}), f"{folder}/2026-01-30.parquet")
    killed(f"{folder}/2026-01-31.parquet")
    by_a_person = f"{folder}/2026-01-31.parquet.part"
    s3_filesystem(keeps_listings=False).pipe_file(by_a_person, b"mine")
    assert len(names(folder)) == 3
    sweep(folder, hours=0)
    assert len(names(folder)) == 3  # it may still be at work
    sweep(folder, hours=2)
    assert names(folder) == ["2026-01-30.parquet", "2026-01-31.parquet.part"]


def test_a_folder_that_is_not_there_and_a_bucket_that_is_missing_stop_nobody(folder):
    sweep(f"{folder}/new", hours=2)
    sweep("s3://no-such-bucket/scores", hours=2)


def test_a_part_whose_writer_may_still_be_at_work_stays(folder):
    killed(f"{folder}/2026-01-31.parquet")
    write_dataset(pa.table({"a": [1]}), f"{folder}/2026-02-01.parquet")
    assert len(names(folder)) == 2


def test_a_write_sweeps_what_was_left_long_ago(folder, monkeypatch):
    monkeypatch.setattr(abandoned_parts, "ABANDONED_AFTER_SECONDS", -3600)  # S3 dates no object back
    killed(f"{folder}/2026-01-31.parquet")
    write_dataset(pa.table({"a": [1]}), f"{folder}/2026-02-01.parquet")
    assert names(folder) == ["2026-02-01.parquet"]
