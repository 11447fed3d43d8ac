"""The user's trainer function: found beside the model's YAML, hashed, and executed from exactly the hashed bytes."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from airflow_mlops_provider.exceptions import BadInputError, error_of_user_code
from airflow_mlops_provider.records.codec import sha256
from airflow_mlops_provider.records.model_spec import ModelSpec

_GIT_SECONDS = 5
_OURS = "__mlops_trainer__"
"""Marks modules that were executed here rather than imported."""


@dataclass(frozen=True, kw_only=True)
class Trainer:
    """A trainer function and what identifies its code.

    :param build: called with the model's ``params``; returns an unfitted scikit-learn estimator or pipeline.
    :param path: the file that it was read from.
    :param sha256: of that file.
    :param git_commit: of the repository the file lies in, with ``+changes`` when the file is not committed as it is.
    """

    build: Callable[..., Any]
    path: Path
    sha256: str
    git_commit: str | None = None


def load_trainer(spec: ModelSpec) -> Trainer:
    """The function that ``spec.trainer`` names, from ``spec.root`` or an installed module.

    :raises BadInputError: when module or function cannot be found or the module raises, naming them.
    """
    name, _, function = spec.trainer.partition(":")
    path = Path(spec.root or ".", *name.split(".")).with_suffix(".py")
    with module_path(spec):
        module, path = (_execute(name, path, spec), path) if spec.root and path.is_file() else _import(name, spec)
    build = getattr(module, function, None)
    if not callable(build):
        raise BadInputError(f"model {spec.name}: trainer {spec.trainer}: {path} has no function {function!r}")
    return Trainer(build=build, path=path, sha256=sha256(path.read_bytes()), git_commit=git_commit(path))


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


def _execute(name: str, path: Path, spec: ModelSpec) -> ModuleType:
    # Not importlib's loader: its bytecode cache could run an older file than the one that is hashed.
    module = ModuleType(name)
    module.__file__ = str(path)
    setattr(module, _OURS, True)
    try:
        code = compile(path.read_bytes(), str(path), "exec")
        sys.modules[name] = module
        exec(code, module.__dict__)  # noqa: S102  # the user's own trainer, which is what a training runs
    except (Exception, SystemExit) as error:
        sys.modules.pop(name, None)
        raise error_of_user_code(_trouble(spec, f"{path} raises {type(error).__name__}: {error}"), error) from error
    return module


def _import(name: str, spec: ModelSpec) -> tuple[ModuleType, Path]:
    if hasattr(sys.modules.get(name), _OURS):
        del sys.modules[name]  # another model's trainer, executed from another folder under the same name
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


def git_commit(path: Path) -> str | None:
    """The commit that the file's folder is at, or ``None`` outside a repository or without git."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(path.resolve().parent), *arguments]
        done = subprocess.run(  # noqa: S603  # fixed words and a path, no shell
            command, capture_output=True, text=True, check=True, timeout=_GIT_SECONDS
        )
        return done.stdout.strip()

    try:
        commit = git("rev-parse", "HEAD")
        return f"{commit}+changes" if git("status", "--porcelain", "--", path.name) else commit
    except (OSError, subprocess.SubprocessError):
        return None
