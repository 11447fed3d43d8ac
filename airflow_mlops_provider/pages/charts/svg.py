"""Specifications drawn as static SVG, without a browser: the same specification gives the same bytes."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from html import escape
from typing import Any

import vl_convert  # noqa: F401  # a worker without it says so before a job has measured anything

from airflow_mlops_provider.pages.charts.theme import Spec
from airflow_mlops_provider.pages.palette import palette

log = logging.getLogger(__name__)

MAX_SECONDS = 120
"""A drawing that takes longer is given up."""

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML cannot hold. A category may hold one, and the library would crash on it."""

_CHILD = """
import json, sys, vl_convert
drawn = [vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]) for spec in json.load(sys.stdin)]
sys.stdout.reconfigure(encoding="utf-8")
json.dump(drawn, sys.stdout)
"""


def draw(specs: Mapping[str, Spec]) -> dict[str, str]:
    """Every chart as one ``<svg>`` element that follows the light or dark mode of whoever looks at it.

    The library is native code with a JavaScript engine. It runs in a process of its own, so that its crash is not the
    job's: then the numbers are there without their pictures.

    :param specs: by the chart in words, for screen readers; data stand inside, addresses are not loaded.
    :returns: by the same words; empty when the library crashed.
    """
    if not specs:
        return {}
    drawn = _render_svg(json.dumps(_printable(list(specs.values()))))
    return {title: _with_label_and_dark_mode(svg, title) for title, svg in zip(specs, drawn, strict=False)}


def _render_svg(text: str) -> list[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", _CHILD]
    try:
        done = subprocess.run(  # noqa: S603  # this interpreter, with the program above
            command, input=text, env=environment, capture_output=True, encoding="utf-8", timeout=MAX_SECONDS, check=True
        )
    except subprocess.SubprocessError as error:
        log.warning("The charts could not be drawn and are left out: %s", _reason(error))
        return []
    found: list[str] = json.loads(done.stdout)
    return found


def _reason(error: subprocess.SubprocessError) -> str:
    """What the child said, without the traces before and after it; else how it ended."""
    lines = str(getattr(error, "stderr", None) or "").splitlines()
    first = next((at for at, line in enumerate(lines) if "Error" in line or "panicked" in line), len(lines))
    return " ".join(lines[first : first + 3])[:500] or str(error)


def _printable(part: Any) -> Any:
    """The same with U+FFFD in the place of every character that XML cannot hold."""
    if isinstance(part, str):
        return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", part)
    if isinstance(part, dict):
        return {name: _printable(value) for name, value in part.items()}
    return [_printable(each) for each in part] if isinstance(part, list) else part


def _with_label_and_dark_mode(svg: str, title: str) -> str:
    opening, rest = svg.split(">", 1)
    name = escape(_printable(title))
    return f'{opening} role="img" aria-label="{name}"><style>{_dark_mode(svg)}</style>{rest}'


def _dark_mode(svg: str) -> str:
    """Rules that put the dark twin in the place of every light colour that the chart uses."""
    rules = [
        f'[{what}="{each.light}"]{{{what}:{each.dark}}}'
        for each in {each.light: each for each in palette().values()}.values()
        for what in ("fill", "stroke")
        if f'{what}="{each.light}"' in svg
    ]
    return f"@media(prefers-color-scheme:dark){{{''.join(rules)}}}"
