"""The templates that all pages share: escaped, with one style, and words for statuses."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from airflow_mlops_provider.records.verdict import Status

TEMPLATES = Path(__file__).parent / "templates"
STYLE = Path(__file__).parent / "style.css"
"""The one style sheet: written into every attachment, served to the MLOps page."""

_STATUS_WORDS = {
    Status.PASS: ("pass", "✓"),
    Status.NOTICE: ("notice", "!"),
    Status.FAIL: ("fail", "✕"),
    Status.INSUFFICIENT_EVIDENCE: ("insufficient evidence", "?"),
}


def make_environment(*folders: Path) -> Environment:
    """Templates of ``folders`` and of this room: autoescape on, undefined names refused.

    :param folders: searched first, in this order.
    """
    made = Environment(
        loader=FileSystemLoader([*folders, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(
        status_mark=status_mark,
        status_word=status_word,
    )
    return made


def status_word(status: Status | str) -> str:
    """A status as people say it."""
    return _STATUS_WORDS[Status(status)][0]


def status_mark(status: Status | str) -> str:
    """One character that tells a status without its colour."""
    return _STATUS_WORDS[Status(status)][1]


def render(template: str, **context: Any) -> str:
    """A self-contained page: its style stands in it, and it loads nothing.

    :param template: a file of ``pages/templates``.
    :param context: what the template shows; every value is escaped unless it is ``Markup``.
    """
    return _environment().get_template(template).render(style=_style(), **context)


@cache
def _environment() -> Environment:
    return make_environment()


@cache
def _style() -> Markup:
    return Markup(STYLE.read_text(encoding="utf-8"))  # noqa: S704  # the package's own file
