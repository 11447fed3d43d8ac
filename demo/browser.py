"""Debian's Chromium under Playwright: one page for pictures and for the browser tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, sync_playwright

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
"""The browser of this machine; Playwright's own download is not used. ``None`` where there is none."""

_FLAGS = (
    "--no-sandbox",  # runs as root in containers; it opens nothing but this machine's own page
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def open_page(*, width: int = 1400, height: int = 1000) -> Iterator[Page]:
    """A page of a headless browser, which is closed in the end.

    :param width: in CSS pixels.
    :param height: in CSS pixels.
    :raises RuntimeError: when this machine has no Chromium.
    """
    if PROGRAM is None:
        raise RuntimeError("Chromium is not installed (Debian and Ubuntu: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=list(_FLAGS))
        try:
            yield browser.new_page(viewport={"width": width, "height": height})
        finally:
            browser.close()


def sign_in(page: Page, airflow: str, user: str, password: str) -> None:
    """Log in to the Airflow at ``airflow`` through its login page, as a person would."""
    page.goto(f"{airflow}/")
    page.fill("input[name=username]", user)
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "/auth" not in url)
