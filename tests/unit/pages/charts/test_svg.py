"""A chart that is evidence: the same numbers give the same bytes, in any process and with any fonts."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from airflow_mlops_provider.pages.charts import svg
from airflow_mlops_provider.pages.charts.confusion import MAX_CLASSES, confusion_chart
from airflow_mlops_provider.pages.charts.curves import calibration_chart, roc_chart
from airflow_mlops_provider.pages.charts.heatmap import Square, heatmap
from airflow_mlops_provider.pages.charts.importance import importance_chart
from airflow_mlops_provider.pages.charts.theme import Spec, colour
from airflow_mlops_provider.pages.palette import palette
from airflow_mlops_provider.records.reports.training import Confusion, Curve, Importance
from airflow_mlops_provider.records.verdict import Status
from tests.builders.report_pages import training_report

REPORT = training_report()
SQUARES = [
    Square(row=0, check=0, status=Status.PASS, share=0.3, text="0.3 of its limit", link="/a"),
    Square(row=0, check=1, status=Status.FAIL, share=1, text="beyond its limit", link="/b"),
    Square(row=1, check=1, status=Status.INSUFFICIENT_EVIDENCE, share=0, text="-", link="/c"),
]


def specs() -> dict[str, Spec]:
    assert REPORT.roc
    assert REPORT.calibration
    assert REPORT.confusion
    matrix = confusion_chart(REPORT.confusion)
    assert matrix
    return {
        "roc": roc_chart(REPORT.roc),
        "calibration": calibration_chart(REPORT.calibration),
        "confusion": matrix,
        "importance": importance_chart(REPORT.importance),
        "heatmap": heatmap(["exper", "a column with a long name"], 2, SQUARES),
    }


SPECS = specs()


@pytest.fixture(scope="module")
def drawn() -> dict[str, str]:
    """Every chart, drawn once for all tests."""
    return svg.draw(SPECS)


def test_the_layout_depends_on_no_installed_font() -> None:
    narrow, wide = (
        "".join(svg.draw(json.loads(json.dumps(SPECS).replace("system-ui, sans-serif", font))).values()).replace(
            font, "@"
        )
        for font in ("Liberation Sans", "Liberation Mono")
    )
    assert narrow == wide


def test_the_same_specification_gives_the_same_bytes_again(drawn: dict[str, str]) -> None:
    assert svg.draw(SPECS) == drawn
    assert sorted(drawn) == sorted(SPECS)


def test_every_colour_of_a_chart_has_its_twin_in_the_dark(drawn: dict[str, str]) -> None:
    for name, text in drawn.items():
        rules = text.partition("<style>")[2].partition("</style>")[0]
        used = {
            value
            for element in ET.fromstring(text).iter()
            for kind in ("fill", "stroke")
            if (value := element.get(kind)) and value not in {"none", "transparent"}
        }
        assert used <= {each.light for each in palette().values()}, name
        assert all(f'="{light}"]' in rules for light in used), name


def test_a_picture_says_in_words_what_it_is() -> None:
    [text] = svg.draw({'a "chart" & more': SPECS["roc"]}).values()
    root = ET.fromstring(text)
    assert (root.get("role"), root.get("aria-label")) == ("img", 'a "chart" & more')


def test_a_name_may_hold_any_character() -> None:
    names = ("a\x00\x01", "\ufffe", "\x1b[0m", "lone \udc00", "\u202eאב", "y\u0306" * 40, "\n", "", "</style>")
    forest = importance_chart([Importance(feature=name, mean=0.1, std=0.01) for name in names])
    matrix = confusion_chart(Confusion(labels=names, counts=((1,) * len(names),) * len(names)))
    squares = [
        Square(row=at, check=0, status=Status.FAIL, share=1, text=name, link="/x") for at, name in enumerate(names)
    ]
    assert matrix is not None
    found = svg.draw({"\x00forest": forest, "matrix": matrix, "squares": heatmap(names, 1, squares)})
    assert len(found) == 3
    for text in found.values():
        ET.fromstring(text)


def test_a_crash_of_the_library_leaves_the_chart_out_and_the_job_alive(caplog: pytest.LogCaptureFixture) -> None:
    # An expression can make a character that no check of the specification sees.
    crashing = {
        "data": {"values": [{}]},
        "transform": [{"calculate": r"'\u0001'", "as": "text"}],
        "mark": "text",
        "encoding": {"text": {"field": "text", "type": "nominal"}},
    }
    assert svg.draw({"x": crashing}) == {}
    assert "The charts could not be drawn and are left out: " in caplog.text


def test_a_curve_that_goes_straight_up_is_drawn_in_its_order() -> None:
    drawn = svg.draw({"x": roc_chart(Curve(x=(0, 0, 0, 1), y=(0, 0.5, 1, 1)))})
    assert 'd="M0,380L0,190L0,0L380,0"' in drawn["x"]


def test_two_classes_whose_names_are_cut_to_the_same_stay_two() -> None:
    names = ("a very long name 1", "a very long name 2")
    spec = confusion_chart(Confusion(labels=names, counts=((3, 1), (2, 4))))
    assert spec is not None
    assert svg.draw({"x": spec})["x"].count(">a very l…</text>") == 4


def test_a_matrix_of_too_many_classes_is_not_drawn() -> None:
    many = tuple(map(str, range(MAX_CLASSES + 1)))
    assert confusion_chart(Confusion(labels=many, counts=((1,) * len(many),) * len(many))) is None


def test_an_address_in_a_specification_is_not_loaded(caplog: pytest.LogCaptureFixture) -> None:
    spec = {"data": {"url": "http://127.0.0.1:9/rows.json"}, "mark": "point", "encoding": {}}
    assert svg.draw({"x": spec}) == {}
    assert "not allowed" in caplog.text


def test_text_in_a_full_cell_of_the_matrix_is_readable_in_both_themes() -> None:
    def channels(name: str, theme: str) -> list[int]:
        text = getattr(palette()[name], theme)
        return [int(text[at : at + 2], 16) for at in (1, 3, 5)]

    def luminance(parts: list[float]) -> float:
        red, green, blue = ((c / 255) / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    spec = confusion_chart(Confusion(labels=("a",), counts=((1,),)))
    assert spec is not None
    opacity = spec["layer"][0]["data"]["values"][0]["opacity"]
    assert spec["layer"][0]["layer"][0]["mark"]["fill"] == colour("link")
    for theme in ("light", "dark"):
        pairs = zip(channels("link", theme), channels("surface", theme), strict=True)
        cell = luminance([opacity * over + (1 - opacity) * under for over, under in pairs])
        ink = luminance([float(part) for part in channels("ink", theme)])
        assert (max(cell, ink) + 0.05) / (min(cell, ink) + 0.05) >= 4.5, theme
