"""A link between pages leads somewhere, and every page can be reached from the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import DOCS, REPOSITORY, Page, all_pages

PAGES = {page.path: page for page in all_pages()}


def _target(page: Page, link: str) -> Path:
    return (page.path.parent / link.partition("#")[0]).resolve() if link.partition("#")[0] else page.path


@pytest.mark.parametrize("page", PAGES.values(), ids=lambda page: page.name)
def test_links_lead_to_files_and_headings_that_exist(page: Page):
    broken = []
    for link in page.links:
        if "://" in link or link.startswith("mailto:"):
            continue
        target, anchor = _target(page, link), link.partition("#")[2]
        assert target.is_relative_to(REPOSITORY), f"{page.name}: {link} leaves the repository"
        exists = target.exists() and (not anchor or target not in PAGES or anchor in PAGES[target].anchors)
        broken += [] if exists else [link]
    assert broken == []


def test_every_page_can_be_reached_from_the_readme():
    reached, waiting = set(), [REPOSITORY / "README.md"]
    while waiting:
        path = waiting.pop()
        if path in reached or path not in PAGES:
            continue
        reached.add(path)
        waiting += [_target(PAGES[path], link) for link in PAGES[path].links if "://" not in link]
    assert {page.name for path, page in PAGES.items() if path not in reached} == set()


def test_an_image_says_in_words_what_it_shows():
    for page in PAGES.values():
        assert "![](" not in page.prose, page.name


def test_nothing_but_pages_and_images_lies_in_the_documentation():
    kinds = {path.suffix for path in DOCS.rglob("*") if path.is_file() and "_build" not in path.parts}
    assert kinds <= {".md", ".py", ".pyc", ".png", ".svg"}
