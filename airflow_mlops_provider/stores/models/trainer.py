"""The user's trainer function: found beside the model's YAML or packed, and run from the very bytes that are hashed."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from airflow_mlops_provider.exceptions import BadInputError, error_of_user_code
from airflow_mlops_provider.records.codec import sha256
from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.stores.code.archive import code_digest, read_code
from airflow_mlops_provider.stores.code.git import git_commit
from airflow_mlops_provider.stores.code.imports import module_of
from airflow_mlops_provider.stores.code.modules import placed, release_modules, use_modules
from airflow_mlops_provider.stores.code.sources import code_of, find


@dataclass(frozen=True, kw_only=True)
class Trainer:
    """A trainer function and what identifies its code.

    :param build: called with the model's ``params``; returns an unfitted scikit-learn estimator or pipeline.
    :param path: the file that it was read from, where the code was packed.
    :param sha256: of that file.
    :param git_commit: of the repository the file lies in, with ``+changes`` when the file is not committed as it is.
    :param code: the user's own code that it runs, file name to content; empty for an installed trainer.
    """

    build: Callable[..., Any]
    path: Path
    sha256: str
    git_commit: str | None = None
    code: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def further_code(self) -> tuple[str, ...]:
        """The hash of all its code, when that is more than the one file that :attr:`sha256` is of; else empty."""
        return (code_digest(self.code),) if len(self.code) > 1 else ()


def load_trainer(spec: ModelSpec) -> Trainer:
    """The function that ``spec.trainer`` names: from the packed code, from ``spec.root``, or an installed module.

    :raises BadInputError: when module or function cannot be found or the module raises, naming them.
    :raises IntegrityError: when the packed code is not what its name says.
    """
    name, _, function = spec.trainer.partition(":")
    code = read_code(spec.code) if spec.code else code_of(spec)
    file = next((file for file in code if file.endswith(".py") and module_of(file) == name), None)
    if spec.code and file is None:
        raise BadInputError(_trouble(spec, f"the packed code {spec.code} holds no module {name!r}"))
    if file is None:
        release_modules([name])
        with module_path(spec):
            module, path = _import(name, spec)
        source = path.read_bytes()
    else:
        path = _path_of(file, spec)
        module, source = _run(name, path, code, spec), code[file]
    build = getattr(module, function, None)
    if not callable(build):
        raise BadInputError(f"model {spec.name}: trainer {spec.trainer}: {path} has no function {function!r}")
    return Trainer(build=build, path=path, sha256=sha256(source), git_commit=git_commit(path), code=code)


@contextmanager
def module_path(spec: ModelSpec) -> Iterator[None]:
    """Let modules beside the model's YAML be imported, as its trainer and its own transformers need."""
    if not spec.root:
        yield
        return
    sys.path.insert(0, spec.root)
    try:
        yield
    finally:
        sys.path.remove(spec.root)


def _run(name: str, path: Path, code: Mapping[str, bytes], spec: ModelSpec) -> ModuleType:
    if spec.code:
        reads = any(not file.endswith(".py") for file in code)
        use_modules(code, placed(code) if reads else spec.code)
    else:
        use_modules(code, spec.root or ".", {file: str(_path_of(file, spec)) for file in code})
    try:
        # What is packed runs alone: a folder that happens to lie here must not add to it.
        with nullcontext() if spec.code else module_path(spec):
            return importlib.import_module(name)
    except (Exception, SystemExit) as error:  # whatever the user's module raises
        raise error_of_user_code(_trouble(spec, f"{path} raises {type(error).__name__}: {error}"), error) from error


def _path_of(file: str, spec: ModelSpec) -> Path:
    """Where a file of the code lies, or lay when it was packed."""
    beside = Path(spec.root or ".", file)
    return beside if spec.code else find(file, spec.root) or beside


def _import(name: str, spec: ModelSpec) -> tuple[ModuleType, Path]:
    try:
        module = importlib.import_module(name)
    except (Exception, SystemExit) as error:  # whatever the user's module raises
        raise error_of_user_code(_trouble(spec, f"module {name!r}: {error}"), error) from error
    if not module.__file__:
        raise BadInputError(_trouble(spec, f"module {name!r} has no file"))
    return module, Path(module.__file__)


def _trouble(spec: ModelSpec, reason: str) -> str:
    beside = f" (looked in {spec.root})" if spec.root else ""
    return f"model {spec.name}: trainer {spec.trainer}: {reason}{beside}"
