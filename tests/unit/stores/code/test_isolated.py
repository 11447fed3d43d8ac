from __future__ import annotations

import dataclasses
import importlib
import sys
import traceback
import typing
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_mlops_provider.stores.code.isolated import isolated

SHARED = {
    "own_top.py": b"""
import importlib, own_pack.part, json
import own_pack.part as part
from own_pack import part as same, CONSTANT
from own_pack.part import Base
def late():
    import own_late
    return own_late.VALUE
def by_name(name):
    return importlib.import_module(name).VALUE
class Child(Base):
    pass
def is_mine(thing):
    return isinstance(thing, own_pack.part.Base)
""",
    "own_pack/__init__.py": b"CONSTANT = 1\n",
    "own_pack/part.py": b"from . import other\nimport own_top\nclass Base:\n    VALUE = other.VALUE\n",
    "own_pack/other.py": b"VALUE = 'A'\n",
    "own_late.py": b"VALUE = 'late A'\n",
}


def other_version() -> dict[str, bytes]:
    return SHARED | {"own_pack/other.py": b"VALUE = 'B'\n", "own_late.py": b"VALUE = 'late B'\n"}


def test_two_versions_of_the_same_modules_stand_side_by_side():
    first, second = (isolated(files).import_module("own_top") for files in (SHARED, other_version()))
    assert (first.Child.VALUE, second.Child.VALUE) == ("A", "B")
    assert (first.late(), second.late()) == ("late A", "late B")
    assert first.is_mine(first.Child())
    assert not first.is_mine(second.Child())


def test_every_way_to_import_leads_to_the_same_module_of_the_version():
    top = isolated(SHARED).import_module("own_top")
    assert top.own_pack.part is top.part is top.same
    assert top.part.own_top is top
    assert top.by_name("own_late") == "late A"
    assert top.json is sys.modules["json"]


def test_no_module_of_a_version_stands_under_its_plain_name():
    isolated(other_version()).import_module("own_top").late()
    assert not {"own_top", "own_pack", "own_pack.part", "own_late"} & set(sys.modules)


def test_a_module_of_its_name_elsewhere_is_neither_used_nor_changed(tmp_path, monkeypatch):
    (tmp_path / "own_late.py").write_text("VALUE = 'elsewhere'")
    monkeypatch.syspath_prepend(tmp_path)
    elsewhere = importlib.import_module("own_late")
    assert isolated(SHARED).import_module("own_top").late() == "late A"
    assert sys.modules.pop("own_late") is elsewhere


def test_the_same_code_has_the_same_modules():
    again = dict(reversed(SHARED.items()))
    assert isolated(SHARED).import_module("own_top") is isolated(again).import_module("own_top")


def test_threads_that_load_versions_at_once_get_their_own():
    versions = [{"own_slow.py": b"import own_value\ndef get():\n    from own_value import VALUE\n    return VALUE\n"}]
    versions = [versions[0] | {"own_value.py": f"VALUE = {number}".encode()} for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda files: isolated(files).import_module("own_slow").get(), versions * 10))
    assert found == list(range(20)) * 10


def test_a_module_that_is_not_among_the_code_is_named():
    files = {"own_pack/__init__.py": b"", "own_pack/a.py": b"def f():\n    from .gone import x\n"}
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'own_pack\.gone' in the code stored with"):
        isolated(files).import_module("own_pack.a").f()


@pytest.mark.parametrize("statement", ["import own_live", "import own_bare.live", "import_module('own_live')"])
def test_code_of_the_user_that_was_not_stored_is_never_used(tmp_path, monkeypatch, statement):
    (tmp_path / "own_bare").mkdir()
    for name in ("own_live.py", "own_bare/live.py"):
        (tmp_path / name).write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    files = {"own_uses.py": f"from importlib import import_module\n{statement}".encode(), "own_bare/kept.py": b""}
    with pytest.raises(ModuleNotFoundError, match=r"live' in the code stored with the version"):
        isolated(files).import_module("own_uses")


def test_an_optional_module_that_nobody_has_is_optional():
    files = {"own_optional.py": b"try:\n    import nobody_has_this\nexcept ImportError:\n    VALUE = 1\n"}
    assert isolated(files).import_module("own_optional").VALUE == 1


def test_annotations_and_dataclasses_find_their_module():
    source = b"""
from __future__ import annotations
import dataclasses
from typing import ClassVar
@dataclasses.dataclass
class Row:
    kind: ClassVar[int] = 3
    width: Width = 1
class Width(int):
    pass
"""
    module = isolated({"own_rows.py": source}).import_module("own_rows")
    assert [field.name for field in dataclasses.fields(module.Row)] == ["width"]
    assert typing.get_type_hints(module.Row)["width"] is module.Width


def test_a_traceback_shows_the_lines_of_the_version():
    module = isolated({"own_faulty.py": b"def f():\n    raise KeyError  # of this version\n"}).import_module(
        "own_faulty"
    )
    with pytest.raises(KeyError) as caught:
        module.f()
    assert "raise KeyError  # of this version" in "".join(traceback.format_exception(caught.value))


def test_files_that_travel_with_the_code_are_read_from_the_version():
    source = b"from pathlib import Path\nWORDS = Path(__file__).with_name('words.txt').read_text()\n"
    for words in (b"one", b"two"):
        code = isolated({"own_reads.py": source, "words.txt": words})
        assert code.import_module("own_reads").WORDS.encode() == words
