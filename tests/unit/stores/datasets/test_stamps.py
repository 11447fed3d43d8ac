"""Marks of files that cost no reading: what they notice, and when they can be relied on."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import fsspec
import pytest
import s3fs
from fsspec.implementations.memory import MemoryFileSystem

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.stores.datasets.stamps import stamp, stamps

ONE, OTHER = b"a,b\n1,2\n", b"a,b\n3,4\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    place = tmp_path / "batch.csv"
    place.write_bytes(ONE)
    return place


def test_nothing_there_has_no_marks(tmp_path: Path) -> None:
    assert stamps(str(tmp_path / "none.csv")) is None
    assert stamps(str(tmp_path)) is None
    assert stamps(str(tmp_path / "*.csv")) is None


def test_the_same_files_have_the_same_marks(file: Path) -> None:
    assert stamps(str(file)) == stamps(str(file))
    assert stamp(str(file)) == stamps(str(file)).delivery


def test_what_is_written_again_is_another_delivery(file: Path) -> None:
    before = stamps(str(file))
    os.utime(file, ns=(1, 1))
    after = stamps(str(file))
    assert (before.delivery != after.delivery, before.state != after.state) == (True, True)


def test_a_file_of_the_same_size_and_time_in_place_of_another_is_another_state(file: Path) -> None:
    before, times = stamps(str(file)), file.stat()
    other = file.with_name("other")
    other.write_bytes(OTHER)
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(file)
    after = stamps(str(file))
    assert (before.delivery == after.delivery, before.state != after.state) == (True, True)


def test_a_file_that_is_put_back_is_another_state(file: Path) -> None:
    before, aside = stamps(str(file)), file.with_name("aside")
    file.rename(aside)
    shutil.copy2(aside, file)
    aside.replace(file)
    after = stamps(str(file))
    assert (before.delivery == after.delivery, before.state != after.state) == (True, True)


def test_a_file_that_was_written_a_moment_ago_may_change_unnoticed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not stamps(str(file)).is_settled
    monkeypatch.setattr("airflow_mlops_provider.stores.datasets.stamps.SETTLED_SECONDS", -60.0)
    assert stamps(str(file)).is_settled


class Timeless(MemoryFileSystem):
    """A store that tells no times."""

    protocol = "timeless"

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(path.replace("timeless://", "memory://"))

    def info(self, path, **keys):
        return {"name": path, "size": super().info(path, **keys)["size"], "type": "file"}


def test_a_store_without_times_is_never_settled() -> None:
    fsspec.register_implementation("timeless", Timeless, clobber=True)
    fsspec.filesystem("timeless").pipe_file("/stamps/batch.csv", ONE)
    assert not stamps("timeless://stamps/batch.csv").is_settled


def test_an_object_on_s3_is_settled_by_its_etag_and_delivered_by_its_time(s3_root: str) -> None:
    client = s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)
    uri = f"{s3_root}/batch.csv"
    client.pipe_file(uri, ONE)
    before = stamps(uri)
    assert before.is_settled
    client.pipe_file(uri, OTHER)  # within the second that LastModified tells
    assert stamps(uri).state != before.state
    modified = client.info(uri)["LastModified"]
    while client.info(uri, refresh=True)["LastModified"] == modified:
        client.pipe_file(uri, OTHER)
    assert stamps(uri).delivery != before.delivery


def test_a_folder_has_other_marks_when_a_file_comes(file: Path) -> None:
    before = stamps(str(file.parent))
    file.with_name("later.csv").write_bytes(ONE)
    assert stamps(str(file.parent)).delivery != before.delivery


def test_a_place_that_is_no_dataset_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".hoodie").mkdir()
    (tmp_path / ".hoodie" / "hoodie.properties").write_text("{}")
    with pytest.raises(BadInputError, match="Hudi"):
        stamps(str(tmp_path))
