"""How the summary of a verdict is written: one line of at most two clauses; everything else is said by the findings."""

from __future__ import annotations

import re
from collections.abc import Sequence

MAX_LENGTH = 120
"""Characters of a summary."""
MAX_NAME = 32
"""Characters of a name that a user gave, within a summary."""

_CUT = "..."
_CLAUSE_END = re.compile(r"[;,] |;$")


def summarise(first: str, second: str = "") -> str:
    """A summary of one clause, or of two.

    :param first: the clause that must be read.
    :param second: how it goes on, with its comma or colon in front; left out when both are too long together.
    :returns: one line of at most :data:`MAX_LENGTH` characters.
    """
    whole = f"{first}{second}"
    return shorten(whole if len(whole) <= MAX_LENGTH else first, MAX_LENGTH)


def shorten(text: str, length: int) -> str:
    """``text`` in at most ``length`` characters; a longer one ends with ``...``."""
    return text if len(text) <= length else f"{text[: length - len(_CUT)].rstrip()}{_CUT}"


def short_name(name: object, length: int = MAX_NAME) -> str:
    """A user's name for something, such as a column or a URI, on one line and without the marks that end a clause.

    A longer one loses its middle, because both ends tell names apart.
    """
    plain = " ".join(re.sub(r"[;,:]+(?=\s|$)|;", " ", str(name)).split())
    if len(plain) > length:
        kept = length - len(_CUT)
        plain = f"{plain[: kept - kept // 2]}{_CUT}{plain[len(plain) - kept // 2 :]}"
    return plain if _is_balanced(plain) else re.sub(r"[()\[\]]", "", plain)


def _is_balanced(text: str) -> bool:
    depth = 0
    for sign in text:
        depth += (sign in "([") - (sign in ")]")
        if depth < 0:
            return False
    return depth == 0


def list_names(names: Sequence[object], *, length: int = 60) -> str:
    """``hours, educ and 12 more``: as many names as fit into ``length`` characters, one at least, and a count.

    :param names: at least one.
    """
    short = [short_name(name) for name in names]
    if len(short) == 1:
        return short[0]
    whole = f"{', '.join(short[:-1])} and {short[-1]}"
    if len(whole) <= length:
        return whole
    texts = (f"{', '.join(short[:count])} and {len(short) - count} more" for count in range(len(short) - 1, 0, -1))
    return next((text for text in texts if len(text) <= length), f"{short[0]} and {len(short) - 1} more")


def quote(text: str, length: int) -> str:
    """The beginning of a finding's detail, to stand in brackets."""
    whole = " ".join(text.replace(";", ",").split())
    plain = shorten(whole, length)
    if len(plain) < len(whole) and not _is_balanced(plain):
        plain = re.sub(r"\s*[(\[][^()\[\]]*$", _CUT, plain)
    return plain if _is_balanced(plain) else re.sub(r"[()\[\]]", "", plain)


def first_clause(text: str) -> str:
    """What stands before the first comma or semicolon outside brackets, for a summary that quotes a finding."""
    line = " ".join(text.split())
    ends = (match.start() for match in _CLAUSE_END.finditer(line) if _is_balanced(line[: match.start()]))
    return line[: next(ends, len(line))]
