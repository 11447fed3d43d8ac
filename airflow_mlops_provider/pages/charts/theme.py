"""What all charts have in common: colours, fonts, and a layout that depends on no installed font."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_mlops_provider.pages.palette import palette
from airflow_mlops_provider.records.verdict import Status

Spec = dict[str, Any]
"""A Vega-Lite specification, or a part of one."""

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
"""Names the grammar; nothing is loaded from there."""

_STATUS_COLOURS = {
    Status.PASS: "pass",
    Status.NOTICE: "notice",
    Status.FAIL: "fail",
    Status.INSUFFICIENT_EVIDENCE: "unsure",
}


def colour(name: str) -> str:
    """The light colour called ``name`` in the style sheet; the dark theme puts its twin in the place."""
    return palette()[name].light


def status_colour(status: Status) -> str:
    """The colour of a status."""
    return colour(_STATUS_COLOURS[status])


def chart(
    *layers: Spec,
    width: int,
    height: int,
    padding: Spec,
    title: str = "",
    data: Sequence[Spec] | None = None,
    encoding: Spec | None = None,
) -> Spec:
    """A chart of layers on one pair of axes.

    :param layers: each with its mark, and with the data and encoding that it does not share.
    :param width: of the plot without labels, in pixels.
    :param height: of the plot without labels, in pixels.
    :param padding: room for labels: ``left``, ``right``, ``top`` and ``bottom``. It is given and not measured,
        because a measured one would depend on the fonts of the machine that draws.
    :param title: above the plot.
    :param data: that layers share.
    :param encoding: that layers share.
    """
    shared: Spec = {} if data is None else {"data": {"values": list(data)}}
    if encoding is not None:
        shared["encoding"] = encoding
    heading = {"title": {"text": title, "anchor": "start", "frame": "group", "offset": 16}} if title else {}
    return {
        "$schema": SCHEMA,
        "width": width,
        "height": height,
        "padding": padding,
        "autosize": {"type": "none"},
        "background": colour("surface"),
        **heading,
        **shared,
        "layer": list(layers),
        "config": _config(),
    }


def axis(title: str = "", **more: Any) -> Spec:
    """An axis whose labels are neither dropped nor cut by their width.

    :param title: beside the axis.
    :param more: other properties of Vega-Lite's axis.
    """
    fixed = {"labelOverlap": False, "labelFlush": False, "labelBound": False, "labelLimit": 0, "titleLimit": 0}
    return {"title": title or None, **fixed, **more}


def _config() -> Spec:
    font = {"labelFont": "system-ui, sans-serif", "titleFont": "system-ui, sans-serif"}
    return {
        "font": "system-ui, sans-serif",
        "text": {"fontSize": 12, "color": colour("ink"), "aria": False},
        "rule": {"aria": False},
        "rect": {"aria": False},
        "line": {"aria": False},
        "tick": {"aria": False},
        "title": {"fontSize": 16, "fontWeight": 600, "color": colour("ink")},
        "view": {"stroke": None},
        "axis": {
            **font,
            "labelFontSize": 12,
            "titleFontSize": 13,
            "titleFontWeight": "normal",
            "labelColor": colour("quiet"),
            "titleColor": colour("ink"),
            "gridColor": colour("line"),
            "domain": False,
            "ticks": False,
            "labelPadding": 8,
        },
    }
