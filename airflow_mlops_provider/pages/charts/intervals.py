"""Numbers with their intervals, one below the other: a forest plot of slices, and the importance of features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from airflow_mlops_provider.pages.charts.theme import Spec, axis, chart, colour

_PLOT, _VALUE, _ROW = 460, 150, 24
_LONGEST = 44
"""Characters of a label; the rest is cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of the chart.

    :param label: at the left; cut when it is long.
    :param value: where the dot stands; ``None`` for a heading.
    :param low: lower end of the interval; the value itself by default.
    :param high: its upper end; the value itself by default.
    :param limit: where a mark stands; ``None`` without one.
    :param text: at the right.
    :param colour: of dot and interval, or of a heading.
    """

    label: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    limit: float | None = None
    text: str = ""
    colour: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The line that all rows are compared with, and what stands above it."""

    value: float
    text: str


def interval_chart(
    lines: Sequence[Line], *, reference: Reference, of_shares: bool = False, title: str = "", axis_title: str = ""
) -> Spec:
    """Dots with their intervals along one scale.

    :param lines: from top to bottom; at least one has a value.
    :param reference: a dashed line through all of them.
    :param of_shares: whether numbers are shares, which people read in per cent.
    :param title: above the chart.
    :param axis_title: below the scale.
    """
    rows = [_row(number, line) for number, line in enumerate(lines)]
    height = _ROW * len(rows)
    return chart(
        _reference(reference, height, _scale(lines, reference, of_shares=of_shares, title=axis_title)),
        {"data": {"values": rows}, "encoding": {"y": _rows(len(rows))}, "layer": _marks()},
        width=_PLOT,
        height=height,
        padding={
            "left": _label_width(lines),
            "right": _VALUE,
            "top": 66 if title else 34,
            "bottom": 56 if axis_title else 34,
        },
        title=title,
    )


def _label_width(lines: Sequence[Line]) -> int:
    # By characters: a measured width would depend on the fonts of the machine.
    longest = max(len(line.label) for line in lines)
    return 40 + round(6.4 * min(max(longest, 12), _LONGEST))


def _row(number: int, line: Line) -> Spec:
    is_heading = line.value is None
    found: Spec = {
        "row": number + 0.5,
        "label": line.label if len(line.label) <= _LONGEST else f"{line.label[: _LONGEST - 1]}…",
        "weight": 600 if is_heading else 400,
        "ink": line.colour if is_heading else colour("ink"),
        "colour": line.colour or colour("link"),
        "text": line.text,
    }
    if line.value is not None:
        found["value"] = line.value
        found["low"] = line.value if line.low is None else line.low
        found["high"] = line.value if line.high is None else line.high
    if line.limit is not None:
        found["limit"] = line.limit
    return found


def _marks() -> list[Spec]:
    has_value, has_limit = ({"filter": f"isValid(datum.{name})"} for name in ("value", "limit"))
    tone = {"field": "colour", "type": "nominal", "scale": None}
    dot = {"type": "point", "filled": True, "size": 90, "opacity": 1, "aria": False}
    mark = {"type": "tick", "thickness": 2, "size": 18, "color": colour("ink"), "orient": "vertical"}
    ink = {"field": "ink", "type": "nominal", "scale": None}
    return [
        {
            "transform": [has_value],
            "mark": {"type": "rule", "strokeWidth": 2},
            "encoding": {"x": _x_encoding("low"), "x2": {"field": "high"}, "color": tone},
        },
        {"transform": [has_value], "mark": dot, "encoding": {"x": _x_encoding("value"), "color": tone}},
        {"transform": [has_limit], "mark": mark, "encoding": {"x": _x_encoding("limit")}},
        *(
            {
                "transform": [{"filter": f"datum.weight == {heavy}"}],
                "mark": {"type": "text", "align": "right", "baseline": "middle", "fontWeight": heavy},
                "encoding": {"x": {"value": -12}, "text": {"field": "label", "type": "nominal"}, "color": ink},
            }
            for heavy in (400, 600)
        ),
        {
            "mark": {"type": "text", "align": "left", "baseline": "middle"},
            "encoding": {"x": {"value": _PLOT + 12}, "text": {"field": "text", "type": "nominal"}},
        },
    ]


def _reference(reference: Reference, height: int, scale: Spec) -> Spec:
    dashed = {"type": "rule", "color": colour("quiet"), "strokeDash": [4, 3]}
    above = {"type": "text", "text": reference.text, "baseline": "bottom"}
    return {
        "data": {"values": [{"at": reference.value}]},
        "encoding": {"x": {"field": "at", "type": "quantitative", **scale}},
        "layer": [
            {"mark": dashed, "encoding": {"y": {"value": -8}, "y2": {"value": height}}},
            {"mark": above, "encoding": {"y": {"value": -12}}},
        ],
    }


def _x_encoding(field: str) -> Spec:
    return {"field": field, "type": "quantitative"}


def _rows(count: int) -> Spec:
    scale = {"domain": [0, count], "reverse": True, "nice": False, "zero": False}
    return {"field": "row", "type": "quantitative", "scale": scale, "axis": None}


def _scale(lines: Sequence[Line], reference: Reference, *, of_shares: bool, title: str) -> Spec:
    numbers = [end for line in lines for end in (line.value, line.low, line.high, line.limit) if end is not None]
    low, high = min(*numbers, reference.value), max(*numbers, reference.value)
    margin = (high - low) * 0.05 or 0.5
    domain = [low - margin, high + margin]
    words = "format(100 * datum.value, '.3~g') + ' %'" if of_shares else "format(datum.value, '.3~g')"
    shown = axis(title, tickCount=5, labelExpr=words, minExtent=24, maxExtent=24, titlePadding=6)
    return {"scale": {"domain": domain, "nice": False, "zero": False}, "axis": shown}
