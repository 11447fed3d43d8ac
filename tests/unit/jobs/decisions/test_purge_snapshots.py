"""Old snapshots of data go with a tombstone; what something needs stays, and a kill at any moment loses nothing."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.codec import decode
from airflow_mlops_provider.records.reports.purge import PurgeReport
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.chains.retention import Reason, retention_chain, snapshot_tombstones_in
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.datasets.snapshots import SnapshotFolder
from airflow_mlops_provider.stores.evidence.store import EvidenceStore, read_evidence

AT_ONCE = 1e-9
"""Days: whatever was written before this line is past its time."""
SUITE = {"name": "s", "expectations": [{"type": "expect_column_to_exist", "kwargs": {"column": "nr"}}]}


class Lake:
    """A source that is overwritten each day, and the snapshots that were taken of it."""

    def __init__(self, root: str, source: Path) -> None:
        self.root, self.source = root, source
        self.where = {"evidence_root": f"{root}/mlops"}
        self.raw = SnapshotFolder(f"{root}/lake/raw")

    def ingest(self, day: int, **keys):
        pq.write_table(pa.table({"nr": list(range(100 * day, 100 * day + 100))}), self.source)
        start = dt.datetime(2026, 1, day, tzinfo=dt.UTC).isoformat()
        spec = {"source": str(self.source), "output_uri": self.raw.uri, "interval_start": start}
        return run("ingest", {**spec, **self.where, **keys})

    def purge(self, **keys):
        spec = {"retention_days": 30, "snapshots": [f"{self.root}/lake"], "snapshot_days": AT_ONCE}
        outcome = run("purge", {**spec, **self.where, **keys})
        return outcome, decode(PurgeReport, read_evidence(outcome.evidence_uri).report).snapshots

    def days(self) -> list[int]:
        return [int(name[6:8]) for name in self.raw.names()]

    def forget(self) -> None:
        """Let the evidence so far be past its time, and gone."""
        run("purge", {"retention_days": AT_ONCE, **self.where})

    def data(self) -> list[str]:
        return self.raw._listed("/data")


@pytest.fixture(params=["disk", "s3"])
def lake(request, tmp_path):
    root = str(tmp_path) if request.param == "disk" else request.getfixturevalue("s3_root")
    return Lake(root, tmp_path / "source.parquet")


@pytest.fixture
def on_disk(tmp_path):
    return Lake(str(tmp_path), tmp_path / "source.parquet")


def test_old_snapshots_go_with_a_tombstone_and_the_newest_two_stay(lake):
    made = [lake.ingest(day).dataset for day in (1, 2, 3, 4)]
    lake.forget()
    outcome, purged = lake.purge()
    assert outcome.verdict.status is Status.PASS
    assert (purged.folders, [each.uri for each in purged.tombstones]) == (1, [made[0].uri, made[1].uri])
    assert purged.reasons == {str(Reason.NEWEST): 2}
    assert lake.days() == [3, 4]
    assert open_dataset(f"{lake.raw.uri}/latest.snapshot").ref.uri == made[3].uri
    stones = snapshot_tombstones_in(retention_chain(EvidenceStore(f"{lake.root}/mlops")).links())
    assert {each.fingerprint for each in stones} == {made[0].fingerprint, made[1].fingerprint}
    assert "and 2 snapshots of data older than" in outcome.verdict.summary
    assert run("verify", {"evidence": outcome.evidence_uri, **lake.where}).verdict.status is Status.PASS


def test_what_evidence_in_its_term_refers_to_stays_under_whatever_name_it_is_asked_for(on_disk, monkeypatch):
    made = [on_disk.ingest(day).dataset for day in (1, 2, 3, 4)]
    on_disk.forget()
    monkeypatch.chdir(on_disk.root)
    run("validate", {"dataset": f"lake/raw/{made[0].uri.rpartition('/')[2]}", "suite": SUITE, **on_disk.where})
    _, purged = on_disk.purge()
    assert on_disk.days() == [1, 3, 4]
    assert purged.reasons == {str(Reason.IN_TERM): 1, str(Reason.NEWEST): 2}


def test_data_files_that_a_snapshot_refers_to_stay_and_the_others_go(on_disk):
    def add(count: int, day: int) -> None:
        pq.write_table(pa.table({"nr": list(range(count))}), on_disk.source)
        start = dt.datetime(2026, 1, day, tzinfo=dt.UTC).isoformat()
        spec = {"source": str(on_disk.source), "output_uri": on_disk.raw.uri, "interval_start": start}
        run("ingest", {**spec, "watermark_column": "nr", **on_disk.where})

    for day in (1, 2, 3, 4):
        add(100 + day, day)
    (Path(on_disk.raw.uri) / "data" / "left-by-a-kill.parquet").write_bytes(b"half")
    on_disk.forget()
    on_disk.purge()
    assert (on_disk.days(), len(on_disk.data())) == ([3, 4], 5), "a young file may belong to a snapshot on its way"
    for file in on_disk.data():
        old = time.time() - 2 * 86400
        os.utime(Path(on_disk.raw.uri) / "data" / file, (old, old))
    _, purged = on_disk.purge()
    assert purged.files == 1
    assert open_dataset(f"{on_disk.raw.uri}/latest.snapshot").rows == 104


def test_a_preview_removes_nothing_and_says_what_would_go(on_disk):
    for day in (1, 2, 3):
        on_disk.ingest(day)
    on_disk.forget()
    outcome, purged = on_disk.purge(preview=True)
    assert len(purged.tombstones) == 1
    assert on_disk.days() == [1, 2, 3]
    assert "would be removed" in outcome.verdict.summary


def test_without_folders_no_snapshot_goes(on_disk):
    for day in (1, 2, 3):
        on_disk.ingest(day)
    _, purged = on_disk.purge(snapshots=[], snapshot_days=None, retention_days=AT_ONCE)
    assert purged is None
    assert on_disk.days() == [1, 2, 3]


def test_an_interval_that_is_taken_over_again_after_a_purge_is_not_taken_for_the_one_that_went(on_disk):
    for day in (1, 2, 3):
        on_disk.ingest(day)
    on_disk.forget()
    on_disk.purge()
    on_disk.ingest(1)
    on_disk.forget()
    _, purged = on_disk.purge(snapshot_days=30)
    assert purged.finished == 0
    assert on_disk.days() == [1, 2, 3]


def test_a_snapshot_whose_predecessor_went_can_be_asked_for_again(on_disk):
    made = [on_disk.ingest(day).dataset for day in (1, 2, 3)]
    on_disk.forget()
    on_disk.purge()
    again = on_disk.ingest(2)
    assert (again.dataset, again.verdict.status) == (made[1], Status.PASS)


def test_an_age_of_snapshots_without_folders_is_refused():
    with pytest.raises(BadInputError, match="'snapshot_days' is of use with 'snapshots' alone"):
        run("purge", {"retention_days": 1, "snapshot_days": 1})


def test_a_killed_purge_is_finished_by_the_next_and_what_is_left_can_be_read_at_any_moment(tmp_path):
    script = Path(__file__).with_name("killed_snapshot_purges.py")
    done = subprocess.run([sys.executable, script, tmp_path, "5"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) == 30
    assert all(each["was_killed"] for each in found)
    assert all(each["readable_after_kill"] for each in found)
    assert all(each["after_retry"] == each["wanted"] for each in found)
    assert any(each["after_kill"] != each["before"] for each in found), "no kill lay within the removal"
    assert any(each["after_kill"] not in (each["before"], each["wanted"]) for each in found), "none lay in its midst"
