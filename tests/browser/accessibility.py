"""What axe finds on a page: the rules of WCAG 2.2 at levels A and AA, and of good practice, landmarks among them."""

from __future__ import annotations

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Frame, Page


def violations(page: Page | Frame) -> list[str]:
    """Each rule that the page breaks, with the first three elements that do."""
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate("axe.run(document, {iframes: false})")["violations"]
    return [f"{each['id']}: {[node['html'][:120] for node in each['nodes'][:3]]}" for each in found]
