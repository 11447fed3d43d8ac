from __future__ import annotations

import re

from airflow_mlops_provider.decisions.bias import BiasPolicy, judge_bias
from airflow_mlops_provider.pages.bias import MAX_DRAWN, judged_slices
from airflow_mlops_provider.pages.charts.theme import status_colour
from airflow_mlops_provider.records.verdict import Status
from tests.builders.report_pages import bias_page, bias_report, slice_of

PAGE = bias_page()


def picture(page: str) -> str:
    found = re.search("<svg.*</svg>", page, re.DOTALL)
    return found.group() if found else ""


def test_the_worst_slice_stands_first_and_wears_the_colour_of_a_failure() -> None:
    found = re.findall('translate\\(-12,([0-9.]+)\\)"[^>]*>([^<]*)</text>', picture(PAGE))
    drawn = [text for _, text in sorted(found, key=lambda each: float(each[0]))]
    assert drawn[:2] == ["worse than the rest", "race=Hispanic"]
    assert drawn.index("not shown to be worse") < drawn.index("race=Black")
    assert f'fill="{status_colour(Status.FAIL)}"' in picture(PAGE)


def test_a_dot_says_its_share_and_its_rows() -> None:
    assert ">87.7 % of 980</text>" in picture(PAGE)
    assert ">all rows 81 %</text>" in picture(PAGE)


def test_a_slice_without_a_metric_is_in_the_table_alone() -> None:
    assert "race=missing" in PAGE
    assert "race=missing" not in picture(PAGE)


def test_a_floor_has_its_mark_and_its_column() -> None:
    assert '<th scope="col" class="n">floor</th>' in PAGE
    assert "A mark across is the floor of a critical slice." in PAGE
    assert "mark-rect" in picture(PAGE)


def test_without_critical_slices_there_is_no_floor() -> None:
    page = bias_page(policy=BiasPolicy())
    assert "floor" not in re.sub("<style>.*</style>", "", page, flags=re.DOTALL)


def test_a_report_without_any_metric_is_a_table_without_a_chart() -> None:
    page = bias_page(bias_report(slice_of("race=missing", 12, None)), BiasPolicy())
    assert picture(page) == ""
    assert "too small to judge" in page


def test_a_chart_is_cut_and_says_so_and_the_table_is_not() -> None:
    slices = [slice_of(f"shop={number}", 300, 0.85) for number in range(MAX_DRAWN + 5)]
    page = bias_page(bias_report(*slices), BiasPolicy())
    assert "5 more slices are in the table." in page
    assert page.count('<th scope="row">shop=') == MAX_DRAWN + 5
    assert picture(page).count(" of 300</text>") == MAX_DRAWN


def test_every_slice_is_judged_once() -> None:
    report = bias_report()
    found = judged_slices(report, judge_bias(report, BiasPolicy()))
    assert sorted(each.piece.subject for each in found) == sorted(piece.subject for piece in report.slices)
