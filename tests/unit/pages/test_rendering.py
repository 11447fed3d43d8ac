"""What holds for every page that is attached to evidence."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from airflow_mlops_provider.pages.rendering import STYLE
from tests.builders.page_outline import Outline
from tests.builders.report_pages import MARKUP, pages

PAGES = pages()


@pytest.fixture(params=sorted(PAGES))
def page(request: pytest.FixtureRequest) -> str:
    return PAGES[request.param]


def test_a_page_has_landmarks_and_its_headings_in_order(page: str) -> None:
    outline = Outline(page)
    assert outline.elements.count("main") == 1
    assert outline.elements.count("header") == 1
    assert outline.headings[0] == 1
    assert outline.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(outline.headings, outline.headings[1:], strict=False))


def test_names_of_elements_are_unique_and_labels_point_at_one(page: str) -> None:
    outline = Outline(page)
    assert len(outline.names) == len(set(outline.names))
    assert set(outline.referred) <= set(outline.names)


def test_a_page_loads_nothing_and_runs_nothing(page: str) -> None:
    outline = Outline(page)
    assert all(address.startswith("#") for address in outline.addresses)
    assert not {"script", "link", "iframe", "img"} & set(outline.elements)
    assert "url(" not in page
    assert "@import" not in page


def test_names_from_the_data_are_text_and_never_markup(page: str) -> None:
    assert MARKUP not in page
    assert "&lt;b onclick=&#34;x&#34;&gt;&amp;" in page
    assert "<script" not in page


def test_every_page_wears_the_one_style(page: str) -> None:
    assert STYLE.read_text(encoding="utf-8") in page


def test_the_same_report_gives_the_same_bytes_in_another_process() -> None:
    code = "import json; from tests.builders.report_pages import pages; print(json.dumps(pages()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == PAGES
