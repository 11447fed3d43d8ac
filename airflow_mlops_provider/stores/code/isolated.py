"""Modules of one version of a model, apart from every other module of their names in the process.

They bear the hash of their code before their name, so that two versions with different code of one module stand side
by side, whatever thread asks. Their imports of each other, by name, relative or late, lead to modules of the same code.
"""

from __future__ import annotations

import builtins
import importlib
import sys
import threading
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from airflow_mlops_provider.stores.code.archive import code_digest
from airflow_mlops_provider.stores.code.modules import CodeFinder, CodeLoader, placed
from airflow_mlops_provider.stores.code.sources import is_own


class IsolatedCode(CodeFinder):
    """The modules of some code, under names that no other code has.

    :param files: file name to content.
    :param prefix: the package that they all lie in.
    """

    def __init__(self, files: Mapping[str, bytes], prefix: str) -> None:
        reads = any(not file.endswith(".py") for file in files)
        super().__init__(files, placed(files) if reads else f"<{prefix}>")
        self.prefix = prefix
        self.builtins = {**vars(builtins), "__import__": self._import}
        self._importlib = _Importlib(self)
        self._known: set[str] = set()

    def holds(self, name: str) -> bool:
        """Whether the module ``name`` is part of the code."""
        return name in self.modules or name in self.bare

    def name_of(self, module: str) -> str:
        """The name of a module of the code in this process; of any other module, that name itself."""
        return f"{self.prefix}.{module}" if self.holds(module) else module

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002  # Python's signature
        target: ModuleType | None = None,  # noqa: ARG002  # as above
    ) -> ModuleSpec:
        """How to load a module by its name in this process; raises ``ModuleNotFoundError`` with its plain name."""
        name = fullname.removeprefix(self.prefix).removeprefix(".")
        file = self.modules.get(name)
        if file is not None:
            return self.spec_of(fullname, _IsolatedLoader(self.place_of(file), self.files[file], self.builtins))
        if name and name not in self.bare:
            raise ModuleNotFoundError(f"No module named {name!r} in the code stored with the version", name=fullname)
        return self.bare_spec(fullname)

    def import_module(self, name: str, package: str | None = None) -> ModuleType:
        """As :func:`importlib.import_module`, where the names of the code mean its own modules."""
        if not name.startswith("."):
            self._require_known(name)
        return importlib.import_module(self.name_of(name), package)

    def _require_known(self, name: str) -> None:
        """Refuse a module of the user that is not part of the code: it could be edited, and nobody would notice."""
        if name in self._known or self.holds(name):
            return
        if is_own(name) or _is_left_over(name):
            raise ModuleNotFoundError(f"No module named {name!r} in the code stored with the version", name=name)
        self._known.add(name)

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002  # the names of Python's __import__
        locals: Mapping[str, Any] | None = None,  # noqa: A002  # as above
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """What the import statements in the code call."""
        if level == 0:
            self._require_known(name)
        if level == 0 and self.holds(name):
            inside = builtins.__import__(self.name_of(name), globals, locals, fromlist or ("__name__",), 0)
            return inside if fromlist else sys.modules[f"{self.prefix}.{name.partition('.')[0]}"]
        found = builtins.__import__(name, globals, locals, fromlist or (), level)
        return self._importlib if found is importlib else found


def _is_left_over(name: str) -> bool:
    """Whether a module is loaded that only a training of this process can have found, beside its declaration."""
    top = name.partition(".")[0]
    others = [finder for finder in sys.meta_path if not isinstance(finder, CodeFinder)]
    return top in sys.modules and not any(finder.find_spec(top, None) for finder in others)


class _IsolatedLoader(CodeLoader):
    def __init__(self, path: str, source: bytes, own_builtins: dict[str, Any]) -> None:
        super().__init__(path, source)
        self._builtins = own_builtins

    def exec_module(self, module: ModuleType) -> None:
        # Every function of the module imports by the builtins that its module had when it was defined.
        module.__dict__["__builtins__"] = self._builtins
        super().exec_module(module)


class _Importlib(ModuleType):
    """Python's ``importlib`` for code that imports its own modules by a name made up at run time."""

    def __init__(self, code: IsolatedCode) -> None:
        super().__init__("importlib")
        self.import_module = code.import_module

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib, name)


class _ByPrefix(MetaPathFinder):
    """Asks the code whose prefix a name bears."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        code = _loaded.get(fullname.partition(".")[0])
        return None if code is None else code.find_spec(fullname, path, target)


_lock = threading.Lock()
_loaded: dict[str, IsolatedCode] = {}
_finder = _ByPrefix()


def isolated(files: Mapping[str, bytes]) -> IsolatedCode:
    """The modules of ``files``, ready to be imported; the same code has the same modules.

    :param files: file name to content, verified.
    """
    prefix = f"mlops_code_{code_digest(files).removeprefix('sha256:')[:32]}"
    with _lock:
        if prefix not in _loaded:
            _loaded[prefix] = IsolatedCode(files, prefix)
        if _finder not in sys.meta_path:
            sys.meta_path.insert(0, _finder)
        return _loaded[prefix]
