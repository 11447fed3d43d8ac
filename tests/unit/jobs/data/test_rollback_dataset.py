"""``latest.snapshot`` goes back by one step, with a record, and moves on with the next interval."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.jobs.data.rollback_dataset import RollbackDatasetJob
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.datasets.snapshots import SnapshotFolder
from airflow_mlops_provider.stores.evidence.store import read_evidence


class Lake:
    """A source that is overwritten each day, and the snapshots that were taken of it."""

    def __init__(self, root: str, source: Path) -> None:
        self.source, self.where = source, {"evidence_root": f"{root}/mlops"}
        self.raw = SnapshotFolder(f"{root}/raw")

    def ingest(self, day: int, value: int | None = None, **keys):
        pq.write_table(pa.table({"nr": [value or day] * 10}), self.source)
        start = dt.datetime(2026, 1, day, tzinfo=dt.UTC).isoformat()
        spec = {"source": str(self.source), "output_uri": self.raw.uri, "interval_start": start}
        return run("ingest", {**spec, **self.where, **keys})

    def roll_back(self, **keys):
        return run("rollback_dataset", {"dataset": self.raw.uri, "reason": "hours in minutes", **self.where, **keys})

    @property
    def latest(self) -> int:
        return open_dataset(f"{self.raw.uri}/latest.snapshot").table().column("nr").to_pylist()[0]


@pytest.fixture(params=["disk", "s3"])
def lake(request, tmp_path):
    root = str(tmp_path) if request.param == "disk" else request.getfixturevalue("s3_root")
    found = Lake(root, tmp_path / "source.parquet")
    for day in (1, 2, 3):
        found.ingest(day)
    return found


@pytest.fixture
def on_disk(tmp_path):
    found = Lake(str(tmp_path), tmp_path / "source.parquet")
    for day in (1, 2, 3):
        found.ingest(day)
    return found


def test_latest_goes_back_one_step_and_the_record_says_why_and_verifies(lake):
    taken_back = open_dataset(f"{lake.raw.uri}/latest.snapshot").ref
    outcome = lake.roll_back(person="ada")
    assert (outcome.verdict.status, lake.latest) == (Status.PASS, 2)
    assert outcome.dataset.uri == lake.raw.uri_of("20260102T000000.000000Z")
    details = read_evidence(outcome.evidence_uri).details
    assert (details["reason"], details["person"]) == ("hours in minutes", "ada")
    assert lake.raw.withdrawal("20260103T000000.000000Z").person == "ada"
    assert open_dataset(taken_back).rows == 10, "nothing is removed"
    assert run("verify", {"evidence": outcome.evidence_uri, **lake.where}).verdict.status is Status.PASS


def test_twice_goes_two_steps_back_and_not_beyond_the_first(on_disk):
    on_disk.roll_back()
    on_disk.roll_back()
    assert on_disk.latest == 1
    with pytest.raises(BadInputError, match="there is nothing to go back to: 1 snapshots are published"):
        on_disk.roll_back()


def test_all_after_an_earlier_one_are_taken_back_by_its_name_or_uri(on_disk):
    outcome = on_disk.roll_back(to_snapshot=on_disk.raw.uri_of("20260101T000000.000000Z"))
    assert on_disk.latest == 1
    assert outcome.verdict.summary == "latest is 20260101T000000.000000Z.snapshot again, 2 snapshots taken back"
    on_disk.ingest(4)
    with pytest.raises(BadInputError, match="'to_snapshot': nope is not published before"):
        on_disk.roll_back(to_snapshot="nope")


def test_the_next_interval_moves_latest_on(on_disk):
    on_disk.roll_back()
    on_disk.ingest(4)
    assert on_disk.latest == 4


def test_the_interval_that_was_taken_back_is_taken_over_again_as_a_revision(on_disk):
    on_disk.roll_back()
    again = on_disk.ingest(3, value=33)
    assert again.dataset.uri == on_disk.raw.uri_of("20260103T000000.000000Z-0002")
    assert on_disk.latest == 33
    assert on_disk.ingest(3, value=34).dataset == again.dataset


def test_rows_that_were_taken_back_are_taken_again_by_the_next_increment(tmp_path):
    def take(day: int, count: int) -> None:
        pq.write_table(pa.table({"nr": list(range(count))}), tmp_path / "in.parquet")
        spec = {"source": str(tmp_path / "in.parquet"), "output_uri": str(tmp_path / "raw"), "watermark_column": "nr"}
        start = dt.datetime(2026, 1, day, tzinfo=dt.UTC).isoformat()
        run("ingest", {**spec, "interval_start": start, "evidence_root": str(tmp_path / "mlops")})

    for day in (1, 2):
        take(day, 10 + day)
    run("rollback_dataset", {"dataset": str(tmp_path / "raw"), "reason": "r", "evidence_root": str(tmp_path / "mlops")})
    take(3, 14)
    rows = open_dataset(str(tmp_path / "raw" / "latest.snapshot")).table().column("nr").to_pylist()
    assert rows == list(range(14))


def test_a_retry_goes_back_no_second_step(on_disk, monkeypatch):
    def fails(*_: object, **__: object) -> None:
        raise BackendError("the disk is full")

    monkeypatch.setattr(RollbackDatasetJob, "record", fails)
    with pytest.raises(BackendError):
        on_disk.roll_back(run_key="k")
    monkeypatch.undo()
    assert on_disk.latest == 3, "what was not recorded did not move"
    outcome = on_disk.roll_back(run_key="k")
    assert (outcome.verdict.status, on_disk.latest) == (Status.PASS, 2)
    assert on_disk.roll_back(run_key="k").evidence_uri == outcome.evidence_uri
    assert on_disk.latest == 2


def test_of_two_rollbacks_at_once_one_moves_and_the_other_is_recorded_as_too_late(on_disk):
    class Slow(RollbackDatasetJob):
        def _target(self, *arguments):
            found = super()._target(*arguments)
            on_disk.roll_back(run_key="quicker")
            return found

    outcome = Slow.from_spec({"dataset": on_disk.raw.uri, "reason": "too", **on_disk.where}).run()
    assert (outcome.verdict.status, on_disk.latest) == (Status.FAIL, 2)
    assert "another rollback was quicker" in outcome.verdict.summary


def test_a_target_whose_rows_were_changed_is_refused(on_disk):
    file = Path(on_disk.raw.uri) / on_disk.raw.get("20260102T000000.000000Z").files[0].path
    pq.write_table(pa.table({"nr": [9]}), file)
    outcome = on_disk.roll_back()
    assert (outcome.verdict.status, on_disk.latest) == (Status.FAIL, 3)


@pytest.mark.parametrize("key", ["dataset", "reason"])
def test_an_empty_key_is_refused_by_name(on_disk, key):
    with pytest.raises(BadInputError, match=f"'{key}' is empty"):
        on_disk.roll_back(**{key: " "})
