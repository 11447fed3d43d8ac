"""The user's own classes and functions in a stored model: which code they need, and how they are found in it."""

from __future__ import annotations

import io
import json
import pickle
import pickletools
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FunctionType
from typing import Any

from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.stores.code.imports import code_needed, module_of
from airflow_mlops_provider.stores.code.isolated import IsolatedCode
from airflow_mlops_provider.stores.code.sources import bytes_of, find

CODE_FOLDER = "code"
"""The folder of an artifact that holds it, as MLflow calls it."""
_SCHEMA = "schema.json"


def code_of_estimator(data: bytes, code: Mapping[str, bytes], spec: ModelSpec) -> dict[str, bytes]:
    """The code that a stored estimator and own metrics need, file name to content; without what is installed.

    :param data: the estimator as skops or pickle wrote it.
    :param code: the trainer's code, as it ran.
    :param spec: the model's declaration, whose ``files`` go with the code.
    """
    named = modules_in_skops(data) if zipfile.is_zipfile(io.BytesIO(data)) else modules_in_pickle(data)

    def read(file: str) -> bytes | None:
        path = None if file in code else find(file, spec.root)
        return code.get(file) if path is None else bytes_of(path)

    # What an estimator is made of has been imported; other words in a pickle have not.
    found = code_needed([*(name for name in named if name in sys.modules), *spec.metric_modules], read)
    if not found:
        return {}
    declared = [file for file in code if any(f"{file}/".startswith(f"{name}/") for name in spec.files or ())]
    further = code_needed([module_of(file) for file in declared if file.endswith(".py")], read)
    return found | further | {file: code[file] for file in declared}


def code_in(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The code among the files of an artifact; empty for one that holds none, such as one of 0.1.0."""
    inside = f"{CODE_FOLDER}/"
    return {name.removeprefix(inside): data for name, data in files.items() if name.startswith(inside)}


def write_code(code: Mapping[str, bytes], folder: Path) -> list[str]:
    """Write code into ``folder``, and return what lies directly in it, as MLflow's ``code_paths`` wants it."""
    for name, data in code.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return [str(path) for path in sorted(folder.iterdir())]


def modules_in_skops(data: bytes) -> set[str]:
    """The modules of all types and functions in a skops file."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {node["__module__"] for node in _nodes(json.loads(archive.read(_SCHEMA)))}


def modules_in_pickle(data: bytes) -> set[str]:
    """The modules of all types and functions in a pickle, and other words that look like them."""
    words = (part for _, said, _ in pickletools.genops(data) if isinstance(said, str) for part in said.split(" ")[:1])
    return {word for word in words if all(part.isidentifier() for part in word.split("."))}


def in_code(data: bytes, code: IsolatedCode) -> bytes:
    """A skops file whose types and functions are those of ``code``, where it holds their modules."""
    renamed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as given, zipfile.ZipFile(renamed, "w", zipfile.ZIP_STORED) as archive:
        for name in given.namelist():
            archive.writestr(name, _renamed(given.read(name), code) if name == _SCHEMA else given.read(name))
    return renamed.getvalue()


def type_in_code(name: str, code: IsolatedCode) -> str:
    """The full name of a type or function as :func:`in_code` writes it."""
    return f"{code.prefix}.{name}" if any(name.startswith(f"{module}.") for module in code.modules) else name


def unpickled(data: bytes, code: IsolatedCode) -> Any:
    """The object in a pickle, whose types and functions are those of ``code``, where it holds their modules."""
    return _Unpickler(data, code).load()


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: bytes, code: IsolatedCode) -> None:
        super().__init__(io.BytesIO(data))
        self._code = code

    def find_class(self, module: str, name: str) -> Any:
        # How cloudpickle makes the modules and functions that a pickle holds as a name or as code.
        if module.startswith("cloudpickle.") and name == "subimport":
            return self._code.import_module
        if module.startswith("cloudpickle.") and name == "_make_function":
            return self._function
        return super().find_class(self._code.name_of(module), name)

    def _function(self, code: Any, variables: dict[str, Any], *rest: Any) -> FunctionType:
        variables["__builtins__"] = self._code.builtins
        return FunctionType(code, variables, *rest)


def _renamed(schema: bytes, code: IsolatedCode) -> bytes:
    whole = json.loads(schema)
    for node in _nodes(whole):
        node["__module__"] = code.name_of(node["__module__"])
    return json.dumps(whole).encode()


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """The parts of a skops schema that name a type or function."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if isinstance(each.get("__module__"), str):
                yield each
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
