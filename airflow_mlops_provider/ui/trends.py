"""Checks that repeat, side by side: which column or slice came how close to its limit, check after check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from airflow_mlops_provider.decisions.drift.findings import size
from airflow_mlops_provider.pages.charts.heatmap import Square, heatmap
from airflow_mlops_provider.pages.charts.theme import Spec
from airflow_mlops_provider.pages.rendering import status_word
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.verdict import Finding
from airflow_mlops_provider.ui.board import NEWEST_IN_TRENDS, Check
from airflow_mlops_provider.ui.entries import Entry

WORST_ROWS = 10
"""How many columns or slices are listed; the others were quieter."""

_TITLES = {Kind.DRIFT: "Drift over time", Kind.BIAS: "Slices over time"}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One number of one check.

    :param finding: the worst that was found; ``None`` where that check did not look at it.
    :param strength: observed against limit in tenths: 0 nothing, 10 at the limit or beyond it.
    """

    finding: Finding | None
    strength: int = 0


@dataclass(frozen=True, kw_only=True)
class Row:
    """One column or slice through all checks.

    :param subject: its name.
    :param cells: one for each check, oldest first.
    """

    subject: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, kw_only=True)
class Trend:
    """A table of checks, oldest first, against columns or slices, worst first.

    :param title: of the table.
    :param checks: the head of the table.
    :param rows: the worst of them.
    :param quieter: how many more there are.
    """

    title: str
    checks: tuple[Entry, ...]
    rows: tuple[Row, ...]
    quieter: int


def trends_of(checks: Iterable[Check]) -> tuple[Trend, ...]:
    """The trends of one model or dataset; checks that were made only once have none.

    :param checks: all that is known of each kind of check.
    """
    return tuple(
        trend
        for check in checks
        if check.kind in _TITLES and len(check.history) > 1 and (trend := _trend(check)) is not None
    )


def trend_chart(trend: Trend, base: str) -> Spec:
    """The same as a heat map: each square tells its number against its limit, and leads to the check's evidence.

    :param trend: what is drawn.
    :param base: address of the page.
    """
    squares = [
        Square(
            row=number,
            check=check,
            status=cell.finding.status,
            share=cell.strength / 10,
            text=_in_words(trend.checks[check], row.subject, cell.finding),
            link=f"{base}/evidence?uri={quote(trend.checks[check].uri, safe='')}",
        )
        for number, row in enumerate(trend.rows)
        for check, cell in enumerate(row.cells)
        if cell.finding is not None
    ]
    spec = heatmap([row.subject for row in trend.rows], len(trend.checks), squares)
    return {**spec, "background": None}  # the page lies below it


def _in_words(entry: Entry, subject: str, finding: Finding) -> str:
    observed = "not measured" if finding.observed is None else f"{finding.observed:.4g}"
    when = f"{entry.written_at:%Y-%m-%d %H:%M} UTC"
    return (
        f"{when} · {subject} · {finding.measure} {observed}, limit {finding.limit:.4g} · {status_word(finding.status)}"
    )


def _trend(check: Check) -> Trend | None:
    entries = tuple(entry for entry in check.history if entry.evidence)[-NEWEST_IN_TRENDS:]
    found = [_measured(entry) for entry in entries]
    subjects = dict.fromkeys(subject for measured in found for subject in measured)
    rows = [
        Row(subject=subject, cells=tuple(_cell(measured.get(subject)) for measured in found)) for subject in subjects
    ]
    rows.sort(key=_by_severity, reverse=True)
    if not rows:
        return None
    return Trend(
        title=_TITLES[check.kind],
        checks=entries,
        rows=tuple(rows[:WORST_ROWS]),
        quieter=max(0, len(rows) - WORST_ROWS),
    )


def _measured(entry: Entry) -> dict[str, Finding]:
    """By subject the worst of what has a limit, and of equals the nearest to it."""
    worst: dict[str, Finding] = {}
    for found in entry.outcome.verdict.findings:
        if found.limit is not None and _rank(found) > _rank(worst.get(found.subject)):
            worst[found.subject] = found
    return worst


def _rank(finding: Finding | None) -> tuple[int, int]:
    return (finding.status.severity, _strength(finding)) if finding else (-1, 0)


def _cell(finding: Finding | None) -> Cell:
    return Cell(finding=finding, strength=_strength(finding) if finding else 0)


def _strength(finding: Finding) -> int:
    return 0 if finding.observed is None else round(10 * min(1.0, max(0.0, size(finding))))


def _by_severity(row: Row) -> tuple[int, int, int]:
    """By the worst status, then by how often, then by how near to the limit."""
    severities = [_rank(cell.finding)[0] for cell in row.cells]
    worst = max(severities)
    return worst, severities.count(worst), sum(cell.strength for cell in row.cells)
