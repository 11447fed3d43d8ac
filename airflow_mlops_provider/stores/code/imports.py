"""Which modules a Python source imports, by the text alone: nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator

Read = Callable[[str], bytes | None]
"""The bytes of a file by its name relative to the place of the code, such as ``features/scaling.py``; or ``None``."""


def code_needed(seeds: Iterable[str], read: Read) -> dict[str, bytes]:
    """The modules named ``seeds`` and all that they import, directly or not, as far as ``read`` has it.

    Imports inside functions count too. A module that is only named at run time is not seen.

    :param seeds: dotted names.
    :returns: file name to content, with the ``__init__.py`` of every package on the way.
    """
    found: dict[str, bytes] = {}
    seen: set[str] = set()
    waiting = sorted(seeds)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for file in _files_of(name):
            data = None if file in found else read(file)
            if data is not None:
                found[file] = data
                waiting += imported_names(data, file)
    return found


def module_of(file: str) -> str:
    """The dotted name of the module in ``file``: ``features.scaling`` for ``features/scaling.py``."""
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imported_names(source: bytes, file: str) -> set[str]:
    """Dotted names of all that a source may import; empty for what is no Python, which running it will tell."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return set()
    package = module_of(file) if file.endswith("/__init__.py") else module_of(file).rpartition(".")[0]
    return {name for node in ast.walk(tree) for name in _names_in(node, package)}


def _files_of(name: str) -> Iterator[str]:
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        path = "/".join(parts[:count])
        yield f"{path}/__init__.py"
        yield f"{path}.py"


def _names_in(node: ast.AST, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = _absolute(node.module or "", node.level, package)
        # What is imported from a package may be a module of it.
        yield from (name for name in (base, *(f"{base}.{alias.name}" for alias in node.names)) if name.strip("."))
    elif isinstance(node, ast.Call):
        yield from _literal_import(node, package)


def _absolute(module: str, level: int, package: str) -> str:
    if level == 0:
        return module
    parts = package.split(".") if package else []
    above = parts[: len(parts) - level + 1]
    return ".".join([*above, *([module] if module else [])])


def _literal_import(call: ast.Call, package: str) -> Iterator[str]:
    """The name in ``import_module("features")`` and its like."""
    function = call.func
    called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    first = call.args[0] if call.args else None
    if called in ("import_module", "__import__") and isinstance(first, ast.Constant) and isinstance(first.value, str):
        name = first.value.lstrip(".")
        yield _absolute(name, len(first.value) - len(name), package)
