"""A page read as its outline: what a screen reader goes by."""

from __future__ import annotations

from html.parser import HTMLParser

_VOID = {"meta", "link", "br", "img", "hr", "input"}


class Outline(HTMLParser):
    """Elements, heading levels and identities of a page; refuses a page whose elements are not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.headings: list[int] = []
        self.names: list[str] = []
        self.referred: list[str] = []
        self.addresses: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        assert not self._open, f"not closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.elements.append(tag)
        if tag in {"h1", "h2", "h3", "h4"}:
            self.headings.append(int(tag[1]))
        self.names += [found["id"] or ""] if "id" in found else []
        self.referred += (found.get("aria-labelledby") or "").split()
        self.addresses += [found[name] or "" for name in ("href", "src", "action") if name in found]
        assert not [name for name in found if name.startswith("on")], f"{tag} has a script: {found}"
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag, f"</{tag}> is out of order"
