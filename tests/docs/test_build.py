"""``make docs`` writes a page for every public module and a website whose links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs import api, build, docstrings


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    build.build(out)
    return out


def test_every_public_module_has_a_page(built):
    names = [module.__name__ for module in api.modules()]
    assert "airflow_mlops_provider.operators.bias" in names
    assert not [name for name in names if name.startswith("airflow_mlops_provider.ui")]
    for name in names:
        assert (built / "reference" / "api" / f"{name}.html").is_file()
        assert (built / "reference" / "api" / f"{name}.md").is_file()


def test_a_page_shows_parameters_with_their_meaning(built):
    page = (built / "reference" / "api" / "airflow_mlops_provider.records.policies.drift.md").read_text()
    assert "- `min_ks_d`: smallest KS distance" in page


def test_links_of_the_website_lead_to_its_files(built):
    for page in built.rglob("*.html"):
        for link in re.findall(r'(?:href|src)="([^"#]+)', page.read_text()):
            outside = "://" in link or (
                link.startswith("../") and not (page.parent / link).resolve().is_relative_to(built)
            )
            assert outside or (page.parent / link).is_file(), f"{page.name}: {link}"


def test_a_docstring_is_taken_apart_by_its_fields():
    def measure(x):
        """First line.

        More of it, in ``code`` and :class:`~package.Kind`.

        :param x: over
            two lines.
        :returns: a number.
        :raises ValueError: when it cannot.
        """

    found = docstrings.read(measure)
    assert found.text == "First line.\n\nMore of it, in `code` and `Kind`."
    assert found.params == {"x": "over two lines."}
    assert found.returns == "a number."
    assert found.raises == {"ValueError": "when it cannot."}
