"""The colours of ``style.css``, for charts: a light and a dark one for every name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from airflow_mlops_provider.pages.rendering import STYLE

_PAIR = re.compile(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);")


@dataclass(frozen=True, slots=True)
class Colour:
    """One name of the style sheet in both themes, as ``#rrggbb``."""

    light: str
    dark: str


@cache
def palette() -> dict[str, Colour]:
    """Name to colour, as the style sheet declares them.

    >>> palette()["ink"]
    Colour(light='#16181d', dark='#eceef2')
    """
    return {name: Colour(light, dark) for name, light, dark in _PAIR.findall(STYLE.read_text(encoding="utf-8"))}
