"""Some of the files of a folder, by their names: ``s3://lake/days#from=2026-01-01.parquet&before=2026-03-01.parquet``.

A range of names is a part that stays a part: a file that arrives later lies in one range and in no other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import quote, unquote

_RANGE = re.compile(r"^(?P<folder>.+)#(?:from=(?P<start>[^#&]+))?&?(?:before=(?P<end>[^#&]+))?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class NameRange:
    """A range of the names within a folder.

    :param folder: URI of the folder or glob.
    :param start: the first name, relative to the folder; ``None`` for the beginning.
    :param end: the first name that is not in the range; ``None`` for none.
    """

    folder: str
    start: str | None = None
    end: str | None = None

    @property
    def uri(self) -> str:
        """The range as a URI; that of the folder when it holds all names."""
        marks = (("from", self.start), ("before", self.end))
        parts = [f"{key}={quote(name)}" for key, name in marks if name is not None]
        return f"{self.folder}#{'&'.join(parts)}" if parts else self.folder

    def holds(self, name: str) -> bool:
        """Whether a file of that name, relative to the folder, is in the range."""
        return (self.start is None or name >= self.start) and (self.end is None or name < self.end)


def parse_range(uri: str) -> NameRange | None:
    """The range that ``uri`` names; ``None`` when it names none."""
    match = _RANGE.match(uri)
    if match is None or not (match["start"] or match["end"]):
        return None
    start, end = (None if match[key] is None else unquote(match[key]) for key in ("start", "end"))
    return NameRange(folder=match["folder"], start=start, end=end)


def ranges_of(folder: str, names: Sequence[str], *, at_most: int) -> tuple[NameRange, ...]:
    """Ranges that divide the names of a folder evenly and, together, hold every name that may ever come.

    :param folder: URI of the folder.
    :param names: of its files, sorted, at least one.
    :param at_most: number of ranges.
    """
    count = min(at_most, len(names))
    starts = [names[len(names) * number // count] for number in range(count)]
    bounds = [None, *starts[1:], None]
    return tuple(NameRange(folder=folder, start=start, end=end) for start, end in pairwise(bounds))
