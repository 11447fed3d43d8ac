"""The slices as a picture: one page of HTML with inline SVG, no script, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape

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
    Status.INSUFFICIENT_EVIDENCE: "too small to judge",
    Status.NOTICE: "differs by less than matters",
    Status.PASS: "no worse",
}
_LABEL, _PLOT, _VALUE, _ROW, _TOP = 320, 460, 140, 24, 34

_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;color:#222;max-width:1000px;margin:24px auto;padding:0 16px}
h1{font-size:21px}table{border-collapse:collapse;width:100%;font-size:13px}
th,td{text-align:right;padding:3px 8px;border-bottom:1px solid #e4e4e4}
td{white-space:nowrap}td:first-child{white-space:normal}
th:first-child,td:first-child,td:last-child,th:last-child{text-align:left}
svg text{font:12px system-ui,sans-serif}.key span{margin-right:18px}
"""


def draw_slices(report: BiasReport, verdict: Verdict) -> bytes:
    """A page with a dot and interval for every slice against the metric of all rows, and the numbers as a table.

    :param verdict: decides the colours.
    :returns: UTF-8 HTML.
    """
    by_subject: dict[str, list[Finding]] = {}
    for finding in verdict.findings:
        by_subject.setdefault(finding.subject, []).append(finding)
    pieces = sorted(
        ((_status(by_subject.get(piece.subject, [])), piece) for piece in _judged(report)),
        key=lambda pair: (-pair[0].severity, -(pair[1].gap or 0.0)),
    )
    key = "".join(f"<span style='color:{_COLOURS[status]}'>&#9679; {_WORDS[status]}</span>" for status in _COLOURS)
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Slices</title>",
        f"<style>{_STYLE}</style><h1>{escape(report.metric)} by slice</h1>",
        f"<p>{escape(verdict.summary)}</p><p class='key'>{key}</p>",
        *_picture(report, pieces),
        *_table(report, pieces),
        *_disparities(report),
        f"<p>{report.rows:,} rows. {escape(report.method)}; 95 % intervals.</p>",
        f"<p>{escape('; '.join(report.notes))}</p></html>",
    ]
    return "\n".join(parts).encode()


def _judged(report: BiasReport) -> list[SliceResult]:
    confirmed = [each.confirmed for each in report.discoveries]
    return [*report.slices, *(piece for piece in confirmed if piece is not None)]


def _status(findings: Sequence[Finding]) -> Status:
    return worst(finding.status for finding in findings)


def _picture(report: BiasReport, pieces: Sequence[tuple[Status, SliceResult]]) -> Iterator[str]:
    drawn = [(status, piece) for status, piece in pieces if piece.value is not None][:MAX_DRAWN]
    if not drawn:
        return
    ends = [end for _, piece in drawn for end in (piece.low, piece.high, piece.value) if end is not None]
    low, high = min(*ends, report.value), max(*ends, report.value)
    margin = (high - low) * 0.05 or 0.5
    low, high = low - margin, high + margin

    def x(value: float) -> float:
        return _LABEL + (value - low) / (high - low) * _PLOT

    height = _TOP + _ROW * len(drawn) + 10
    yield f"<svg viewBox='0 0 {_LABEL + _PLOT + _VALUE} {height}' role='img' aria-label='metric by slice'>"
    middle = x(report.value)
    ends_at = f"x1='{middle:.1f}' y1='{_TOP - 8}' x2='{middle:.1f}' y2='{height}'"
    yield f"<line {ends_at} stroke='#888' stroke-dasharray='4 3'/>"
    yield f"<text x='{middle:.1f}' y='{_TOP - 14}' text-anchor='middle'>all rows {report.value:.3g}</text>"
    for i, (status, piece) in enumerate(drawn):
        yield _dot(status, piece, _TOP + _ROW * i + _ROW / 2, x)
    yield "</svg>"
    if len(drawn) < len(pieces):
        yield f"<p>{len(pieces) - len(drawn):,} more slices are in the table.</p>"


def _dot(status: Status, piece: SliceResult, y: float, x: Callable[[float], float]) -> str:
    value = piece.value if piece.value is not None else 0.0
    low, high = (value if end is None else end for end in (piece.low, piece.high))
    colour = _COLOURS[status]
    name = piece.subject if len(piece.subject) <= 44 else f"{piece.subject[:43]}…"
    return (
        f"<g><title>{escape(piece.subject)}: {value:.4g} in {piece.support:,} rows</title>"
        f"<text x='{_LABEL - 12}' y='{y + 4:.1f}' text-anchor='end'>{escape(name)}</text>"
        f"<line x1='{x(low):.1f}' y1='{y:.1f}' x2='{x(high):.1f}' y2='{y:.1f}' stroke='{colour}' stroke-width='2'/>"
        f"<circle cx='{x(value):.1f}' cy='{y:.1f}' r='5' fill='{colour}'/>"
        f"<text x='{_LABEL + _PLOT + 10}' y='{y + 4:.1f}'>{value:.3g} (n {piece.support:,})</text></g>"
    )


def _table(report: BiasReport, pieces: Sequence[tuple[Status, SliceResult]]) -> Iterator[str]:
    rates = [name for name in ("selection_rate", "tpr", "fpr", "fnr") if any(name in p.rates for _, p in pieces)]
    names = ["slice", "rows", report.metric, "95 % interval", "rest", "gap", "p", *rates, "verdict"]
    heads = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in names)
    yield f"<table><tr>{heads}</tr>"
    for status, piece in pieces:
        cells = [
            escape(piece.subject),
            f"{piece.support:,}",
            _text(piece.value),
            f"{_text(piece.low)} to {_text(piece.high)}",
            _text(piece.rest_value),
            _text(piece.gap, sign=True),
            "" if piece.p_value is None else f"{piece.p_value:.2g}",
            *(_text(piece.rates.get(name)) for name in rates),
            f"<span style='color:{_COLOURS[status]}'>{_WORDS[status]}</span>",
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
