"""Where the user's own code lies: beside the model's declaration, and wherever else Python finds what is not installed.

Installed packages belong to the environment, which is the same image or lock file on every side. Everything else may be
edited at any time, and is the user's own.
"""

from __future__ import annotations

import site
import sys
import sysconfig
from collections.abc import Iterable
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.stores.code.imports import code_needed, module_of

LARGEST_CODE = 32 * 2**20
"""Bytes of code, and of the files that it reads, that travel with a model."""
_NEVER_OURS = frozenset({"__main__", "airflow_mlops_provider", *sys.stdlib_module_names})
_INSTALLED = ("site-packages", "dist-packages")


def code_of(spec: ModelSpec) -> dict[str, bytes]:
    """The modules of the trainer and of own metrics, all that they import, and the ``files`` of the declaration.

    :returns: file name, relative to the folder where Python finds it, to content; without what is installed.
    :raises BadInputError: when one of ``files`` is not there, or it is too much.
    """
    further = _further_files(spec)
    modules = [
        spec.trainer.partition(":")[0],
        *spec.metric_modules,
        *(module_of(file) for file in further if file.endswith(".py")),
    ]
    found = modules_needed(modules, spec.root) | further
    size = sum(map(len, found.values()))
    if size > LARGEST_CODE:
        largest = max(found, key=lambda file: len(found[file]))
        raise BadInputError(
            f"model {spec.name}: its code has {size:,} bytes, the largest file is {largest}; at most {LARGEST_CODE:,} "
            "travel with a model"
        )
    return found


def trainer_file(spec: ModelSpec) -> Path | None:
    """The file of the trainer's module; ``None`` when it is installed or not here."""
    name = spec.trainer.partition(":")[0].replace(".", "/")
    return find(f"{name}/__init__.py", spec.root) or find(f"{name}.py", spec.root)


def modules_needed(names: Iterable[str], root: str | None) -> dict[str, bytes]:
    """The files of the modules ``names``, and of all that they import, as far as they are not installed.

    :param root: the folder of the model's declaration, which is looked into first.
    """

    def read(file: str) -> bytes | None:
        path = find(file, root)
        return None if path is None else bytes_of(path)

    return code_needed(names, read)


def is_own(module: str) -> bool:
    """Whether Python would find a module among the user's own code, and not among what is installed."""
    name = module.replace(".", "/")
    return find(f"{name}.py", None) is not None or find(f"{name}/__init__.py", None) is not None


def find(file: str, root: str | None) -> Path | None:
    """Where a file of the user's own code lies; ``None`` for one that is installed or not here.

    :param file: its name relative to where Python looks, such as ``features/scaling.py``.
    :param root: see :func:`modules_needed`.
    """
    name = file.partition("/")[0].removesuffix(".py")
    if name in _NEVER_OURS:
        return None
    if root and Path(root, file).is_file():
        return Path(root, file)
    if _is_installed(name):
        return None
    return next((folder / file for folder in _own_folders() if (folder / file).is_file()), None)


def _own_folders() -> list[Path]:
    places = [Path(entry or ".").absolute() for entry in sys.path]
    return [place for place in places if place.is_dir() and not is_of_the_environment(place)]


def is_of_the_environment(place: Path) -> bool:
    """Whether a path belongs to Python or to an installed package."""
    return any(part in _INSTALLED for part in place.parts) or any(place.is_relative_to(each) for each in _standard())


@cache
def _standard() -> tuple[Path, ...]:
    paths = sysconfig.get_paths()
    named = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")} | {*site.getsitepackages()}
    return tuple(Path(each) for each in named)


def _is_installed(name: str) -> bool:
    places = [entry for entry in sys.path if entry and is_of_the_environment(Path(entry))]
    found = PathFinder.find_spec(name, places)
    return found is not None and found.origin is not None


def bytes_of(path: Path) -> bytes:
    """The content of a file of the user's own code; raises ``BackendError`` when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BackendError(f"{path} cannot be read: {error.strerror or error}") from error


def _further_files(spec: ModelSpec) -> dict[str, bytes]:
    root = Path(spec.root or ".")
    found: dict[str, bytes] = {}
    for name in spec.files or ():
        if ".." in Path(name).parts or Path(name).is_absolute():
            raise BadInputError(f"model {spec.name}: 'files' names {name!r}, which does not lie beside the declaration")
        place = root / name
        inside = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
        if not inside:
            raise BadInputError(f"model {spec.name}: 'files' names {name!r}, which is not there (looked in {root})")
        kept = [path for path in inside if "__pycache__" not in path.parts]
        found |= {path.relative_to(root).as_posix(): bytes_of(path) for path in kept}
    return found
