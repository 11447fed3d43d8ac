"""Translate date patterns of data contracts, which are those of Java, to formats of Python's ``strptime``.

Source: https://docs.oracle.com/en/java/javase/17/docs/api/java.base/java/time/format/DateTimeFormatter.html
"""

from __future__ import annotations

import re

_LETTERS = {
    **dict.fromkeys(("yyyy", "uuuu", "y", "u"), "%Y"),
    **dict.fromkeys(("yy", "uu"), "%y"),
    **dict.fromkeys(("MM", "M", "LL", "L"), "%m"),
    **dict.fromkeys(("dd", "d"), "%d"),
    **dict.fromkeys(("HH", "H"), "%H"),
    **dict.fromkeys(("hh", "h"), "%I"),
    **dict.fromkeys(("mm", "m"), "%M"),
    **dict.fromkeys(("ss", "s"), "%S"),
    **dict.fromkeys(("S" * width for width in range(1, 7)), "%f"),
    **dict.fromkeys(("X", "XX", "XXX", "Z", "xx", "xxx"), "%z"),
    **dict.fromkeys(("EEE", "E"), "%a"),
    "EEEE": "%A",
    "MMM": "%b",
    "MMMM": "%B",
    "DDD": "%j",
    "a": "%p",
}
_PART = re.compile(r"'(?P<quoted>[^']*)'|(?P<letters>([A-Za-z])\3*)|(?P<sign>.)", re.DOTALL)


def strptime_format(pattern: str) -> str | None:
    """Return the pattern as a format of ``strptime``; ``None`` when ``strptime`` has no such format."""
    found = []
    for part in _PART.finditer(pattern):
        if part["quoted"] is not None:
            found.append(part["quoted"].replace("%", "%%") or "'")
        elif part["letters"] is None:
            found.append(part["sign"].replace("%", "%%"))
        elif part["letters"] in _LETTERS:
            found.append(_LETTERS[part["letters"]])
        else:
            return None
    return "".join(found) or None
