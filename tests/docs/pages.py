"""The documentation as data: its pages, their fenced blocks, headings, links and anchors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
DOCS = REPOSITORY / "docs"
RUNS_ITS_COMMANDS = {"docs/tutorial.md"}
"""Pages whose ``console`` commands run as well, and whose shown output is held against what is printed."""

_FENCE = re.compile(r"^(`{3,})([\w-]*)[^`]*$")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the number of its first line in the page (from 1) and its lines."""

    language: str
    first: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(REPOSITORY).as_posix()

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        found, fence, language, first, lines = [], "", "", 0, []
        for number, line in enumerate(self.text.splitlines(), 1):
            opened = _FENCE.match(line)
            if not fence and opened:
                fence, language, first, lines = opened.group(1), opened.group(2), number + 1, []
            elif fence and line.rstrip() == fence:
                found.append(Block(language, first, tuple(lines)))
                fence = ""
            elif fence:
                lines.append(line)
        assert not fence, f"{self.name}: a fence is never closed"
        return tuple(found)

    @cached_property
    def prose(self) -> str:
        """The page without its fenced blocks, line for line."""
        lines = self.text.splitlines()
        for block in self.blocks:
            for number in range(block.first - 2, block.first + len(block.lines)):
                lines[number] = ""
        return "\n".join(lines)

    @property
    def anchors(self) -> set[str]:
        """What ``#anchor`` may name, as GitHub makes it from headings."""
        headings = [match.group(1) for line in self.prose.splitlines() if (match := _HEADING.match(line))]
        return {_anchor(heading) for heading in headings}

    @property
    def links(self) -> list[str]:
        without_code = re.sub(r"`[^`\n]*`", "", self.prose)
        return _LINK.findall(without_code)

    def section(self, heading: str) -> str:
        """The lines from ``heading`` to the next heading of the same or a higher level, blocks included."""
        start = re.search(rf"^(#+) {re.escape(heading)}$", self.text, re.MULTILINE)
        assert start, f"{self.name} has no heading {heading!r}"
        rest = self.text[start.end() :]
        end = re.search(rf"^#{{1,{len(start.group(1))}}} ", rest, re.MULTILINE)
        return rest[: end.start()] if end else rest

    def script(self) -> str:
        """The page's Python as one script in which every line keeps its number, so that errors name the page's."""
        lines = [""] * len(self.text.splitlines())
        for block in self.blocks:
            for offset, line in enumerate(block.lines):
                if block.language == "python":
                    lines[block.first - 1 + offset] = line
                elif self.name in RUNS_ITS_COMMANDS and block.language == "console" and line.startswith("$ "):
                    lines[block.first - 1 + offset] = _command(line.removeprefix("$ "))
        return "\n".join(lines) + "\n"


def _command(command: str) -> str:
    return f"__import__('subprocess').run({command!r}, shell=True, check=True)"


def _anchor(heading: str) -> str:
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def all_pages() -> list[Page]:
    """README, CHANGELOG and every page of the documentation, but not what was built from it."""
    built = DOCS / "_build"
    found = [path for path in sorted(DOCS.rglob("*.md")) if not path.is_relative_to(built)]
    return [Page(REPOSITORY / "README.md"), Page(REPOSITORY / "CHANGELOG.md"), *map(Page, found)]
