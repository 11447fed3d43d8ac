"""The tables of keys in ``reference/jobs.md`` and ``reference/policies.md``, written from the code.

A page marks the place of a table with ``<!-- keys of NAME -->`` and ``<!-- end of keys -->``, where NAME is a job or a
policy; what stands between the marks is replaced.
"""

from __future__ import annotations

import dataclasses
import json
import re
import typing
from pathlib import Path
from typing import Any

from airflow_mlops_provider import jobs
from docs import docstrings

PAGES = [Path(__file__).with_name("reference") / name for name in ("jobs.md", "policies.md")]
SHARED_KEYS = {"evidence_root", "run_key", "origin", "sender"}
"""Keys of every job, described once at the top of the page."""

_TABLE = re.compile(r"(<!-- keys of (\w+) -->\n).*?(<!-- end of keys -->)", re.S)


def policies() -> dict[str, type]:
    """The policies that jobs take, by name."""
    hints = [typing.get_type_hints(jobs.job_class(name)).get("policy") for name in jobs.JOBS]
    return {hint.__name__: hint for hint in hints if isinstance(hint, type) and dataclasses.is_dataclass(hint)}


def refreshed(text: str) -> str:
    """``text`` of a page with its tables written anew.

    :raises KeyError: for a mark that names neither a job nor a policy.
    """
    known = {**{name: jobs.job_class(name) for name in jobs.JOBS}, **policies()}
    return _TABLE.sub(lambda match: match.group(1) + _table(known[match.group(2)]) + match.group(3), text)


def marked(text: str) -> set[str]:
    """The names whose tables a page shows."""
    return {match.group(2) for match in _TABLE.finditer(text)}


def _table(kind: Any) -> str:
    meanings = _meanings(kind)
    rows = [
        f"| `{field.name}` | {_default(field)} | {docstrings.sentence(meanings[field.name])} |"
        for field in dataclasses.fields(kind)
        if field.name not in SHARED_KEYS
    ]
    return "\n".join(["", "| key | default | meaning |", "|---|---|---|", *rows, "", ""])


def _meanings(kind: Any) -> dict[str, str]:
    """Key to meaning, from the class that declares the keys: a job's request, or a policy itself."""
    return next(found for each in kind.__mro__ if (found := docstrings.read(each).params))


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
        return "**required**"
    default = field.default if field.default is not dataclasses.MISSING else field.default_factory()  # type: ignore[misc]
    if dataclasses.is_dataclass(default):
        name = type(default).__name__
        return f"[{name}](policies.md#{name.lower()})"
    return "none" if default is None else f"`{json.dumps(default)}`"
