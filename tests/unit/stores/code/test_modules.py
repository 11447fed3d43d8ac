from __future__ import annotations

import importlib
import importlib.resources
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from airflow_mlops_provider.stores.code.modules import placed, release_modules, use_modules

PACKAGE = {
    "own_pack/__init__.py": b"",
    "own_pack/a.py": b"from own_pack import b\ndef late():\n    from . import c\n    return c.VALUE\n",
    "own_pack/b.py": b"from . import a\nNAME = a.__name__\n",
    "own_pack/c.py": b"VALUE = 3\n",
}


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    finders, modules = list(sys.meta_path), set(sys.modules)
    yield
    sys.meta_path[:] = finders
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def used(files: dict[str, bytes], name: str, folder: str = "/no/such/folder") -> ModuleType:
    use_modules(files, folder)
    return importlib.import_module(name)


def test_modules_that_import_each_other_by_name_relatively_and_late_run_from_their_bytes():
    a = used(PACKAGE, "own_pack.a")
    assert a.b.NAME == "own_pack.a"
    assert a.late() == 3


def test_a_folder_without_init_is_a_package_and_shares_its_name(tmp_path, monkeypatch):
    (tmp_path / "own_bare").mkdir()
    (tmp_path / "own_bare" / "installed.py").write_text("VALUE = 2")
    monkeypatch.syspath_prepend(tmp_path)
    assert used({"own_bare/packed.py": b"VALUE = 1"}, "own_bare.packed").VALUE == 1
    assert importlib.import_module("own_bare.installed").VALUE == 2
    assert used({"own_alone/deep/packed.py": b"VALUE = 4"}, "own_alone.deep.packed").VALUE == 4


def test_other_code_of_the_same_names_takes_the_place_of_the_earlier():
    assert used({"own_one.py": b"import own_two", "own_two.py": b"VALUE = 1"}, "own_one").own_two.VALUE == 1
    assert used({"own_one.py": b"import own_two", "own_two.py": b"VALUE = 2"}, "own_one").own_two.VALUE == 2


def test_code_that_is_released_no_longer_hides_an_installed_module(tmp_path, monkeypatch):
    (tmp_path / "own_hidden.py").write_text("VALUE = 'installed'")
    monkeypatch.syspath_prepend(tmp_path)
    assert used({"own_hidden.py": b"VALUE = 'beside'"}, "own_hidden").VALUE == "beside"
    release_modules(["own_hidden"])
    assert importlib.import_module("own_hidden").VALUE == "installed"


def test_a_module_says_where_it_lies(tmp_path):
    use_modules({"own_placed.py": b""}, "/root", {"own_placed.py": "/elsewhere/own_placed.py"})
    assert importlib.import_module("own_placed").__file__ == "/elsewhere/own_placed.py"


def test_what_a_package_kept_of_earlier_code_is_forgotten():
    first = used(PACKAGE, "own_pack.a")
    second = used(PACKAGE | {"own_pack/c.py": b"VALUE = 4\n"}, "own_pack.a")
    assert (first is second, second.late()) == (False, 4)


def test_code_finds_the_files_that_travel_with_it():
    files = {"own_reads/__init__.py": b"", "own_reads/words.txt": b"words"}
    package = used(files, "own_reads", folder=placed(files))
    assert Path(package.__file__).with_name("words.txt").read_text() == "words"
    assert importlib.resources.files(package).joinpath("words.txt").read_text() == "words"


def test_a_traceback_shows_the_lines_that_ran():
    module = used({"own_faulty.py": b"def f():\n    raise KeyError  # here\n"}, "own_faulty")
    with pytest.raises(KeyError) as caught:
        module.f()
    assert "raise KeyError  # here" in "".join(traceback.format_exception(caught.value))
