"""Regular expressions that Python, RE2 and PostgreSQL read alike."""

from __future__ import annotations

import re

_LITERAL = r"[A-Za-z0-9 _@,:;/#%&=<>~!'\"-]"
_ESCAPED = r"\\[.^$*+?()\[\]{}|/-]"
_CLASS = r"\[\^?(?:[A-Za-z0-9]-[A-Za-z0-9]|[A-Za-z0-9 _.,:;/@#+])+-?\]"
_TIMES = r"(?:[*+?]|\{[0-9]{1,2}(?:,[0-9]{0,2})?\})?"
_ALIKE = re.compile(rf"\^?(?:(?:{_LITERAL}|{_ESCAPED}|{_CLASS}){_TIMES}|\(|\){_TIMES}|\|)*\$?")
"""Letters, classes of ASCII, groups and counts; no classes whose members are a matter of opinion, such as ``\\d``."""


def read_alike(pattern: str) -> str | None:
    """The pattern for a database that finds what Python's ``re.search`` finds; ``None`` when it may find another.

    >>> read_alike("^[A-Z]{2}-[0-9]+$")
    '^[A-Z]{2}-[0-9]+\\n?$'
    >>> read_alike(r"^\\d+") is None
    True
    """
    if not _ALIKE.fullmatch(pattern) or "()" in pattern or "(|" in pattern or "|)" in pattern or "||" in pattern:
        return None
    try:
        re.compile(pattern)
    except re.error:
        return None
    if _has_choice_outside_groups(pattern) and pattern != pattern.strip("^$"):
        return None
    ends = pattern.endswith("$") and not pattern.endswith("\\$")
    # Python's $ also stands before a last line break.
    return f"{pattern[:-1]}\n?$" if ends else pattern


def _has_choice_outside_groups(pattern: str) -> bool:
    depth = 0
    for mark in re.sub(rf"{_ESCAPED}|{_CLASS}", "", pattern):
        depth += {"(": 1, ")": -1}.get(mark, 0)
        if mark == "|" and depth == 0:
            return True
    return False
