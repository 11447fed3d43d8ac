from __future__ import annotations

import os

import pytest

from airflow_mlops_provider.stores.evidence.listings import list_folder


def age(folder):
    """As if nothing had come or gone for a long time."""
    os.utime(folder, ns=(10**18, 10**18))


def test_a_folder_that_was_still_is_listed_once(tmp_path):
    (tmp_path / "b").touch()
    (tmp_path / "a").mkdir()
    (tmp_path / ".part").touch()
    age(tmp_path)
    found = list_folder(str(tmp_path))
    assert (found.names, found.folders, found.files) == (("a", "b"), ("a",), ("b",))
    assert list_folder(str(tmp_path)) is found


@pytest.mark.parametrize("change", ["comes", "goes"])
def test_a_folder_is_listed_again_when_a_file_comes_or_goes(tmp_path, change):
    (tmp_path / "a").touch()
    age(tmp_path)
    assert list_folder(str(tmp_path)).names == ("a",)
    if change == "comes":
        (tmp_path / "b").touch()
    else:
        (tmp_path / "a").unlink()
    assert list_folder(str(tmp_path)).names == (("a", "b") if change == "comes" else ())


def test_a_folder_that_changed_just_now_is_listed_each_time_because_its_clock_may_be_coarse(tmp_path):
    (tmp_path / "a").touch()
    state = tmp_path.stat()
    assert list_folder(str(tmp_path)).names == ("a",)
    (tmp_path / "b").touch()
    os.utime(tmp_path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert list_folder(str(tmp_path)).names == ("a", "b")


def test_another_folder_in_the_same_place_is_listed_anew(tmp_path):
    place = tmp_path / "kind"
    for name in ("first", "second"):
        place.mkdir()
        (place / name).touch()
        age(place)
        assert list_folder(str(place)).names == (name,)
        place.rename(tmp_path / name)


def test_a_folder_that_is_none_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        list_folder(str(tmp_path / "none"))
