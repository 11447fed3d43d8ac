"""Curves over the unit square: ROC and calibration."""

from __future__ import annotations

from airflow_mlops_provider.pages.charts.theme import Spec, axis, chart, colour
from airflow_mlops_provider.records.reports.training import Curve

_SIDE = 380
_PADDING = {"left": 78, "right": 24, "top": 48, "bottom": 64}


def roc_chart(curve: Curve) -> Spec:
    """True against false positive rate, over the diagonal of a model that knows nothing."""
    return _unit_square("ROC curve of held-out rows", curve, ("false positive rate", "true positive rate"), [])


def calibration_chart(curve: Curve) -> Spec:
    """Observed share against mean probability, in bins of equal size; the diagonal is perfect."""
    dots: Spec = {"mark": {"type": "point", "filled": True, "size": 80, "opacity": 1, "color": colour("link")}}
    return _unit_square("Calibration on held-out rows", curve, ("mean predicted probability", "observed share"), [dots])


def _unit_square(title: str, curve: Curve, names: tuple[str, str], more: list[Spec]) -> Spec:
    # Points keep their order: a curve that goes straight up must not be sorted by x alone.
    points = [{"at": at, "x": x, "y": y} for at, (x, y) in enumerate(zip(curve.x, curve.y, strict=True))]
    line = {"type": "line", "color": colour("link"), "strokeWidth": 2.5}
    across, up = names
    place = {"x": _scale("x", across, 40), "y": _scale("y", up, 54)}
    layers = [{"mark": line, "encoding": {"order": {"field": "at", "type": "quantitative"}}}, *more]
    return chart(
        _diagonal(),
        {"data": {"values": points}, "encoding": place, "layer": layers},
        width=_SIDE,
        height=_SIDE,
        padding=_PADDING,
        title=title,
    )


def _scale(field: str, title: str, extent: int) -> Spec:
    ticks = [0, 0.2, 0.4, 0.6, 0.8, 1]
    # The extent is given, because a measured one would depend on the fonts of the machine.
    shown = axis(
        title, values=ticks, format="~g", grid=True, minExtent=extent - 20, maxExtent=extent - 20, titlePadding=10
    )
    return {"field": field, "type": "quantitative", "scale": {"domain": [0, 1]}, "axis": shown}


def _diagonal() -> Spec:
    ends: Spec = {name: {"datum": value} for name, value in (("x", 0), ("y", 0), ("x2", 1), ("y2", 1))}
    dashed = {"type": "rule", "color": colour("quiet"), "strokeDash": [4, 3]}
    return {"data": {"values": [{}]}, "mark": dashed, "encoding": ends}
