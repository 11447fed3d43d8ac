"""CSV files: as a table of typed columns, and as the records that the file itself has."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.types as pt

# A zip code or an article number: as a number it would lose its first digits, or its last ones.
_NO_NUMBER = r"^\s*[+-]?0[0-9]"
_NO_DOUBLE = r"^\s*[+-]?(0[0-9]|[0-9]{17,}\s*$)"
_MARK = b"\xef\xbb\xbf"  # UTF-8's, which some programs put in front

Opened = Callable[[], AbstractContextManager[Any]]
"""Opens the file for reading."""


def read_csv(opened: Opened, *, as_text: Collection[str] = (), threads: bool = True) -> pa.Table:
    """The whole file; types are those that hold the values of each column.

    :param as_text: columns that stay text whatever they hold.
    :param threads: without them, the error about a line that cannot be read tells its number.
    """
    options = pa.csv.ConvertOptions(strings_can_be_null=True, column_types=dict.fromkeys(as_text, pa.string()))
    with opened() as handle:
        return pa.csv.read_csv(handle, pa.csv.ReadOptions(use_threads=threads), convert_options=options)


def text_columns(opened: Opened, schema: pa.Schema) -> frozenset[str]:
    """Columns of ``schema`` that read as numbers and are none: numbers have no leading zeros, nor more digits than fit.

    :param schema: of the file, as ``read_csv`` takes it.
    """
    tests = {field.name: _test(field.type) for field in schema}
    wanted = [name for name, test in tests.items() if test]
    if not wanted:
        return frozenset()
    options = pa.csv.ConvertOptions(include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()))
    found: set[str] = set()
    with opened() as handle, pa.csv.open_csv(handle, convert_options=options) as reader:
        for records in reader:
            for name, values in zip(wanted, records.columns, strict=True):
                if name not in found and pc.any(pc.match_substring_regex(values, tests[name])).as_py():
                    found.add(name)
    return frozenset(found)


def _test(kind: pa.DataType) -> str:
    return _NO_NUMBER if pt.is_integer(kind) else _NO_DOUBLE if pt.is_floating(kind) else ""


def records_of(handle: Iterable[bytes]) -> Iterator[bytes]:
    """The header and every row of a CSV file as they stand there, each with its line break; empty lines are no rows.

    :param handle: the file's lines.
    """
    pending, first = b"", True
    # Lines of a file end with "\n" only; the parser takes a lone "\r" for an end as well.
    for line in (part for each in handle for part in each.splitlines(keepends=True)):
        text = line.removeprefix(_MARK) if first else line
        if not pending and not text.strip(b"\r\n"):
            continue
        first, pending = False, pending + line
        if b'"' not in pending or _is_whole(pending.removeprefix(_MARK)):
            yield pending if pending.endswith((b"\n", b"\r")) else pending + b"\n"
            pending = b""
    if pending:
        yield pending + b'"\n'  # what the parser, too, takes for the end of a text that has none


def _is_whole(record: bytes) -> bool:
    """Whether every quoted field has its end; quotes count at the start of a field only, as in the parser."""
    start = 0
    while True:
        if record[start : start + 1] == b'"':
            end = _QUOTED.match(record, start)
            if end is None:
                return False
            start = end.end()
        comma = record.find(b",", start)
        if comma < 0:
            return True
        start = comma + 1


_QUOTED = re.compile(rb'"[^"]*(?:""[^"]*)*"(?!")')


def with_field(record: bytes, value: str) -> bytes:
    """The record with one more field at its end."""
    body = record.rstrip(b"\r\n")
    text = '"' + value.replace('"', '""') + '"' if any(mark in value for mark in '",\r\n') else value
    return body + b"," + text.encode() + record[len(body) :]


def in_order(record: bytes, positions: list[int]) -> bytes:
    """The record with its fields in another order.

    :param positions: of the fields, in the order that they are to have.
    """
    fields = next(csv.reader(io.StringIO(record.decode().rstrip("\r\n"), newline="")))
    target = io.StringIO(newline="")
    csv.writer(target, lineterminator="\n").writerow([fields[position] for position in positions])
    return target.getvalue().encode()
