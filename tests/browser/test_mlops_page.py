"""The page as a person sees it: a real API server, a real login, Chromium, Airflow's sandboxed frame."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from demo.chromium import PROGRAM, Chromium
from tests.unit.ui.samples import story

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),  # one server and one browser for all
    pytest.mark.skipif(
        PROGRAM is None, reason="Chromium is not installed (Debian and Ubuntu: apt-get install chromium)"
    ),
]

FRAME = "document.querySelector('iframe').contentDocument"


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
def browser(airflow: str) -> Iterator[Chromium]:
    """Signed in through the login page."""
    with Chromium() as opened:
        opened.sign_in(airflow, "ada", "lovelace")
        yield opened


@pytest.fixture
def page(airflow: str, browser: Chromium) -> Chromium:
    """The overview, opened in Airflow's own page."""
    browser.open(f"{airflow}/plugin/mlops")
    browser.until(f"{FRAME}.querySelector('h1').textContent === 'MLOps'")
    browser.until(f"getComputedStyle({FRAME}.querySelector('.badge')).borderRadius === '999px'")  # the style is there
    return browser


def test_the_navigation_leads_to_the_page(airflow: str, browser: Chromium) -> None:
    browser.open(f"{airflow}/")
    browser.until("document.querySelector('a[href$=\"/plugin/mlops\"]') !== null")
    browser.evaluate("document.querySelector('a[href$=\"/plugin/mlops\"]').click()")
    assert browser.until(f"{FRAME}.querySelector('h2').textContent") == "wage"


def test_the_page_shows_the_story_in_its_frame_with_its_own_style(page: Chromium) -> None:
    text = page.evaluate(f"{FRAME}.body.innerText")
    assert "3 of 8 columns drifted (worst: exper, KS D 0.57 > 0.05)" in text
    assert "Champion stays: v2" in text
    assert page.evaluate(f"getComputedStyle({FRAME}.querySelector('.badge')).borderRadius") == "999px"


def test_statuses_differ_in_colour_and_insufficient_evidence_is_hatched(page: Chromium) -> None:
    backgrounds = page.evaluate(
        f"Object.fromEntries(['pass','notice','fail','insufficient_evidence'].map(status => {{"
        f" const style = getComputedStyle({FRAME}.querySelector('.badge.' + status));"
        f" return [status, style.color + style.backgroundColor + style.backgroundImage] }}))"
    )
    assert len(set(backgrounds.values())) == 4
    assert "repeating-linear-gradient" in backgrounds["insufficient_evidence"]


def test_a_column_that_creeps_towards_its_limit_darkens_before_it_fails(page: Chromium) -> None:
    row = page.evaluate(
        f"[...[...{FRAME}.querySelectorAll('.heat tr')].find(row => row.innerText.startsWith('exper')).cells].slice(1)"
        ".map(cell => [cell.className.split(' ')[0], getComputedStyle(cell).backgroundColor])"
    )
    assert [status for status, _ in row] == ["pass"] * 8 + ["fail"]
    assert len({colour for _, colour in row}) == 9


def test_evidence_and_its_report_open_inside_the_frame(page: Chromium) -> None:
    page.evaluate(f"[...{FRAME}.querySelectorAll('a')].find(a => a.textContent.startsWith('3 of 8')).click()")
    page.until(f"{FRAME}.querySelector('.findings') !== null")
    page.evaluate(f"{FRAME}.querySelector('details.report').open = true")
    report = page.until(f"{FRAME}.querySelector('details.report iframe').src")
    assert "/mlops/attachment?uri=" in report
    # The report's own document is out of reach: it has an origin of its own.
    assert page.until(f"{FRAME}.querySelector('details.report iframe').contentDocument === null")


def test_a_link_to_a_dag_opens_in_the_airflow_around_the_frame(page: Chromium) -> None:
    page.evaluate(f"[...{FRAME}.querySelectorAll('a')].find(a => a.textContent.startsWith('3 of 8')).click()")
    page.until(f"{FRAME}.querySelector('a[data-airflow]') !== null")
    page.evaluate(f"{FRAME}.querySelector('a[data-airflow]').click()")
    assert page.until("location.pathname === '/dags/wage_monitor' && document.querySelector('iframe') === null")


def test_the_page_follows_airflows_colour_mode(page: Chromium) -> None:
    try:
        for mode in ("dark", "light"):
            page.evaluate(f"localStorage.setItem('theme', '{mode}')")
            page.evaluate("location.reload()")
            assert page.until(f"{FRAME}.documentElement.dataset.theme === '{mode}'")
    finally:
        page.evaluate("localStorage.removeItem('theme')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_on_every_status_has_a_contrast_of_at_least_4_5(page: Chromium, airflow: str, scheme: str) -> None:
    page.prefer(scheme)
    page.open(f"{airflow}/mlops/")
    page.until("document.querySelector('.tally') !== null")
    for status in ("pass", "notice", "fail", "insufficient_evidence"):
        pair = page.evaluate(
            f"(() => {{ const style = getComputedStyle(document.querySelector('.badge.{status}'));"
            " const at = (name) => { const one = document.createElement('i'); one.style.color = `var(${name})`;"
            f" document.querySelector('.badge.{status}').append(one); return getComputedStyle(one).color }};"
            " return [style.color, at('--tint')] })()"
        )
        assert _contrast(*pair) >= 4.5, (status, pair)


def test_the_page_fits_a_phone_without_scrolling_sideways(page: Chromium, airflow: str) -> None:
    page.resize(390, 844)
    try:
        page.open(f"{airflow}/mlops/")
        page.until("document.querySelector('.checks') !== null")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    finally:
        page.resize(1400, 1000)


def test_the_page_breaks_no_rule_of_its_own_content_policy(page: Chromium) -> None:
    assert not [line for line in page.console if "Content Security Policy" in line]


def _contrast(first: str, second: str) -> float:
    """WCAG 2.2 contrast ratio of two ``rgb(r, g, b)`` colours."""
    dark, light = sorted(_luminance(colour) for colour in (first, second))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")[:3]]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


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
