"""What a job writes as a snapshot: dated, immutable, and ``latest.snapshot`` moves to it."""

from __future__ import annotations

from contextvars import Context
from pathlib import Path

import pyarrow as pa
import pytest

from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.datasets.held_outputs import held_back
from airflow_mlops_provider.stores.datasets.snapshot_output import write_output
from airflow_mlops_provider.stores.datasets.snapshots import SnapshotFolder

DAY = "20261130T000000.000000Z"


@pytest.fixture(params=["disk", "s3"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> SnapshotFolder:
    root = str(tmp_path) if request.param == "disk" else request.getfixturevalue("s3_root")
    return SnapshotFolder(f"{root}/curated")


def write(folder: SnapshotFolder, *numbers: int, name: str = DAY) -> DatasetRef:
    batches = pa.table({"nr": numbers}).to_batches()
    return write_output(batches, f"{folder.uri}/latest.snapshot", source=DatasetRef(uri=f"/raw/{name}.snapshot"))


def latest(folder: SnapshotFolder) -> list[int]:
    return open_dataset(f"{folder.uri}/latest.snapshot").table().column("nr").to_pylist()


def test_it_has_the_interval_of_the_snapshot_that_was_read_and_can_be_read_by_its_reference(folder):
    ref = write(folder, 1, 2)
    assert ref.uri == folder.uri_of(DAY)
    assert open_dataset(ref).ref == ref
    assert latest(folder) == [1, 2]


def test_the_same_rows_again_are_the_same_snapshot(folder):
    assert write(folder, 1) == write(folder, 1)
    assert folder.names() == (DAY,)


def test_other_rows_of_the_interval_are_a_revision_and_the_first_ones_stay(folder):
    first, second = write(folder, 1), write(folder, 2)
    assert second.uri == folder.uri_of(f"{DAY}-0002")
    assert open_dataset(first).table().column("nr").to_pylist() == [1]
    assert latest(folder) == [2]
    write(folder, 1)
    assert (latest(folder), folder.names()[-1]) == ([1], f"{DAY}-0003")


def test_a_revision_of_an_older_interval_does_not_move_latest_back(folder):
    write(folder, 9, name="20261201T000000.000000Z")
    write(folder, 1)
    write(folder, 2)
    assert latest(folder) == [9]


def test_a_source_that_is_no_snapshot_needs_an_interval(folder):
    batches, uri = pa.table({"nr": [1]}).to_batches(), f"{folder.uri}/latest.snapshot"
    with pytest.raises(BadInputError, match="'interval_start' is missing"):
        write_output(batches, uri, source=DatasetRef(uri="/raw.parquet"))
    ref = write_output(batches, uri, source=DatasetRef(uri="/raw.parquet"), interval_start="2026-11-30")
    assert ref.uri == folder.uri_of(DAY)


def test_it_appears_when_what_it_came_from_is_recorded_and_not_before(folder):
    def recorded(*, is_full: bool) -> None:
        with held_back():
            write(folder, 1)
            assert folder.names() == ()
            if is_full:
                raise RuntimeError("the evidence could not be written")

    with pytest.raises(RuntimeError):
        recorded(is_full=True)
    assert (folder.names(), folder.published()) == ((), ())
    recorded(is_full=False)
    assert latest(folder) == [1]


def test_another_writer_with_other_rows_is_told_to_try_again(folder):
    def overtaken() -> None:
        with held_back():
            write(folder, 1)
            Context().run(write, folder, 7)  # as another process, which holds nothing back

    with pytest.raises(BackendError, match="by another writer meanwhile"):
        overtaken()
    write(folder, 1)
    assert latest(folder) == [1]
