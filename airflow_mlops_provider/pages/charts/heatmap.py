"""Checks that repeat, side by side: how near every row came to its limit, check after check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from airflow_mlops_provider.pages.charts.theme import Spec, chart, status_colour
from airflow_mlops_provider.pages.rendering import status_mark
from airflow_mlops_provider.records.verdict import Status

_CELL, _ROW = 22, 24
_LONGEST = 32
"""Characters of a row's name; the rest is cut off."""
_FAINTEST = 0.08
"""Opacity of a square that is at nothing of its limit, so that it still is a square."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Square:
    """One number of one check.

    :param row: number of the row, such as a column, from 0 at the top.
    :param check: number of the check from 0, the oldest.
    :param status: what was found.
    :param share: observed against limit, from 0 to 1.
    :param text: what is shown on hover.
    :param link: where a click leads.
    """

    row: int
    check: int
    status: Status
    share: float
    text: str
    link: str


def heatmap(rows: Sequence[str], checks: int, squares: Sequence[Square]) -> Spec:
    """Squares by row and check: the colour is the status, and the fuller it is, the nearer to the limit.

    :param rows: from top to bottom.
    :param checks: how many stand side by side.
    """
    # Rows are placed by number: a name is data to be shown, and two may be shown alike.
    y = {"field": "row", "type": "ordinal", "scale": {"domain": list(range(len(rows)))}, "axis": None}
    x = {"field": "check", "type": "ordinal", "scale": {"domain": list(range(checks))}, "axis": None}
    tone = {"field": "colour", "type": "nominal", "scale": None}
    hover = {"tooltip": {"field": "text", "type": "nominal"}, "href": {"field": "link", "type": "nominal"}}
    inset = {"xOffset": 1.5, "x2Offset": -1.5, "yOffset": 1.5, "y2Offset": -1.5}
    square = {"type": "rect", "cornerRadius": 4, "cursor": "pointer", "strokeWidth": 1.5, **inset}
    looks = {
        "fill": tone,
        "stroke": tone,
        "fillOpacity": {"field": "fill", "type": "quantitative", "scale": None},
        "strokeOpacity": {"field": "outline", "type": "quantitative", "scale": None},
        **hover,
    }
    return chart(
        {"transform": [{"filter": "!datum.unsure"}], "mark": square, "encoding": looks},
        {"transform": [{"filter": "datum.unsure"}], "mark": {**square, "strokeDash": [3, 2]}, "encoding": looks},
        {
            "mark": {"type": "text", "fontWeight": 800, "fontSize": 11, "cursor": "pointer"},
            "encoding": {"text": {"field": "mark", "type": "nominal"}, "color": tone, **hover},
        },
        _names(rows),
        data=[_values(square) for square in squares],
        encoding={"x": x, "y": y},
        width=_CELL * checks,
        height=_ROW * len(rows),
        padding={"left": 20 + round(6.6 * max(len(_short(row)) for row in rows)), "right": 4, "top": 4, "bottom": 4},
    )


def _names(rows: Sequence[str]) -> Spec:
    return {
        "data": {"values": [{"row": at, "name": _short(row)} for at, row in enumerate(rows)]},
        "mark": {"type": "text", "align": "right", "baseline": "middle"},
        "encoding": {"x": {"value": -8}, "text": {"field": "name", "type": "nominal"}},
    }


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _values(square: Square) -> Spec:
    is_pass = square.status is Status.PASS
    return {
        "row": square.row,
        "check": square.check,
        "colour": status_colour(square.status),
        # Only a pass is shaded by its distance: the others stand out by their outline and their mark.
        "fill": round(max(_FAINTEST, square.share), 3) if is_pass else 0.14,
        "outline": 0 if is_pass else 1,
        "unsure": square.status is Status.INSUFFICIENT_EVIDENCE,
        "mark": "" if is_pass else status_mark(square.status),
        "text": square.text,
        "link": square.link,
    }
