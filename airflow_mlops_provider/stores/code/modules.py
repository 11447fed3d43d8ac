"""Modules that are run from bytes in memory, so that what runs is what was hashed: no file, no bytecode cache."""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Iterable, Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.readers import FileReader
from pathlib import Path
from types import ModuleType
from typing import Any

from airflow_mlops_provider.stores.code.imports import module_of


class CodeFinder(MetaPathFinder):
    """Finds the modules of some code under their own names, before any that lies on Python's path.

    :param files: file name to content, as :func:`~airflow_mlops_provider.stores.code.sources.code_of` has them.
    :param folder: where the files lie as ``__file__`` says; modules that the code does not hold are looked for there.
    :param places: file name to path, for those that lie elsewhere.
    """

    def __init__(self, files: Mapping[str, bytes], folder: str, places: Mapping[str, str] | None = None) -> None:
        self.files = dict(files)
        self.folder = folder
        self._places = places or {}
        # A package hides a module of its name, as Python has it.
        named = sorted((file for file in files if file.endswith(".py")), key=lambda file: file.endswith("/__init__.py"))
        self.modules = {module_of(file): file for file in named}
        self.bare = {parent for name in self.modules for parent in _parents(name)} - set(self.modules)

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """How to load the module ``fullname``; ``None`` when the code does not hold it."""
        file = self.modules.get(fullname)
        if file is not None:
            return self.spec_of(fullname, CodeLoader(self.place_of(file), self.files[file]))
        if fullname in self.bare:
            # A folder without an __init__.py is shared with whatever else lies in folders of its name.
            return PathFinder.find_spec(fullname, path, target) or self.bare_spec(fullname)
        return None

    def place_of(self, file: str) -> str:
        """What ``__file__`` says for ``file``."""
        return self._places.get(file, f"{self.folder}/{file}")

    def spec_of(self, fullname: str, loader: CodeLoader) -> ModuleSpec:
        """What Python asks to know of the module ``fullname``."""
        is_package = loader.path.endswith("/__init__.py")
        spec = ModuleSpec(fullname, loader, origin=loader.path, is_package=is_package)
        spec.has_location = True
        if is_package:
            spec.submodule_search_locations = [loader.path.removesuffix("/__init__.py")]
        return spec

    def bare_spec(self, fullname: str) -> ModuleSpec:
        """What Python asks to know of a package that is a folder alone."""
        spec = ModuleSpec(fullname, None, is_package=True)
        spec.submodule_search_locations = [f"{self.folder}/{fullname.replace('.', '/')}"]
        return spec


class CodeLoader(Loader):
    """Runs one module from its bytes.

    :param path: what ``__file__`` says.
    :param source: the bytes to run.
    """

    def __init__(self, path: str, source: bytes) -> None:
        self.path = path
        self._source = source

    def exec_module(self, module: ModuleType) -> None:
        """Run the module."""
        # Not importlib's loader: its bytecode cache could run an older file than the one that is hashed.
        exec(compile(self._source, self.path, "exec"), module.__dict__)  # noqa: S102  # the user's own code

    def get_source(self, fullname: str) -> str:  # noqa: ARG002  # Python's signature
        """The text, for tracebacks."""
        return self._source.decode(errors="replace")

    def get_resource_reader(self, fullname: str) -> Any:  # noqa: ARG002  # Python's signature
        """Reads files beside the module, for ``importlib.resources``."""
        return FileReader(self)  # type: ignore[arg-type]  # it needs the path of its loader alone


_lock = threading.RLock()
_in_use: list[CodeFinder] = []


def use_modules(files: Mapping[str, bytes], folder: str, places: Mapping[str, str] | None = None) -> None:
    """Let ``files`` be imported under their own names in this process, from now on.

    Modules of these names that are loaded already are forgotten: they may be another model's, or an older text.

    :param folder: see :class:`CodeFinder`.
    :param places: as above.
    """
    finder = CodeFinder(files, folder, places)
    with _lock:
        release_modules(finder.modules)
        _forget(finder)
        sys.meta_path.insert(0, finder)
        _in_use.append(finder)


def release_modules(names: Iterable[str]) -> None:
    """Let code that was brought in use before no longer stand for the modules ``names``."""
    with _lock:
        for earlier in [each for each in _in_use if not set(each.modules).isdisjoint(names)]:
            _drop(earlier)


def placed(files: Mapping[str, bytes]) -> str:
    """A new folder that holds ``files``, for code that reads what lies beside it."""
    folder = tempfile.mkdtemp(prefix="mlops-code-")
    for name, data in files.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def _drop(finder: CodeFinder) -> None:
    _in_use.remove(finder)
    if finder in sys.meta_path:
        sys.meta_path.remove(finder)
    _forget(finder)


def _forget(finder: CodeFinder) -> None:
    for name in finder.modules:
        sys.modules.pop(name, None)
        parent, _, last = name.rpartition(".")
        if parent in sys.modules:
            vars(sys.modules[parent]).pop(last, None)
