"""The slices as one page: a forest plot, and the numbers as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from airflow_mlops_provider.pages.charts.intervals import Line, Reference, interval_chart
from airflow_mlops_provider.pages.charts.svg import draw
from airflow_mlops_provider.pages.charts.theme import status_colour
from airflow_mlops_provider.pages.rendering import render
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.reports.bias import BiasReport, SliceResult
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict, worst

MAX_DRAWN = 60
"""More slices than this are cut off the picture, mildest first; the table below it always holds them all."""

_WORDS = {
    Status.FAIL: "worse than the rest",
    Status.NOTICE: "worse by less than matters",
    Status.PASS: "not shown to be worse",
}
HALF = " (half)"
"""Marks the rows of a slice that was discovered on one half of all rows and is measured on the other."""

_RATES = ("selection_rate", "tpr", "fpr", "fnr")
_SHARES = ("accuracy", "precision", "recall", "selection_rate", "fpr", "fnr")


def draw_slices(report: BiasReport, verdict: Verdict) -> bytes:
    """A page with a dot and interval for every slice against the metric of all rows, and the numbers as a table.

    :param verdict: decides the colours.
    :returns: UTF-8 HTML.
    """
    slices = judged_slices(report, verdict)
    drawn = [each for each in slices if each.piece.value is not None][:MAX_DRAWN]
    page = render(
        "bias.html",
        report=report,
        verdict=verdict,
        slices=slices,
        chart=_picture(report, drawn) if drawn else "",
        left_out=sum(each.piece.value is not None for each in slices) - len(drawn),
        rates=[name for name in _RATES if any(name in each.piece.rates for each in slices)],
        limit=("floor" if report.direction is Direction.HIGHER else "ceiling") if _have_limits(slices) else "",
        has_halves=any(each.is_half for each in slices),
        text=_text,
    )
    return page.encode()


@dataclass(frozen=True, kw_only=True)
class JudgedSlice:
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
        """Its rows, marked when they are those of one half."""
        return f"{self.piece.support:,}{HALF if self.is_half else ''}"


def judged_slices(report: BiasReport, verdict: Verdict) -> list[JudgedSlice]:
    """Every slice and every confirmed discovery with its verdict, the worst first.

    :param verdict: what the report was judged to be.
    """
    by_subject: dict[str, list[Finding]] = {}
    for finding in verdict.findings:
        by_subject.setdefault(finding.subject, []).append(finding)
    displayed = report.displayed_subjects()
    halves = [each.confirmed for each in report.discoveries if each.confirmed is not None]
    judged = [_judged(piece, by_subject.get(displayed[piece.subject], []), is_half=False) for piece in report.slices]
    judged += [_judged(piece, by_subject.get(displayed[piece.subject], []), is_half=True) for piece in halves]
    return sorted(judged, key=lambda each: (-each.status.severity, each.words, -(each.piece.gap or 0.0)))


def _judged(piece: SliceResult, findings: Sequence[Finding], *, is_half: bool) -> JudgedSlice:
    status = worst(finding.status for finding in findings)
    decisive = [finding for finding in findings if finding.status is status]
    supports = [finding for finding in decisive if finding.measure.endswith("support")]
    return JudgedSlice(
        piece=piece,
        status=status,
        words="; ".join(dict.fromkeys(_finding_text(finding) for finding in supports or decisive)),
        limit=next((finding.limit for finding in findings if _is_limit(finding)), None),
        is_half=is_half,
    )


def _is_limit(finding: Finding) -> bool:
    return finding.measure.endswith(("_floor", "_ceiling"))


def _have_limits(slices: Sequence[JudgedSlice]) -> bool:
    return any(each.limit is not None for each in slices)


def _finding_text(finding: Finding) -> str:
    if finding.status is Status.INSUFFICIENT_EVIDENCE:
        return finding.detail.partition(" (")[0]  # the reason; in brackets follow the rows
    if finding.status is Status.FAIL and finding.measure.endswith("_floor"):
        return f"below its floor {_text(finding.limit)}"
    if finding.status is Status.FAIL and finding.measure.endswith("_ceiling"):
        return f"above its ceiling {_text(finding.limit)}"
    return "beyond the limit, not beyond chance" if finding.is_within_chance else _WORDS[finding.status]


def _picture(report: BiasReport, drawn: Sequence[JudgedSlice]) -> Markup:
    # Shares are read in per cent.
    of_shares = report.metric in _SHARES
    reference = Reference(value=report.value, text=f"all rows {_format_value(report.value, of_shares=of_shares)}")
    spec = interval_chart(list(_lines(drawn, of_shares=of_shares)), reference=reference, of_shares=of_shares)
    title = f"{report.metric} by slice"
    return Markup(draw({title: spec}).get(title, ""))  # noqa: S704  # an SVG that the library escaped


def _lines(drawn: Sequence[JudgedSlice], *, of_shares: bool) -> Iterator[Line]:
    above = None
    for each in drawn:
        colour, piece = status_colour(each.status), each.piece
        if (each.status, each.words) != above:
            above = (each.status, each.words)
            yield Line(label=each.words, colour=colour)
        if piece.value is not None:
            yield Line(
                label=piece.subject,
                value=piece.value,
                low=piece.low,
                high=piece.high,
                limit=each.limit,
                text=f"{_format_value(piece.value, of_shares=of_shares)} of {each.rows}",
                colour=colour,
            )


def _format_value(value: float, *, of_shares: bool) -> str:
    return f"{100 * value:.3g} %" if of_shares else f"{value:.3g}"


def _text(value: float | None, *, sign: bool = False) -> str:
    if value is None:
        return "-"
    return f"{value:+.3g}" if sign else f"{value:.3g}"
