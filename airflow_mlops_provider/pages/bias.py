"""The slices as a picture: one page of HTML with inline SVG, no script, nothing loaded from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from airflow_mlops_provider.records.model_spec import Direction
from airflow_mlops_provider.records.reports.bias import BiasReport, SliceResult
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict, worst

MAX_DRAWN = 60
"""More slices than this are cut off the picture, mildest first; the table below it always holds them all."""

_COLOURS = {
    Status.FAIL: "#c0362c",
    Status.INSUFFICIENT_EVIDENCE: "#9a9a9a",
    Status.NOTICE: "#c98a00",
    Status.PASS: "#2f7d4f",
}
_WORDS = {
    Status.FAIL: "worse than the rest",
    Status.NOTICE: "worse by less than matters",
    Status.PASS: "not shown to be worse",
}
HALF = " (half)"
"""Marks the rows of a slice that was discovered on one half of all rows and is told by the other."""

_HALVES = " (half): discovered on one half of the rows; these numbers are those of the other half."
_LABEL, _PLOT, _VALUE, _ROW, _TOP = 320, 460, 140, 24, 34

_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;color:#222;max-width:1000px;margin:24px auto;padding:0 16px}
h1{font-size:21px}table{border-collapse:collapse;width:100%;font-size:13px}
th,td{text-align:right;padding:3px 8px;border-bottom:1px solid #e4e4e4}
td{white-space:nowrap}td:first-child,td:last-child{white-space:normal}
th:first-child,td:first-child,td:last-child,th:last-child{text-align:left}
svg text{font:12px system-ui,sans-serif}
"""


def draw_slices(report: BiasReport, verdict: Verdict) -> bytes:
    """A page with a dot and interval for every slice against the metric of all rows, and the numbers as a table.

    :param verdict: decides the colours.
    :returns: UTF-8 HTML.
    """
    by_subject: dict[str, list[Finding]] = {}
    for finding in verdict.findings:
        by_subject.setdefault(finding.subject, []).append(finding)
    judged = [_judged(piece, by_subject.get(piece.subject, [])) for piece in report.slices]
    halves = [each.confirmed for each in report.discoveries if each.confirmed is not None]
    judged += [_judged(piece, by_subject.get(piece.subject, []), is_half=True) for piece in halves]
    pieces = sorted(judged, key=lambda each: (-each.status.severity, each.words, -(each.piece.gap or 0.0)))
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Slices</title>",
        f"<style>{_STYLE}</style><h1>{escape(report.metric)} by slice</h1>",
        f"<p>{escape(verdict.summary)}</p>",
        *_picture(report, pieces),
        *_table(report, pieces),
        *_disparities(report),
        f"<p>{report.rows:,} rows. {escape(report.method)}; 95 % intervals.{_HALVES if halves else ''}</p>",
        f"<p>{escape('; '.join(report.notes))}</p></html>",
    ]
    return "\n".join(parts).encode()


@dataclass(frozen=True, kw_only=True)
class _Judged:
    """A slice with what was found of it.

    :param words: the verdict in words.
    :param limit: its floor or ceiling, when it is critical.
    :param is_half: whether it was discovered on one half of the rows, so that its numbers are those of the other.
    """

    piece: SliceResult
    status: Status
    words: str
    limit: float | None
    is_half: bool

    @property
    def rows(self) -> str:
        return f"{self.piece.support:,}{HALF if self.is_half else ''}"


def _judged(piece: SliceResult, findings: Sequence[Finding], *, is_half: bool = False) -> _Judged:
    status = worst(finding.status for finding in findings)
    decisive = [finding for finding in findings if finding.status is status]
    supports = [finding for finding in decisive if finding.measure.endswith("support")]
    return _Judged(
        piece=piece,
        status=status,
        words="; ".join(dict.fromkeys(_words(finding) for finding in supports or decisive)),
        limit=next((finding.limit for finding in findings if _is_limit(finding)), None),
        is_half=is_half,
    )


def _is_limit(finding: Finding) -> bool:
    return finding.measure.endswith(("_floor", "_ceiling"))


def _words(finding: Finding) -> str:
    if finding.status is Status.INSUFFICIENT_EVIDENCE:
        return finding.detail.partition(" (")[0]  # the reason; in brackets follow the rows
    if finding.status is Status.FAIL and finding.measure.endswith("_floor"):
        return f"below its floor {_text(finding.limit)}"
    if finding.status is Status.FAIL and finding.measure.endswith("_ceiling"):
        return f"above its ceiling {_text(finding.limit)}"
    return _WORDS[finding.status]


def _picture(report: BiasReport, pieces: Sequence[_Judged]) -> Iterator[str]:
    drawn = [each for each in pieces if each.piece.value is not None][:MAX_DRAWN]
    if not drawn:
        return
    all_ends = [(each.piece.low, each.piece.high, each.piece.value, each.limit) for each in drawn]
    ends = [end for each in all_ends for end in each if end is not None]
    low, high = min(*ends, report.value), max(*ends, report.value)
    margin = (high - low) * 0.05 or 0.5
    low, high = low - margin, high + margin

    def x(value: float) -> float:
        return _LABEL + (value - low) / (high - low) * _PLOT

    heads = len({(each.status, each.words) for each in drawn})
    height = _TOP + _ROW * (len(drawn) + heads) + 26
    yield f"<svg viewBox='0 0 {_LABEL + _PLOT + _VALUE} {height}' role='img' aria-label='metric by slice'>"
    yield from _axis(ticks(low, high), x, height - 20, of_shares=is_share(report))
    middle = x(report.value)
    ends_at = f"x1='{middle:.1f}' y1='{_TOP - 8}' x2='{middle:.1f}' y2='{height - 20}'"
    yield f"<line {ends_at} stroke='#888' stroke-dasharray='4 3'/>"
    told = shown(report.value, of_shares=is_share(report))
    yield f"<text x='{middle:.1f}' y='{_TOP - 14}' text-anchor='middle'>all rows {told}</text>"
    row, above = 0, None
    for each in drawn:
        if (each.status, each.words) != above:
            row, above = row + 1, (each.status, each.words)
            yield (
                f"<text x='{_LABEL - 12}' y='{_TOP + _ROW * row - 6:.1f}' text-anchor='end' font-weight='600' "
                f"fill='{_COLOURS[each.status]}'>{escape(each.words)}</text>"
            )
        yield _dot(each, _TOP + _ROW * row + _ROW / 2, x, of_shares=is_share(report))
        row += 1
    yield "</svg>"
    if len(drawn) < len(pieces):
        yield f"<p>{len(pieces) - len(drawn):,} more slices are in the table.</p>"


def ticks(low: float, high: float) -> list[float]:
    """Round numbers between ``low`` and ``high``, about five of them.

    >>> ticks(0.52, 0.93)
    [0.6, 0.7, 0.8, 0.9]
    """
    step = 10.0 ** math.floor(math.log10((high - low) / 2))
    step = next(step * size for size in (0.5, 1, 2, 5) if (high - low) / (step * size) <= 6)
    return [round(i * step, 10) for i in range(math.ceil(low / step), math.floor(high / step) + 1)]


def is_share(report: BiasReport) -> bool:
    """Whether the metric is a share of rows, which people read in per cent."""
    return report.metric in ("accuracy", "precision", "recall", "selection_rate", "fpr", "fnr")


def shown(value: float, *, of_shares: bool) -> str:
    """A value as a person reads it.

    >>> shown(0.877, of_shares=True), shown(0.877, of_shares=False)
    ('87.7 %', '0.877')
    """
    return f"{100 * value:.3g} %" if of_shares else f"{value:.3g}"


def _axis(at: Sequence[float], x: Callable[[float], float], bottom: float, *, of_shares: bool) -> Iterator[str]:
    for value in at:
        here = f"{x(value):.1f}"
        yield f"<line x1='{here}' y1='{_TOP - 4}' x2='{here}' y2='{bottom}' stroke='#ededed'/>"
        label = shown(value, of_shares=of_shares)
        yield f"<text x='{here}' y='{bottom + 15}' text-anchor='middle' fill='#666'>{label}</text>"


def _dot(each: _Judged, y: float, x: Callable[[float], float], *, of_shares: bool) -> str:
    piece = each.piece
    value = piece.value if piece.value is not None else 0.0
    low, high = (value if end is None else end for end in (piece.low, piece.high))
    colour = _COLOURS[each.status]
    name = piece.subject if len(piece.subject) <= 44 else f"{piece.subject[:43]}…"
    return (
        f"<g><title>{escape(piece.subject)}: {value:.4g} in {each.rows} rows</title>"
        f"<text x='{_LABEL - 12}' y='{y + 4:.1f}' text-anchor='end'>{escape(name)}</text>"
        f"<line x1='{x(low):.1f}' y1='{y:.1f}' x2='{x(high):.1f}' y2='{y:.1f}' stroke='{colour}' stroke-width='2'/>"
        f"<circle cx='{x(value):.1f}' cy='{y:.1f}' r='5' fill='{colour}'/>{_limit_mark(each, y, x)}"
        f"<text x='{_LABEL + _PLOT + 10}' y='{y + 4:.1f}'>{shown(value, of_shares=of_shares)}"
        f"<tspan fill='#777'> of {each.rows}</tspan></text></g>"
    )


def _limit_mark(each: _Judged, y: float, x: Callable[[float], float]) -> str:
    if each.limit is None:
        return ""
    here = f"{x(each.limit):.1f}"
    return (
        f"<line x1='{here}' y1='{y - 9:.1f}' x2='{here}' y2='{y + 9:.1f}' stroke='#222' stroke-width='2'>"
        f"<title>its limit {each.limit:.4g}</title></line>"
    )


def _table(report: BiasReport, pieces: Sequence[_Judged]) -> Iterator[str]:
    rates = [name for name in ("selection_rate", "tpr", "fpr", "fnr") if any(name in p.piece.rates for p in pieces)]
    kind = "floor" if report.direction is Direction.HIGHER else "ceiling"
    limits = [kind] if any(each.limit is not None for each in pieces) else []
    names = ["slice", "rows", report.metric, "95 % interval", *limits, "rest", "gap", "p, unadjusted", *rates]
    heads = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in [*names, "verdict"])
    yield f"<table><tr>{heads}</tr>"
    for each in pieces:
        piece = each.piece
        cells = [
            escape(piece.subject),
            each.rows,
            _text(piece.value),
            f"{_text(piece.low)} to {_text(piece.high)}",
            *(_text(each.limit) for _ in limits),
            _text(piece.rest_value),
            _text(piece.gap, sign=True),
            "" if piece.p_value is None else f"{piece.p_value:.2g}",
            *(_text(piece.rates.get(name)) for name in rates),
            f"<span style='color:{_COLOURS[each.status]}'>{escape(each.words)}</span>",
        ]
        yield f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
    yield "</table>"


def _disparities(report: BiasReport) -> Iterator[str]:
    if not report.disparities:
        return
    yield "<h1>Differences between slices</h1><table><tr><th>columns</th><th>demographic parity</th>"
    yield "<th>equalised odds</th></tr>"
    for each in report.disparities:
        yield (
            f"<tr><td>{escape(' & '.join(each.columns))}</td><td>{_text(each.demographic_parity_difference)}</td>"
            f"<td>{_text(each.equalised_odds_difference)}</td></tr>"
        )
    yield "</table>"


def _text(value: float | None, *, sign: bool = False) -> str:
    if value is None:
        return "-"
    return f"{value:+.3g}" if sign else f"{value:.3g}"
