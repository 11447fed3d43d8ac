"""The API reference: one Markdown page a module, from signatures and docstrings."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from enum import Enum
from types import ModuleType
from typing import Any

import airflow_mlops_provider
from docs import docstrings

HIDDEN = ("airflow_mlops_provider.ui", "airflow_mlops_provider.dags", "airflow_mlops_provider.jobs.__main__")
"""Not for import by users: the web application, the reference Dags and the command line."""


def modules() -> list[ModuleType]:
    """Every public module of the package, in order of name."""
    found = pkgutil.walk_packages(airflow_mlops_provider.__path__, "airflow_mlops_provider.", onerror=_raise)
    names = [module.name for module in found if not module.name.startswith(HIDDEN) and "._" not in module.name]
    return [importlib.import_module(name) for name in ["airflow_mlops_provider", *sorted(names)]]


def page(module: ModuleType) -> str:
    """The page of one module: what it is for, then its public classes and functions in the order of the file."""
    parts = [f"# {module.__name__}", docstrings.read(module).text]
    for thing in _public(module):
        parts += _class(thing) if inspect.isclass(thing) else _function(thing, "##")
    return "\n\n".join(part for part in parts if part) + "\n"


def index(found: list[ModuleType]) -> str:
    """The page that lists the others, each with the first line of its docstring."""
    rows = [f"- [`{module.__name__}`]({module.__name__}.md): {_first_line(module)}" for module in found]
    return "\n".join(["# API reference", "", "Made from the docstrings by `make docs`.", "", *rows]) + "\n"


def _public(module: ModuleType) -> list[Any]:
    own = [
        thing
        for name, thing in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(thing) or inspect.isfunction(thing))
        and thing.__module__ == module.__name__
    ]
    return sorted(own, key=lambda thing: inspect.getsourcelines(thing)[1])


def _class(kind: type) -> Iterator[str]:
    bases = ", ".join(base.__name__ for base in kind.__bases__ if base is not object)
    yield f"## {kind.__name__}" + (f"({bases})" if bases else "")
    if issubclass(kind, Enum):
        yield docstrings.read(kind).text
        yield "\n".join(f"- `{kind.__name__}.{member.name}` is `{member.value!r}`" for member in kind)
    else:
        yield f"```text\n{kind.__name__}{_signature(kind)}\n```"
        yield from _described(kind)
    for name, member in vars(kind).items():
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            yield f"### {name}"
            yield from _described(member)
        elif inspect.isfunction(thing := getattr(member, "__func__", member)):
            yield from _function(thing, "###")


def _function(thing: Any, level: str) -> Iterator[str]:
    yield f"{level} {thing.__name__}"
    yield f"```text\n{thing.__name__}{_signature(thing)}\n```"
    yield from _described(thing)


def _described(thing: Any) -> Iterator[str]:
    found = docstrings.read(thing)
    yield found.text
    fields = [f"- `{name}`: {meaning}" for name, meaning in found.params.items()]
    fields += [f"- returns {found.returns}"] if found.returns else []
    yield "\n".join([*fields, *(f"- raises `{name}` {when}" for name, when in found.raises.items())])


def _signature(thing: Any) -> str:
    try:
        signature = str(inspect.signature(thing))
    except (TypeError, ValueError):  # enums and classes without a constructor of their own
        return ""
    signature = re.sub(r"(: |-> )'([^']*)'(?!>)", r"\1\2", signature)  # annotations are kept as text
    return signature if len(signature) <= 100 else signature.replace(", ", ",\n    ")


def _first_line(module: ModuleType) -> str:
    return docstrings.read(module).text.partition("\n")[0]


def _raise(name: str) -> None:
    raise ImportError(f"{name} cannot be imported, so it cannot be documented")
