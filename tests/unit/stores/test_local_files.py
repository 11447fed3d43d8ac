"""What a killed writer left half written goes with the next write beside it, and nothing else does."""

from __future__ import annotations

import os
import time

import pyarrow as pa

from airflow_mlops_provider.stores.datasets.writing import write_dataset


def test_parts_of_killed_writers_are_swept_and_those_of_others_are_not(tmp_path):
    target = tmp_path / "clean.parquet"
    abandoned = tmp_path / "clean.parquet.123-0a1b2c3d.part"
    at_work = tmp_path / "clean.parquet.124-0a1b2c3d.part"
    of_a_dated_output = tmp_path / "2026-01-31.parquet.125-0a1b2c3d.part"
    by_a_person = tmp_path / "clean.parquet.part"
    for path in (abandoned, at_work, of_a_dated_output, by_a_person):
        path.write_bytes(b"PAR1")
    for path in (abandoned, of_a_dated_output, by_a_person):
        os.utime(path, (time.time() - 7200,) * 2)
    write_dataset(pa.table({"a": [1]}), str(target))
    assert {path.name for path in tmp_path.iterdir()} == {target.name, at_work.name, by_a_person.name}
