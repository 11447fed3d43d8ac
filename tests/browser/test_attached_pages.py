"""The pages beside evidence as a person sees them: light and dark, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from airflow_mlops_provider.analysis.drift.evidently_report import render_evidently
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from demo.browser import PROGRAM, open_page
from tests.browser.accessibility import violations
from tests.browser.contrast import too_faint
from tests.builders.report_pages import pages

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        PROGRAM is None, reason="Chromium is not installed (Debian and Ubuntu: apt-get install chromium)"
    ),
]

PAGES = ("bias", "model_card", "validation")


@pytest.fixture(scope="module")
def attached() -> dict[str, str]:
    return pages()


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    with open_page() as page:
        yield page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_every_text_has_a_contrast_of_at_least_4_5(
    browser: Page, attached: dict[str, str], name: str, scheme: Literal["light", "dark"]
) -> None:
    browser.emulate_media(color_scheme=scheme)
    browser.set_content(attached[name])
    assert too_faint(browser) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_breaks_no_rule_of_accessibility(
    browser: Page, attached: dict[str, str], name: str, scheme: Literal["light", "dark"]
) -> None:
    browser.emulate_media(color_scheme=scheme)
    browser.set_content(attached[name])
    assert violations(browser) == []


def test_a_broken_rule_would_be_found(browser: Page) -> None:
    browser.set_content("<html lang='en'><title>t</title><h1>h</h1><img src='data:,'></html>")
    assert [found.partition(":")[0] for found in violations(browser)] == ["image-alt", "landmark-one-main", "region"]


def test_a_faint_text_would_be_found(browser: Page) -> None:
    browser.emulate_media(color_scheme="light")
    browser.set_content("<p style='color: #999'>faint</p><p style='color: #555'>clear</p>")
    assert [found.partition(": ")[2] for found in too_faint(browser)] == ["faint"]


def test_dark_and_light_differ_and_so_do_their_charts(browser: Page, attached: dict[str, str]) -> None:
    looks = []
    for scheme in ("light", "dark"):
        browser.emulate_media(color_scheme=scheme)
        browser.set_content(attached["bias"])
        text = browser.locator("svg text").first.evaluate("(at) => getComputedStyle(at).fill")
        looks.append((text, browser.evaluate("getComputedStyle(document.body).backgroundColor")))
    assert len({text for text, _ in looks}) == 2
    assert len({ground for _, ground in looks}) == 2


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_phone_without_scrolling_sideways(browser: Page, attached: dict[str, str], name: str) -> None:
    browser.set_viewport_size({"width": 390, "height": 844})
    browser.set_content(attached[name])
    assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
    browser.set_viewport_size({"width": 1440, "height": 1000})
    browser.set_content(attached[name])
    assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.fixture(scope="module")
def evidently(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Evidently's page of a batch that is like its reference, under a verdict that says otherwise."""
    folder = tmp_path_factory.mktemp("evidently")
    pd.DataFrame({"hours": range(300), "kind": [nr % 3 for nr in range(300)]}).to_parquet(folder / "batch.parquet")
    batch = open_dataset(str(folder / "batch.parquet"))
    finding = Finding(subject="hours", measure="ks_d", observed=1.0, limit=0.05, status=Status.FAIL)
    verdict = Verdict.of([finding], summary="1 of 2 columns drifted")
    page = folder / "page.html"
    page.write_bytes(render_evidently(batch, batch, ["hours", "kind"], verdict))
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_verdict_above_evidentlys_page_can_be_read(
    browser: Page, evidently: Path, scheme: Literal["light", "dark"]
) -> None:
    browser.emulate_media(color_scheme=scheme)
    browser.goto(evidently.as_uri())
    expect(browser.locator("body")).to_contain_text("Dataset Drift is NOT detected", timeout=60_000)
    expect(browser.locator(".mlops-note strong")).to_have_text("fail: 1 of 2 columns drifted")
    note = browser.locator(".mlops-note").inner_text()
    assert not [found for found in too_faint(browser) if found.partition(": ")[2] in note]


def test_evidentlys_page_can_be_scrolled_to_its_end_on_a_phone(browser: Page, evidently: Path) -> None:
    browser.set_viewport_size({"width": 390, "height": 844})
    browser.goto(evidently.as_uri())
    expect(browser.locator("body")).to_contain_text("Dataset Drift is NOT detected", timeout=60_000)
    assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
    drawn = browser.locator('[id^="root_metric_"]')
    assert drawn.evaluate("(at) => at.scrollWidth > at.clientWidth && getComputedStyle(at).overflowX === 'auto'")
