from __future__ import annotations

import pytest

from airflow_mlops_provider.stores.code.imports import code_needed, imported_names


@pytest.mark.parametrize(
    ("source", "file", "expected"),
    [
        ("import a, b.c", "m.py", {"a", "b.c"}),
        ("from a import b", "m.py", {"a", "a.b"}),
        ("def f():\n    import late", "m.py", {"late"}),
        ("from . import b", "p/m.py", {"p", "p.b"}),
        ("from .b import c", "p/__init__.py", {"p.b", "p.b.c"}),
        ("from ..b import c", "p/q/m.py", {"p.b", "p.b.c"}),
        ("import importlib\nimportlib.import_module('by.name')", "m.py", {"importlib", "by.name"}),
        ("from importlib import import_module\nimport_module('.x', __package__)", "p/m.py", {"p.x"}),
        ("__import__('x')", "m.py", {"x"}),
        ("this is no Python", "m.py", set()),
        ("\0", "m.py", set()),
    ],
)
def test_every_way_to_import_is_seen(source, file, expected):
    found = imported_names(source.encode(), file)
    assert expected <= found
    assert found <= expected | {"importlib.import_module", "importlib"}


def test_modules_that_import_each_other_come_with_their_packages():
    files = {
        "t.py": b"import p.a",
        "p/__init__.py": b"",
        "p/a.py": b"from p import b",
        "p/b.py": b"from . import a\nimport elsewhere",
        "p/c.py": b"",
    }
    assert sorted(code_needed(["t"], files.get)) == ["p/__init__.py", "p/a.py", "p/b.py", "t.py"]
