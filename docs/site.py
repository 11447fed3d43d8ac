"""Markdown pages as a plain website: one HTML file a page, links between them kept, no script."""

from __future__ import annotations

import html
import re
import shutil
from pathlib import Path

from markdown_it import MarkdownIt

_LINK = re.compile(r'(href=")(?!https?:|mailto:|#)([^"]*?)\.md((?:#[^"]*)?")')
_HEADING = re.compile(r"<(h[1-6])>(.*?)</\1>", re.S)
_TAG = re.compile(r"<[^>]*>")
_STYLE = """
body { font: 16px/1.55 system-ui, sans-serif; max-width: 58rem; margin: 2rem auto; padding: 0 1rem; color: #1d2433; }
code, pre { font: 14px/1.45 ui-monospace, monospace; background: #f4f6f9; border-radius: 4px; }
code { padding: .1em .3em; } pre { padding: .8rem 1rem; overflow-x: auto; } pre code { padding: 0; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border: 1px solid #d8dee8; padding: .35rem .6rem; text-align: left; vertical-align: top; }
img { max-width: 100%; border: 1px solid #d8dee8; } nav { margin-bottom: 2rem; }
"""


def write_site(pages: dict[str, str], images: list[tuple[Path, str]], out: Path) -> None:
    """Write every page below ``out``.

    :param pages: path such as ``how-to/drift.md`` to its Markdown.
    :param images: files to copy, each with its path below ``out``.
    """
    for name, text in pages.items():
        target = out / Path(name).with_suffix(".html")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page(text, home="../" * name.count("/")), encoding="utf-8")
    for source, name in images:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, out / name)


def page(text: str, *, home: str) -> str:
    """One HTML document.

    :param home: the way from this page to the first one, such as ``../``.
    """
    body = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    body = _LINK.sub(r"\1\2.html\3", body)
    body = _HEADING.sub(_with_anchor, body)
    first = re.search(r"^# (.+)$", text, re.M)
    title = html.escape(first.group(1) if first else "airflow-mlops-provider")
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{title}</title>\n<style>{_STYLE}</style>\n'
        f'<nav><a href="{home}index.html">airflow-mlops-provider</a> | '
        f'<a href="{home}reference/api/index.html">API</a></nav>\n{body}</html>\n'
    )


def anchor(heading: str) -> str:
    """The name of a heading in a link, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _with_anchor(match: re.Match[str]) -> str:
    tag, text = match.group(1), match.group(2)
    return f'<{tag} id="{anchor(html.unescape(_TAG.sub("", text)))}">{text}</{tag}>'
