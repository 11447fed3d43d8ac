"""The page's charting script comes out of an installed package; without it the page shows tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from airflow_mlops_provider.ui import rendering, views
from airflow_mlops_provider.ui.vega import vega_version
from tests.builders.page_samples import story

Page = Callable[[], TestClient]


def test_the_script_is_served_and_holds_the_interpreter_that_needs_no_eval(page: Page, root: Path) -> None:
    response = page().get(f"/mlops/static/vega.js?v={vega_version()}")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/javascript")
    assert "expressionInterpreter" in response.text


def test_a_page_with_trends_loads_the_script_and_holds_its_specifications(page: Page, root: Path) -> None:
    story(root)
    text = page().get("/mlops/").text
    assert f"/mlops/static/vega.js?v={vega_version()}" in text
    assert text.count('<script type="application/json">') == 2


def test_without_the_package_the_page_shows_tables(page: Page, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    story(root)
    for module in (rendering, views):
        monkeypatch.setattr(module, "vega_version", lambda: "")
    text = page().get("/mlops/").text
    assert "vega.js" not in text
    assert 'class="heat"' in text
    assert page().get("/mlops/static/vega.js").status_code == 404
