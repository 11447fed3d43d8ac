from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.verdict import Finding, Status, worst
from airflow_mlops_provider.ui.auth import Reader
from airflow_mlops_provider.ui.board import NEWEST_IN_TRENDS, read_board
from airflow_mlops_provider.ui.trends import WORST_ROWS, Trend, trends_of
from tests.builders.page_samples import dataset, origin, write


def finding(subject: str, observed: float | None, status: Status = Status.PASS, **more: Any) -> Finding:
    return Finding(
        **{"subject": subject, "measure": "ks_d", "observed": observed, "limit": 0.05, "status": status, **more}
    )


def check(root: Path, hours_ago: float, *findings: Finding, kind: Kind = Kind.DRIFT) -> None:
    write(
        root,
        kind,
        worst(found.status for found in findings),
        "looked",
        hours_ago=hours_ago,
        findings=findings,
        dataset=dataset("a"),
        origin=origin("watch"),
    )


def trends(root: Path, reader: Reader) -> tuple[Trend, ...]:
    [group] = read_board(str(root), reader).datasets
    return trends_of(group.checks)


def test_a_check_that_was_made_once_has_no_trend(root: Path, reader: Reader) -> None:
    check(root, 1, finding("hours", 0.01))
    assert trends(root, reader) == ()


def test_columns_stand_worst_first_and_checks_oldest_first(root: Path, reader: Reader) -> None:
    check(root, 2, finding("hours", 0.01), finding("educ", 0.04))
    check(root, 1, finding("hours", 0.2, Status.FAIL), finding("educ", 0.03))
    [trend] = trends(root, reader)
    assert [row.subject for row in trend.rows] == ["hours", "educ"]
    hours = trend.rows[0].cells
    assert [cell.strength for cell in hours] == [2, 10]
    assert [cell.finding and cell.finding.status for cell in hours] == [Status.PASS, Status.FAIL]


def test_a_column_that_one_check_did_not_look_at_leaves_a_gap(root: Path, reader: Reader) -> None:
    check(root, 2, finding("hours", 0.01))
    check(root, 1, finding("hours", 0.01), finding("new", 0.02))
    [trend] = trends(root, reader)
    assert next(cell.finding for row in trend.rows if row.subject == "new" for cell in row.cells) is None


def test_a_column_with_several_numbers_shows_the_worst_of_them(root: Path, reader: Reader) -> None:
    missing = finding("hours", 0.03, Status.FAIL, measure="missing_change", limit=0.02)
    for hours in (2, 1):
        check(root, hours, finding("hours", 0.04), missing)
    [trend] = trends(root, reader)
    assert [cell.finding for row in trend.rows for cell in row.cells] == [missing, missing]


def test_a_classifier_that_guesses_has_no_strength(root: Path, reader: Reader) -> None:
    for hours, auc in ((2, 0.5), (1, 0.525)):
        check(root, hours, finding("all features together", auc, measure="joint_auc", limit=0.55))
    [trend] = trends(root, reader)
    assert [cell.strength for cell in trend.rows[0].cells] == [0, 5]


def test_what_could_not_be_measured_is_shown_as_such(root: Path, reader: Reader) -> None:
    for hours in (2, 1):
        check(root, hours, finding("hisp=1", None, Status.INSUFFICIENT_EVIDENCE), kind=Kind.BIAS)
    [trend] = trends(root, reader)
    assert trend.title == "Slices over time"
    assert {cell.finding.status for cell in trend.rows[0].cells if cell.finding} == {Status.INSUFFICIENT_EVIDENCE}


def test_a_wide_table_and_a_long_history_are_cut_and_say_so(root: Path, reader: Reader) -> None:
    columns = [f"c{number}" for number in range(WORST_ROWS + 3)]
    for hours in range(NEWEST_IN_TRENDS + 2):
        check(root, hours, *(finding(column, 0.01) for column in columns))
    [trend] = trends(root, reader)
    assert (len(trend.rows), trend.quieter, len(trend.checks)) == (WORST_ROWS, 3, NEWEST_IN_TRENDS)


def test_a_check_whose_findings_have_no_limits_has_no_trend(root: Path, reader: Reader) -> None:
    for hours in (2, 1):
        check(root, hours, finding("dataset", 1.0, limit=None))
    assert trends(root, reader) == ()
