from __future__ import annotations

from airflow_mlops_provider.pages.model_card import to_html, to_markdown
from tests.builders.page_outline import Outline
from tests.builders.report_pages import card_page, model_card


def test_the_contents_lead_to_every_section_that_is_filled() -> None:
    outline = Outline(card_page())
    assert outline.addresses[1:] == ["#intended_use", "#metrics", "#slices", "#how_to_use"]
    assert {address.removeprefix("#") for address in outline.addresses} <= set(outline.names)


def test_text_by_people_keeps_its_paragraphs_and_is_no_markup() -> None:
    page = card_page()
    assert page.count('<p class="human">') == 2
    assert "&lt;script&gt;x()&lt;/script&gt;" in page


def test_a_status_in_a_table_wears_its_badge_and_a_number_stands_right() -> None:
    page = card_page()
    assert '<span class="badge insufficient_evidence">' in page
    assert '<td class="n">1,039</td>' in page


def test_markdown_and_html_hold_the_same_sections() -> None:
    card = model_card()
    for title in ("Intended use", "Metrics", "Slices", "How to use"):
        assert f"## {title}" in to_markdown(card)
        assert f">{title}</h2>" in to_html(card)
