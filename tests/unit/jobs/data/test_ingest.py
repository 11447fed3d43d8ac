"""Rows are taken over into snapshots that stay."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_mlops_provider.exceptions import BadInputError, IntegrityError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.datasets.dataset import open_dataset

FIRST, SECOND, THIRD = (f"2026-11-{day}T00:00:00+00:00" for day in (28, 29, 30))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "source.parquet"


def rows(start: int, stop: int, **more) -> pa.Table:
    return pa.table(
        {"nr": list(range(start, stop)), **{name: [value] * (stop - start) for name, value in more.items()}}
    )


@pytest.fixture
def ingest(tmp_path: Path, source: Path, evidence_root: str):
    def do(table: pa.Table | None, interval: str = FIRST, **keys):
        if table is not None:
            pq.write_table(table, source)
        spec = {"source": str(source), "output_uri": str(tmp_path / "raw"), "interval_start": interval}
        return run("ingest", {**spec, "evidence_root": evidence_root, **keys})

    return do


def latest(tmp_path: Path) -> list[int]:
    return open_dataset(str(tmp_path / "raw" / "latest.snapshot")).table().column("nr").to_pylist()


def test_the_snapshot_holds_the_rows_of_the_source_and_latest_points_at_it(ingest, tmp_path):
    outcome = ingest(rows(0, 100))
    assert outcome.verdict.status is Status.PASS
    assert outcome.dataset.uri.endswith("/raw/20261128T000000.000000Z.snapshot")
    assert latest(tmp_path) == list(range(100))
    assert open_dataset(outcome.dataset).rows == outcome.dataset.rows == 100


def test_what_was_judged_by_latest_is_called_by_the_snapshot_that_stays(ingest, tmp_path):
    outcome = ingest(rows(0, 100))
    pinned = open_dataset(str(tmp_path / "raw" / "latest.snapshot")).ref
    ingest(rows(0, 90), SECOND)
    assert pinned.uri == outcome.dataset.uri
    assert pinned.fingerprint == outcome.dataset.fingerprint
    assert open_dataset(pinned).rows == 100
    assert latest(tmp_path) == list(range(90))


def test_an_interval_is_taken_over_once_whatever_the_source_holds_by_then(ingest, tmp_path):
    first, again = ingest(rows(0, 100)), ingest(rows(500, 600))
    assert again.dataset == first.dataset
    assert latest(tmp_path) == list(range(100))
    assert again.verdict.summary == "the interval was taken over before (100 in all)"


def test_an_interval_that_is_filled_in_later_does_not_move_latest_back(ingest, tmp_path):
    ingest(rows(0, 100), THIRD)
    filled = ingest(rows(0, 60), FIRST)
    assert filled.dataset.rows == 60
    assert latest(tmp_path) == list(range(100))


def test_an_interval_is_held_against_the_one_before_it_also_when_it_is_filled_in_later(ingest):
    ingest(rows(0, 1000), FIRST)
    ingest(rows(0, 10_000), THIRD, policy={"max_row_change": None})
    assert ingest(rows(0, 900), SECOND).verdict.status is Status.PASS


def test_a_snapshot_that_lost_most_of_its_rows_is_kept_and_not_published(ingest, tmp_path):
    ingest(rows(0, 1000))
    refused = ingest(rows(0, 10), SECOND)
    assert refused.verdict.status is Status.FAIL
    assert open_dataset(refused.dataset).rows == 10
    assert latest(tmp_path) == list(range(1000))


def test_a_refused_snapshot_is_published_once_its_policy_allows_it(ingest, tmp_path):
    ingest(rows(0, 1000))
    ingest(rows(0, 10), SECOND)
    again = ingest(None, SECOND, policy={"max_row_change": 1.0})
    assert again.verdict.status is Status.PASS
    assert latest(tmp_path) == list(range(10))


def test_a_changed_schema_is_named_column_by_column(ingest):
    ingest(rows(0, 10, kept=1.5, gone="a", typed=1))
    outcome = ingest(rows(0, 10, kept=1.5, typed="1", new=True), SECOND)
    found = {finding.measure: finding.subject for finding in outcome.verdict.findings}
    assert outcome.verdict.status is Status.FAIL
    assert found | {"row_change": ""} == {
        "column_removed": "gone",
        "column_type_changed": "typed",
        "column_added": "new",
        "row_change": "",
    }


def test_a_snapshot_whose_file_was_changed_is_refused_by_name(ingest, tmp_path):
    outcome = ingest(rows(0, 100))
    (file,) = (tmp_path / "raw" / "data").iterdir()
    pq.write_table(rows(0, 99), file)
    with pytest.raises(IntegrityError, match=r"20261128T000000\.000000Z\.snapshot changed"):
        _ = open_dataset(outcome.dataset.uri).ref


def test_a_folder_of_snapshots_is_not_read_as_plain_files(ingest, tmp_path):
    ingest(rows(0, 100))
    with pytest.raises(BadInputError, match=r"raw is a folder of snapshots.*latest\.snapshot"):
        open_dataset(str(tmp_path / "raw"))


def test_a_source_that_is_missing_makes_no_snapshot(ingest, tmp_path):
    with pytest.raises(BadInputError, match=r"source\.parquet: no such file"):
        ingest(None)
    assert not (tmp_path / "raw" / "latest.snapshot").exists()


class TestIncrements:
    """With a watermark, only new rows are read."""

    def test_only_rows_beyond_the_watermark_are_added(self, ingest, tmp_path):
        ingest(rows(0, 100), watermark_column="nr")
        outcome = ingest(rows(0, 130), SECOND, watermark_column="nr")
        assert outcome.verdict.summary == "30 rows taken over (130 in all)"
        assert latest(tmp_path) == list(range(130))

    def test_earlier_rows_are_not_written_again(self, ingest, tmp_path):
        ingest(rows(0, 100), watermark_column="nr")
        ingest(rows(0, 130), SECOND, watermark_column="nr")
        sizes = sorted(pq.read_metadata(file).num_rows for file in (tmp_path / "raw" / "data").iterdir())
        assert sizes == [30, 100]

    def test_an_interval_that_is_filled_in_later_takes_no_row_twice(self, ingest, tmp_path):
        ingest(rows(0, 100), FIRST, watermark_column="nr")
        ingest(rows(0, 150), THIRD, watermark_column="nr")
        ingest(rows(0, 150), SECOND, watermark_column="nr")
        assert latest(tmp_path) == list(range(150))

    def test_what_a_refused_snapshot_took_over_is_taken_again_by_the_next(self, ingest, tmp_path):
        ingest(rows(0, 100), FIRST, watermark_column="nr")
        ingest(rows(0, 400), SECOND, watermark_column="nr")
        outcome = ingest(rows(0, 410), THIRD, watermark_column="nr", policy={"max_row_change": None})
        assert outcome.verdict.summary == "310 rows taken over (410 in all)"
        assert latest(tmp_path) == list(range(410))

    def test_a_row_that_comes_late_at_the_watermark_is_taken_by_its_key(self, ingest, tmp_path):
        def delivered(*numbers: int) -> pa.Table:
            return pa.table({"nr": numbers, "day": [dt.date(2026, 11, 28)] * len(numbers)})

        ingest(delivered(1, 2), watermark_column="day", key_columns=["nr"])
        ingest(delivered(1, 2, 3), SECOND, watermark_column="day", key_columns=["nr"])
        assert latest(tmp_path) == [1, 2, 3]

    @pytest.mark.parametrize(
        "values",
        [
            [dt.datetime(2026, 11, 28, 12, 0, 0, 123456, tzinfo=dt.UTC), dt.datetime(2026, 11, 28, 13, tzinfo=dt.UTC)],
            [dt.datetime(2026, 11, 28, 12, 0, 0, 1), dt.datetime(2026, 11, 28, 12, 0, 0, 2)],  # noqa: DTZ001  # no zone
            [dt.date(2026, 11, 28), dt.date(2026, 11, 29)],
            [0.1, 0.1 + 0.2],
            [2**62, 2**62 + 1],
            ["a", "b"],
        ],
        ids=["moments", "times", "days", "floats", "large", "texts"],
    )
    def test_a_watermark_of_any_ordered_type_is_remembered_exactly(self, ingest, tmp_path, values):
        ingest(pa.table({"nr": [1], "at": values[:1]}), watermark_column="at")
        ingest(pa.table({"nr": [1, 2], "at": values}), SECOND, watermark_column="at", policy={"max_row_change": None})
        assert latest(tmp_path) == [1, 2]

    @pytest.mark.parametrize("values", [[1.0, None], [1.0, float("nan")]])
    def test_a_row_without_a_watermark_is_refused_by_its_column(self, ingest, values):
        with pytest.raises(BadInputError, match="rows without a value in 'at'"):
            ingest(pa.table({"nr": [1, 2], "at": values}), watermark_column="at")

    def test_a_watermark_whose_column_has_another_type_now_is_refused(self, ingest):
        ingest(pa.table({"nr": [1], "at": ["b"]}), watermark_column="at")
        with pytest.raises(BadInputError, match=r"'at' .* is int64 now, and the watermark so far is 'b'"):
            ingest(pa.table({"nr": [1], "at": [7]}), SECOND, watermark_column="at")

    def test_a_watermark_column_that_is_not_there_is_refused_by_name(self, ingest):
        with pytest.raises(BadInputError, match="'at'"):
            ingest(rows(0, 3), watermark_column="at")


@pytest.mark.parametrize("text", ["yesterday", "", "2026-13-01"])
def test_an_interval_that_is_no_moment_is_refused(ingest, text):
    with pytest.raises(BadInputError, match="interval_start"):
        ingest(rows(0, 3), text)


def test_a_killed_ingest_that_is_tried_again_loses_no_row_and_takes_none_twice(tmp_path):
    script = Path(__file__).with_name("killed_ingests.py")
    done = subprocess.run([sys.executable, script, tmp_path, "11"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) == 30
    assert all(each["was_killed"] for each in found)
    assert [each["after_kill"] for each in found if each["after_kill"] not in (each["before"], each["wanted"])] == []
    assert [each["after_retry"] for each in found] == [each["wanted"] for each in found]
    assert any(each["after_kill"] != each["before"] for each in found), "no moment lay behind the move of latest"
