"""``python -m docs.build``: writes the tables of keys into the reference pages, and everything as HTML into _build."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from docs import api, site, tables

HERE = Path(__file__).resolve().parent
OUT = HERE / "_build"


def main() -> int:
    """Build; with ``--check``, write nothing and return 1 when a table is not up to date."""
    parser = argparse.ArgumentParser(prog="python -m docs.build", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only tell whether the tables are up to date")
    arguments = parser.parse_args()
    stale = [page for page in tables.PAGES if tables.refreshed(_read(page)) != _read(page)]
    if arguments.check:
        for page in stale:
            print(f"{page.relative_to(HERE.parent)} is not up to date: run make docs", file=sys.stderr)
        return 1 if stale else 0
    for page in stale:
        page.write_text(tables.refreshed(_read(page)), encoding="utf-8")
    build(OUT)
    print(f"{OUT / 'index.html'}")
    return 0


def build(out: Path) -> None:
    """Write the documentation and the API reference as Markdown and HTML below ``out``, replacing what is there."""
    shutil.rmtree(out, ignore_errors=True)
    found = api.modules()
    pages = {f"reference/api/{module.__name__}.md": api.page(module) for module in found}
    pages["reference/api/index.md"] = api.index(found)
    for name, text in pages.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text, encoding="utf-8")
    written = [path for path in HERE.rglob("*.md") if not path.is_relative_to(OUT)]
    pages |= {path.relative_to(HERE).as_posix(): _read(path) for path in written}
    images = [path for path in (HERE / "images").rglob("*") if path.is_file()]
    site.write_site(pages, [(path, path.relative_to(HERE).as_posix()) for path in images], out)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
