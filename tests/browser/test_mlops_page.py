"""The page as a person sees it: a real API server, a real login, Chromium, Airflow's sandboxed frame."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.error import URLError
from urllib.parse import parse_qs, unquote, urlsplit
from urllib.request import urlopen

import pytest
from playwright.sync_api import ConsoleMessage, FrameLocator, Page, expect

from airflow_mlops_provider.pages.charts.theme import status_colour
from airflow_mlops_provider.pages.palette import palette
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.tasks.settings import attachment_url, evidence_url
from demo.browser import PROGRAM, open_page, sign_in
from tests.browser.accessibility import violations
from tests.browser.contrast import too_faint
from tests.builders.page_samples import story

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        PROGRAM is None, reason="Chromium is not installed (Debian and Ubuntu: apt-get install chromium)"
    ),
]

STATUSES = ("pass", "notice", "fail", "insufficient_evidence")


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base address of an Airflow API server with a story to show; its whole process group ends with the test."""
    home = tmp_path_factory.mktemp("airflow")
    story(home / "mlops")
    (home / "passwords.json").write_text(json.dumps({"ada": "lovelace"}))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")} | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "ada:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": base,
        "AIRFLOW__API__WORKERS": "1",
    }
    program = Path(sys.executable).with_name("airflow")
    subprocess.run([program, "db", "migrate"], env=environment, check=True, capture_output=True)
    with (home / "api-server.log").open("wb") as log:
        server = subprocess.Popen(
            [program, "api-server"], env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        _wait_until_healthy(base, server, home / "api-server.log")
        yield base
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


@pytest.fixture(scope="module")
def browser(airflow: str) -> Iterator[Page]:
    """Signed in through the login page."""
    with open_page() as page:
        sign_in(page, airflow, "ada", "lovelace")
        yield page


@pytest.fixture
def complaints(browser: Page) -> Iterator[list[str]]:
    """What the console says of the content policy while a test runs."""
    heard: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            heard.append(message.text)

    browser.on("console", listen)
    yield heard
    browser.remove_listener("console", listen)


@pytest.fixture
def page(airflow: str, browser: Page, complaints: list[str]) -> FrameLocator:
    """The overview, opened in Airflow's own page."""
    browser.goto(f"{airflow}/plugin/mlops")
    frame = browser.frame_locator("iframe")
    expect(frame.locator("h1")).to_have_text("MLOps")
    expect(frame.locator(".badge").first).to_have_css("border-radius", "999px")  # the style is there
    expect(frame.locator(".chart svg").first).to_be_visible(timeout=60_000)  # the server makes the script once
    return frame


def test_the_navigation_leads_to_the_page(airflow: str, browser: Page) -> None:
    browser.goto(f"{airflow}/")
    browser.click('a[href$="/plugin/mlops"]')
    expect(browser.frame_locator("iframe").locator("h2").first).to_have_text("wage")


def test_the_page_shows_the_story_in_its_frame(page: FrameLocator) -> None:
    expect(page.locator("body")).to_contain_text("3 of 8 columns drifted (worst: exper, KS D 0.57 > 0.05)")
    expect(page.locator("body")).to_contain_text("Champion stays: v2")


def test_statuses_differ_in_colour_and_insufficient_evidence_is_hatched(page: FrameLocator) -> None:
    looks = {
        status: page.locator(f".badge.{status}").first.evaluate(
            "(at) => { const style = getComputedStyle(at);"
            " return style.color + style.backgroundColor + style.backgroundImage }"
        )
        for status in STATUSES
    }
    assert len(set(looks.values())) == 4
    assert "repeating-linear-gradient" in looks["insufficient_evidence"]


def test_a_column_that_creeps_towards_its_limit_fills_before_it_fails(page: FrameLocator, browser: Page) -> None:
    chart = page.locator(".trend", has_text="Drift over time").locator(".chart")
    squares = chart.locator(".mark-rect path")
    expect(squares).to_have_count(27)  # three columns in nine checks, drawn under the page's content policy
    looks = squares.evaluate_all("(all) => all.map((at) => [at.getAttribute('fill'), at.getAttribute('fill-opacity')])")
    exper = looks[:9]
    assert [fill for fill, _ in exper] == [status_colour(Status.PASS)] * 8 + [status_colour(Status.FAIL)]
    shades = [float(opacity) for _, opacity in exper[:8]]
    assert shades == sorted(set(shades))
    squares.first.hover()
    expect(page.locator("#vg-tooltip-element.visible")).to_contain_text("exper · ks_d 0.008, limit 0.05 · pass")


def test_a_square_leads_to_the_evidence_of_its_check(page: FrameLocator) -> None:
    page.locator(".chart .mark-rect path").first.click()
    expect(page.locator(".findings")).to_contain_text("exper")


def test_a_chart_has_its_numbers_as_a_table_too(page: FrameLocator) -> None:
    trend = page.locator(".trend", has_text="Drift over time")
    expect(trend.locator(".chart svg")).to_be_visible()
    trend.locator("summary").click()
    expect(trend.locator(".heat tr", has=page.locator("th", has_text="exper")).locator("td")).to_have_count(9)


def test_a_chart_follows_airflows_colour_mode(page: FrameLocator, browser: Page) -> None:
    square = page.locator(".chart .mark-rect path").first
    try:
        for mode, name in (("dark", palette()["pass"].dark), ("light", palette()["pass"].light)):
            browser.evaluate("(mode) => localStorage.setItem('theme', mode)", mode)
            browser.reload()
            red, green, blue = (int(name[at : at + 2], 16) for at in (1, 3, 5))
            expect(square).to_have_css("fill", f"rgb({red}, {green}, {blue})")
    finally:
        browser.evaluate("localStorage.removeItem('theme')")


def test_evidence_and_its_report_open_inside_the_frame(page: FrameLocator) -> None:
    page.get_by_role("link", name="3 of 8").first.click()
    expect(page.locator(".findings")).to_be_visible()
    report = page.locator("details.report").first
    report.locator("summary").click()
    expect(report.locator("iframe")).to_have_attribute("src", re.compile("/mlops/attachment\\?uri="))
    expect(report.frame_locator("iframe").locator("#script")).to_have_text("with script, origin null")
    # The report's own document is out of reach: it has an origin of its own.
    assert report.locator("iframe").evaluate("(frame) => frame.contentDocument === null")


def test_the_address_of_a_verdict_opens_inside_the_frame(
    page: FrameLocator, airflow: str, browser: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", airflow)
    link = page.locator(".why a").first
    uri = unquote((link.get_attribute("href") or "").partition("uri=")[2])
    summary = link.inner_text()
    browser.goto(evidence_url(uri))
    expect(browser.frame_locator("iframe").locator("h1")).to_have_text(summary)


def test_a_report_opens_inside_the_frame_by_a_click_and_by_its_address(
    page: FrameLocator, airflow: str, browser: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.get_by_role("link", name="3 of 8").first.click()
    page.locator("details.report summary").first.click()
    link = page.get_by_role("link", name=re.compile("^Open .* alone$")).first
    asked = parse_qs(urlsplit(link.get_attribute("href") or "").query)
    link.click()
    expect(page.locator("#script")).to_have_text("with script, origin null")
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", airflow)
    browser.goto(attachment_url(*asked["uri"], *asked["name"]))
    expect(browser.frame_locator("iframe").locator("#script")).to_have_text("with script, origin null")


def test_a_link_to_a_dag_opens_in_the_airflow_around_the_frame(page: FrameLocator, browser: Page) -> None:
    page.get_by_role("link", name="3 of 8").first.click()
    page.locator("a[data-airflow]").first.click()
    browser.wait_for_url("**/dags/wage_monitor")
    expect(browser.locator("iframe")).to_have_count(0)


def test_the_page_follows_airflows_colour_mode(page: FrameLocator, browser: Page) -> None:
    try:
        for mode in ("dark", "light"):
            browser.evaluate("(mode) => localStorage.setItem('theme', mode)", mode)
            browser.reload()
            expect(page.locator("html")).to_have_attribute("data-theme", mode)
    finally:
        browser.evaluate("localStorage.removeItem('theme')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_on_the_page_has_a_contrast_of_at_least_4_5(
    airflow: str, browser: Page, scheme: Literal["light", "dark"]
) -> None:
    browser.emulate_media(color_scheme=scheme)
    browser.goto(f"{airflow}/mlops/")
    assert too_faint(browser) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_and_its_evidence_break_no_rule_of_accessibility(
    airflow: str, browser: Page, scheme: Literal["light", "dark"]
) -> None:
    browser.emulate_media(color_scheme=scheme)
    browser.goto(f"{airflow}/mlops/")
    expect(browser.locator(".chart svg").first).to_be_visible()
    assert violations(browser) == []
    browser.get_by_role("link", name="3 of 8").first.click()
    expect(browser.locator(".findings")).to_be_visible()
    assert violations(browser) == []


def test_the_page_fits_a_phone_without_scrolling_sideways(airflow: str, browser: Page) -> None:
    browser.set_viewport_size({"width": 390, "height": 844})
    try:
        browser.goto(f"{airflow}/mlops/")
        expect(browser.locator(".checks").first).to_be_visible()
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
    finally:
        browser.set_viewport_size({"width": 1400, "height": 1000})


def test_the_page_breaks_no_rule_of_its_own_content_policy(page: FrameLocator, complaints: list[str]) -> None:
    page.get_by_role("link", name="3 of 8").first.click()
    expect(page.locator(".findings")).to_be_visible()
    assert complaints == []


def _wait_until_healthy(base: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            with urlopen(f"{base}/api/v2/monitor/health"):
                return
        except (URLError, ConnectionError):
            time.sleep(0.5)  # nothing tells when somebody else's server listens
    pytest.fail(f"the API server did not start: {log.read_text()[-2000:]}")
