"""What a CSV file that cannot be read looks like: found only for the error that says what to declare."""

from __future__ import annotations

import codecs
from typing import Any

import pyarrow.types as pt

from airflow_mlops_provider.records.csv_format import CsvFormat

_HEAD = 1 << 16
_SEPARATORS = (";", "\t", "|", ",")
_LINES = 20
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def wrong_encoding(handle: Any, form: CsvFormat) -> str:
    """Why the file is not in its encoding, ``""`` when it is.

    :param handle: the file's own bytes.
    """
    head = bytes(handle.read(_HEAD))
    if form.is_utf8:
        found = _MARKS.get(head[:2]) or ("utf-16" if b"\0" in head[:1000] else "")
        if found:
            return f"it is not UTF-8 but looks like {found.upper()}; declare it, as in csv: {{encoding: {found}}}"
    if "\n".encode(form.encoding) != b"\n":
        return _undecodable_whole(handle, head, form)
    return _undecodable(handle, head, form)


def _undecodable_whole(handle: Any, head: bytes, form: CsvFormat) -> str:
    decoder = codecs.getincrementaldecoder(form.encoding)()
    part = head
    try:
        while part:
            decoder.decode(part)
            part = bytes(handle.read(_HEAD))
        decoder.decode(b"", final=True)
    except UnicodeError:
        return f"it is not {form.encoding.upper()}; declare what it is, as in {_EXAMPLE}"
    return ""


def _undecodable(handle: Any, head: bytes, form: CsvFormat) -> str:
    """The first line that cannot be decoded, for encodings whose lines end with a byte of their own."""
    rest, line = head, 1
    while rest:
        *lines, last = rest.split(b"\n")
        more = bytes(handle.read(_HEAD))
        for each in [*lines, *(() if more else (last,))]:
            try:
                each.decode(form.encoding)
            except UnicodeDecodeError as error:
                byte = f"byte 0x{each[error.start]:02x}"
                return f"line {line} is not {form.encoding.upper()} ({byte}); declare what it is, as in {_EXAMPLE}"
            line += 1
        rest = last + more if more else b""
    return ""


_EXAMPLE = "csv: {encoding: cp1252}"


def wrong_separator(handle: Any, form: CsvFormat) -> str:
    """Why one column is not what the file has, ``""`` when its lines hold no other separator.

    :param handle: the file, in UTF-8.
    """
    lines = bytes(handle.read(_HEAD)).decode(errors="replace").splitlines()[:_LINES]
    lines = [line for line in lines if line]
    for separator in _SEPARATORS:
        if separator == form.separator or not lines:
            continue
        counts = [line.count(separator) for line in lines]
        if counts[0] and all(count >= counts[0] for count in counts[:-1]):
            shown = "a tab" if separator == "\t" else repr(separator)
            many = f"{counts[0] + 1} fields with {shown} between them"
            spelt = "\\t" if separator == "\t" else separator
            return f'its lines look like {many}; declare it, as in csv: {{separator: "{spelt}"}}'
    return ""


def has_bytes(schema: Any) -> bool:
    """Whether a column was taken for bytes, which is what the parser makes of text that is not UTF-8."""
    return any(pt.is_binary(kind) for kind in schema.types)
