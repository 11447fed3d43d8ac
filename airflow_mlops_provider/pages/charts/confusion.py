"""Held-out rows by true and predicted class."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_mlops_provider.pages.charts.theme import Spec, axis, chart, colour
from airflow_mlops_provider.records.reports.training import Confusion

MAX_CLASSES = 20
"""A matrix of more classes than this is no longer readable as a chart."""

_SIDE = 380
_MAX_OPACITY = 0.5
"""Of a cell that holds its whole row: text on it keeps a contrast of 4.5 in both themes."""


def confusion_chart(confusion: Confusion) -> Spec | None:
    """Each row shaded by its shares; ``None`` without classes, or with more than ``MAX_CLASSES``."""
    labels = confusion.labels
    if not labels or len(labels) > MAX_CLASSES:
        return None
    rect = {"type": "rect", "fill": colour("link"), "stroke": colour("line")}
    shade = {"field": "opacity", "type": "quantitative", "scale": None, "legend": None}
    x, y = _axis("predicted", len(labels), 30), _axis("true", len(labels), 66)
    is_roomy = len(labels) <= 8
    return chart(
        {
            "data": {"values": list(_cells(confusion))},
            "encoding": {"x": x, "y": y},
            "layer": [
                {"mark": rect, "encoding": {"fillOpacity": shade}},
                _text("count", 14 if is_roomy else 10, -7 if is_roomy else 0),
                *([_text("share", 11, 11)] if is_roomy else []),
            ],
        },
        _names("predicted", labels, x),
        _names("true", labels, y),
        width=_SIDE,
        height=_SIDE,
        padding={"left": 100, "right": 24, "top": 48, "bottom": 64},
        title="Held-out rows by class",
    )


def _text(field: str, size: int, down: int) -> Spec:
    mark = {"type": "text", "fontSize": size, "dy": down, "color": colour("ink")}
    return {"mark": mark, "encoding": {"text": {"field": field, "type": "nominal"}}}


def _cells(confusion: Confusion) -> Iterator[Spec]:
    for true, counts in enumerate(confusion.counts):
        total = sum(counts)
        for predicted, count in enumerate(counts):
            share = count / total if total else 0.0
            yield {
                "true": true,
                "predicted": predicted,
                "opacity": round(_MAX_OPACITY * share, 3),
                "count": f"{count:,}" if count or len(confusion.labels) <= 8 else "",
                "share": f"{100 * share:.0f} %",
            }


def _axis(field: str, count: int, padding: int) -> Spec:
    """Classes by number, so that two with one shortened name stay two."""
    words = axis(field, labels=False, minExtent=0, maxExtent=0, titlePadding=padding)
    return {"field": field, "type": "ordinal", "scale": {"domain": list(range(count)), "padding": 0}, "axis": words}


def _names(field: str, labels: tuple[str, ...], place: Spec) -> Spec:
    # Names are data and never part of an expression, in which they could be more than text.
    mark = {"type": "text", "color": colour("quiet"), "baseline": "middle"}
    across = field == "predicted"
    fixed = {"y": {"value": _SIDE + 14}} if across else {"x": {"value": -8}}
    return {
        "data": {"values": [{field: number, "name": _short(label)} for number, label in enumerate(labels)]},
        "mark": mark if across else {**mark, "align": "right"},
        "encoding": {"text": {"field": "name", "type": "nominal"}, ("x" if across else "y"): place, **fixed},
    }


def _short(label: str) -> str:
    return label if len(label) <= 9 else f"{label[:8]}…"
