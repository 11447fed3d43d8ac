"""Records of CSV files as they stand there, cut by the parser's own rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

from airflow_mlops_provider.records.csv_format import CsvFormat

_COMMAS = CsvFormat()
_MARK = b"\xef\xbb\xbf"  # UTF-8's, which some programs put in front


def records_of(handle: Iterable[bytes], form: CsvFormat = _COMMAS) -> Iterator[bytes]:
    """The header and every row of a CSV file as they stand there, each with its line break; empty lines are no rows.

    :param handle: the file's lines, in UTF-8.
    :param form: its dialect.
    """
    pending, first = b"", True
    separator, quote = form.separator.encode(), form.quote.encode()
    # Lines of a file end with "\n" only; the parser takes a lone "\r" for an end as well.
    for line in (part for each in handle for part in each.splitlines(keepends=True)):
        text = line.removeprefix(_MARK) if first else line
        if not pending and not text.strip(b"\r\n"):
            continue
        first, pending = False, pending + line
        if quote not in pending or _is_whole(pending.removeprefix(_MARK), separator, quote):
            yield pending if pending.endswith((b"\n", b"\r")) else pending + b"\n"
            pending = b""
    if pending:
        yield pending + quote + b"\n"  # what the parser, too, takes for the end of a text that has none


def _is_whole(record: bytes, separator: bytes, quote: bytes) -> bool:
    """Whether every quoted field has its end; quotes count at the start of a field only, as in the parser."""
    start, quoted = 0, _quoted(quote)
    while True:
        if record[start : start + 1] == quote:
            end = quoted.match(record, start)
            if end is None:
                return False
            start = end.end()
        found = record.find(separator, start)
        if found < 0:
            return True
        start = found + 1


@cache
def _quoted(quote: bytes) -> re.Pattern[bytes]:
    mark = re.escape(quote)
    return re.compile(b"%b[^%b]*(?:%b%b[^%b]*)*%b(?!%b)" % ((mark,) * 7))


def with_field(record: bytes, value: str, form: CsvFormat = _COMMAS) -> bytes:
    """The record with one more field at its end."""
    body = record.rstrip(b"\r\n")
    quote, special = form.quote, (form.separator, form.quote, "\r", "\n")
    text = quote + value.replace(quote, quote * 2) + quote if any(mark in value for mark in special) else value
    return body + form.separator.encode() + text.encode() + record[len(body) :]


def in_order(record: bytes, positions: list[int], form: CsvFormat = _COMMAS) -> bytes:
    """The record with its fields in another order.

    :param positions: of the fields, in the order that they are to have.
    """
    separator, quote = form.separator.encode(), form.quote.encode()
    body = record.rstrip(b"\r\n")
    fields = _fields(body.removeprefix(_MARK), separator, quote)
    return separator.join(fields[position] for position in positions) + (record[len(body) :] or b"\n")


def _fields(body: bytes, separator: bytes, quote: bytes) -> list[bytes]:
    """The fields as they stand, quotes included: an empty text is none that is missing."""
    found, start, quoted = [], 0, _quoted(quote)
    while True:
        end = quoted.match(body, start) if body[start : start + 1] == quote else None
        stop = body.find(separator, end.end() if end else start)
        found.append(body[start : stop if stop >= 0 else len(body)])
        if stop < 0:
            return found
        start = stop + 1
