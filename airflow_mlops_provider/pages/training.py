"""What was measured on held-out rows as pictures: SVG, which a browser and MLflow's own pages show as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from airflow_mlops_provider.records.reports.training import Confusion, Curve, TrainingReport

_BLUE, _GREY = "#2b6cb0", "#888"
_SIDE, _LEFT, _TOP, _MARGIN = 380, 78, 48, 64
MAX_CLASSES = 20
"""Of more classes than this a matrix is no picture any more."""


def pictures_of(report: TrainingReport) -> dict[str, bytes]:
    """File name to picture, of those that the report has numbers for."""
    found = {
        "confusion_matrix.svg": draw_confusion(report.confusion) if report.confusion else None,
        "roc_curve.svg": draw_roc(report.roc) if report.roc else None,
        "calibration_curve.svg": draw_calibration(report.calibration) if report.calibration else None,
    }
    return {name: picture for name, picture in found.items() if picture}


def draw_confusion(confusion: Confusion) -> bytes | None:
    """Rows by true and predicted class, each row shaded by its shares; ``None`` for too many classes to look at.

    :returns: UTF-8 SVG.
    """
    labels = confusion.labels
    if not labels or len(labels) > MAX_CLASSES:
        return None
    cell = _SIDE / len(labels)
    parts = [_text(_LEFT + _SIDE / 2, _TOP + _SIDE + 48, "predicted"), _upright(18, _TOP + _SIDE / 2, "true")]
    for i, (label, counts) in enumerate(zip(labels, confusion.counts, strict=True)):
        middle = (i + 0.5) * cell
        parts += [_text(_LEFT - 8, _TOP + middle + 4, _short(label), anchor="end")]
        parts += [_text(_LEFT + middle, _TOP + _SIDE + 20, _short(label))]
        total = sum(counts)
        for j, count in enumerate(counts):
            share = count / total if total else 0.0
            x, y = _LEFT + j * cell, _TOP + i * cell
            parts.append(
                f"<rect x='{x:.1f}' y='{y:.1f}' width='{cell:.1f}' height='{cell:.1f}' fill='{_BLUE}' "
                f"fill-opacity='{share:.3f}' stroke='#ccc'/>"
            )
            parts += _cell(x + cell / 2, y + cell / 2, count, share, roomy=len(labels) <= 8)
    return _svg("Held-out rows by class", parts)


def draw_roc(curve: Curve) -> bytes:
    """True against false positive rate, over the diagonal of a model that knows nothing; returns UTF-8 SVG."""
    return _plot("ROC curve of held-out rows", curve, ("false positive rate", "true positive rate"), dots=False)


def draw_calibration(curve: Curve) -> bytes:
    """Observed share against mean probability, in bins of equal size; the diagonal is perfect. Returns UTF-8 SVG."""
    return _plot("Calibration on held-out rows", curve, ("mean predicted probability", "observed share"), dots=True)


def _plot(title: str, curve: Curve, names: tuple[str, str], *, dots: bool) -> bytes:
    points = [(_LEFT + x * _SIDE, _TOP + (1 - y) * _SIDE) for x, y in zip(curve.x, curve.y, strict=True)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    bottom, right = _TOP + _SIDE, _LEFT + _SIDE
    parts = [
        *_grid(),
        f"<line x1='{_LEFT}' y1='{bottom}' x2='{right}' y2='{_TOP}' stroke='{_GREY}' stroke-dasharray='4 3'/>",
        f"<polyline points='{path}' fill='none' stroke='{_BLUE}' stroke-width='2.5'/>",
        *(f"<circle cx='{x:.1f}' cy='{y:.1f}' r='5' fill='{_BLUE}'/>" for x, y in (points if dots else [])),
        _text(_LEFT + _SIDE / 2, bottom + 48, names[0]),
        _upright(18, _TOP + _SIDE / 2, names[1]),
    ]
    return _svg(title, parts)


def _grid() -> Iterator[str]:
    for i in range(6):
        share, x, y = i / 5, _LEFT + i / 5 * _SIDE, _TOP + (1 - i / 5) * _SIDE
        yield f"<line x1='{x}' y1='{_TOP}' x2='{x}' y2='{_TOP + _SIDE}' stroke='#e8e8e8'/>"
        yield f"<line x1='{_LEFT}' y1='{y}' x2='{_LEFT + _SIDE}' y2='{y}' stroke='#e8e8e8'/>"
        yield _text(x, _TOP + _SIDE + 20, f"{share:g}")
        yield _text(_LEFT - 8, y + 4, f"{share:g}", anchor="end")


def _cell(x: float, y: float, count: int, share: float, *, roomy: bool) -> list[str]:
    colour = "#fff" if share > 0.5 else "#222"
    if not roomy:
        return [_text(x, y + 4, f"{count:,}", colour=colour)] if count else []
    return [_text(x, y, f"{count:,}", colour=colour), _text(x, y + 17, f"{100 * share:.0f} %", colour=colour)]


def _text(x: float, y: float, text: str, *, anchor: str = "middle", colour: str = "#222") -> str:
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' fill='{colour}'>{escape(text)}</text>"


def _upright(x: float, y: float, text: str) -> str:
    return f"<text transform='translate({x:.1f} {y:.1f}) rotate(-90)' text-anchor='middle'>{escape(text)}</text>"


def _short(label: str) -> str:
    return label if len(label) <= 9 else f"{label[:8]}…"


def _svg(title: str, parts: Iterable[str]) -> bytes:
    width, height = _LEFT + _SIDE + 24, _TOP + _SIDE + _MARGIN
    head = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' viewBox='0 0 {width} {height}' "
        f"font-family='system-ui, sans-serif' font-size='13'><rect width='100%' height='100%' fill='#fff'/>"
        f"<text x='{_LEFT}' y='28' font-size='17' font-weight='600'>{escape(title)}</text>"
    )
    return (head + "".join(parts) + "</svg>").encode()
