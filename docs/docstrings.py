"""Docstrings in Sphinx's field style (``:param x:``, ``:returns:``), taken apart and written as Markdown."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import Any

_FIELD = re.compile(
    r"^:(param|returns|raises)(?: ([\w., ]+?))?:\s*(.*?)(?=^:(?:param|returns|raises)\b|\Z)", re.M | re.S
)
_ROLE = re.compile(r":(?:class|func|meth|data|attr|mod):`~?([^`]+)`")


@dataclass(frozen=True)
class Docstring:
    """A docstring taken apart.

    :param text: what stands before the fields.
    :param params: parameter to its meaning, each on one line.
    :param returns: what is returned; empty when the docstring does not say.
    :param raises: exception to its condition.
    """

    text: str
    params: dict[str, str]
    returns: str
    raises: dict[str, str]


def read(thing: Any) -> Docstring:
    """The docstring of ``thing``; empty parts where it has none of its own."""
    text = (inspect.getdoc(thing) if "__doc__" in dir(thing) else "") or ""
    fields = [(kind, name or "", " ".join(body.split())) for kind, name, body in _FIELD.findall(text)]
    first = _FIELD.search(text)
    return Docstring(
        text=markdown(text[: first.start()] if first else text).strip(),
        params={name: markdown(body) for kind, name, body in fields if kind == "param"},
        returns=next((markdown(body) for kind, _, body in fields if kind == "returns"), ""),
        raises={name: markdown(body) for kind, name, body in fields if kind == "raises"},
    )


def markdown(text: str) -> str:
    """reStructuredText's roles and double backticks as Markdown code."""
    text = _ROLE.sub(lambda match: f"`{match.group(1).rsplit('.', 1)[-1]}`", text)
    return text.replace("``", "`")


def sentence(text: str) -> str:
    """With a capital first, and safe inside a table cell."""
    text = text.replace("|", "\\|")
    return text[:1].upper() + text[1:]
