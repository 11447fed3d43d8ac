"""A folder of snapshots, on disk and on S3."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.snapshot import Snapshot
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.datasets.fingerprints import content_fingerprint
from airflow_mlops_provider.stores.datasets.snapshots import SnapshotFolder, snapshot_name
from airflow_mlops_provider.stores.datasets.stamps import stamps


@pytest.fixture(params=["disk", "s3"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> SnapshotFolder:
    root = str(tmp_path) if request.param == "disk" else request.getfixturevalue("s3_root")
    return SnapshotFolder(f"{root}/raw")


def made(folder: SnapshotFolder, name: str, *numbers: int) -> Snapshot:
    table = pa.table({"nr": numbers})
    file = folder.write_rows(name, table.to_batches(), table.schema)
    fingerprint = content_fingerprint([bytes.fromhex(file.sha256.removeprefix("sha256:"))])
    snapshot = Snapshot(
        name=name,
        fingerprint=fingerprint,
        files=(file,),
        columns={"nr": "int64"},
        source=DatasetRef(uri="in.parquet"),
        created_at="2026-11-30T00:00:00+00:00",
    )
    return folder.make(snapshot)


def latest(folder: SnapshotFolder) -> list[int]:
    return open_dataset(f"{folder.uri}/latest.snapshot").table().column("nr").to_pylist()


def test_a_published_snapshot_is_read_by_its_name_and_by_latest(folder):
    made(folder, "a", 1, 2)
    folder.publish("a")
    assert latest(folder) == [1, 2]
    data = open_dataset(folder.uri_of("a"))
    assert data.ref.fingerprint == folder.get("a").fingerprint == folder.ref(folder.get("a")).fingerprint


def test_a_snapshot_that_is_not_published_is_read_by_its_name_alone(folder):
    made(folder, "a", 1)
    with pytest.raises(BadInputError, match=r"latest\.snapshot: no such file"):
        open_dataset(f"{folder.uri}/latest.snapshot")
    assert open_dataset(folder.uri_of("a")).rows == 1


def test_of_two_that_make_one_snapshot_the_first_one_stands_for_both(folder):
    first, second = made(folder, "a", 1), made(folder, "a", 2)
    assert first == second
    assert open_dataset(folder.uri_of("a")).table().column("nr").to_pylist() == [1]


def test_latest_is_the_newest_of_all_that_were_published_together(folder):
    names = [f"{number:02d}" for number in range(12)]
    for number, name in enumerate(names):
        made(folder, name, number)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(folder.publish, names))
    assert latest(folder) == [11]
    assert folder.published() == tuple(names)


def test_a_new_snapshot_is_a_new_delivery_at_latest(folder):
    assert stamps(f"{folder.uri}/latest.snapshot") is None
    made(folder, "a", 1)
    folder.publish("a")
    before = stamps(f"{folder.uri}/latest.snapshot")
    made(folder, "b", 2)
    folder.publish("b")
    assert stamps(f"{folder.uri}/latest.snapshot").delivery != before.delivery


@pytest.mark.parametrize("text", ["{}", "[1]", "no JSON", '{"name": "a", "files": [{"path": "../../secret"}]}'])
def test_a_file_that_is_no_snapshot_is_refused_by_name(tmp_path, text):
    (tmp_path / "a.snapshot").write_text(text)
    with pytest.raises(BadInputError, match=r"a\.snapshot"):
        open_dataset(str(tmp_path / "a.snapshot"))


@pytest.mark.parametrize("path", ["/etc/passwd", "../outside.parquet", "data/../../outside.parquet"])
def test_a_snapshot_whose_file_lies_outside_its_folder_is_refused(tmp_path, path):
    folder = SnapshotFolder(str(tmp_path))
    made(folder, "a", 1)
    place = tmp_path / "a.snapshot"
    place.write_text(place.read_text().replace(folder.get("a").files[0].path, path))
    with pytest.raises(BadInputError, match="lies outside its folder"):
        open_dataset(str(place))


def test_a_filesystem_without_an_exclusive_create_is_refused_by_name():
    with pytest.raises(BadInputError, match=r"memory://raw/a\.snapshot cannot be created exclusively"):
        made(SnapshotFolder("memory://raw"), "a", 1)


@given(st.datetimes(), st.datetimes())
def test_names_sort_as_their_moments_do(one, other):
    names = snapshot_name(one.isoformat()), snapshot_name(other.isoformat())
    assert (names[0] < names[1]) == (one < other)
    assert (names[0] == names[1]) == (one == other)


def test_a_moment_in_another_zone_is_the_same_interval():
    assert snapshot_name("2026-11-30T02:00:00+02:00") == snapshot_name("2026-11-30") == "20261130T000000.000000Z"
