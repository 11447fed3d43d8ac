"""CSV files as tables: with the types that their cells tell, or every cell as its text."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.types as pt

from airflow_mlops_provider.records.csv_format import CsvFormat

# A zip code or an article number: as a number it would lose its first digits, or its last ones.
_NO_NUMBER = r"^\s*[+-]?0[0-9]"
_NO_DOUBLE = r"^\s*[+-]?(0[0-9]|[0-9]{17,}\s*$)"
_EXPONENT = r"^[0-9]+[eE][0-9]+$"
"""An article number such as 2E5; programs that write numbers put a sign or a fraction."""

Opened = Callable[[], AbstractContextManager[Any]]
"""Opens the file for reading, in UTF-8."""


def read_typed(
    opened: Opened,
    form: CsvFormat,
    *,
    columns: Sequence[str] = (),
    types: Mapping[str, pa.DataType] | None = None,
    threads: bool = True,
) -> pa.Table:
    """The whole file, or some columns; types are those that hold the values of each column.

    :param types: column to the type that it has whatever it holds.
    :param threads: without them, the error about a line that cannot be read tells its number.
    """
    options = pa.csv.ConvertOptions(
        strings_can_be_null=True,
        null_values=sorted({spelt for value in form.null_values for spelt in (value, value.lower(), value.upper())}),
        decimal_point=form.decimal_mark,
        include_columns=list(columns),
        column_types=dict(types or {}),
    )
    with opened() as handle:
        return pa.csv.read_csv(
            handle, _reads(form, threads=threads), parse_options=_parses(form), convert_options=options
        )


def read_texts(opened: Opened, form: CsvFormat, columns: Sequence[str]) -> pa.Table:
    """Columns of the whole file as text; missing is an empty cell without quotes, and nothing else."""
    with opened() as handle:
        return pa.csv.read_csv(handle, _reads(form), parse_options=_parses(form), convert_options=_as_texts(columns))


def _as_texts(columns: Sequence[str]) -> Any:
    return pa.csv.ConvertOptions(
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        null_values=[""],
        include_columns=list(columns),
        column_types=dict.fromkeys(columns, pa.string()),
    )


def _reads(form: CsvFormat, *, threads: bool = True) -> Any:
    return pa.csv.ReadOptions(use_threads=threads, column_names=list(form.columns or ()))


def _parses(form: CsvFormat) -> Any:
    return pa.csv.ParseOptions(delimiter=form.separator, quote_char=form.quote)


def text_columns(
    opened: Opened, form: CsvFormat, schema: pa.Schema, *, kept: Sequence[str] = ()
) -> tuple[frozenset[str], pa.Table]:
    """Columns of ``schema`` that read as numbers, or as nothing at all, and hold text; with other columns as text.

    Numbers have no leading zeros, nor more digits than fit, nor are they digits, an ``E`` and digits throughout.

    :param schema: of the file, as :func:`read_typed` takes it.
    :param kept: columns whose text is to be returned of the same reading.
    """
    tests = {field.name: test for field in schema if (test := _test(field.type))}
    texts: list[pa.RecordBatch] = []
    found: set[str] = set()
    coded: dict[str, bool] = {}
    for records in _text_batches(opened, form, [*tests, *kept]):
        for name, test in tests.items():
            values = records.column(name)
            if name not in found and _any(values, test):
                found.add(name)
            if pt.is_floating(schema.field(name).type):
                _note_codes(coded, name, values, form)
        texts.append(records.select(list(kept)))
    codes = {name for name, is_code in coded.items() if is_code}
    as_texts = pa.schema([(name, pa.string()) for name in kept])
    return frozenset(found | codes), pa.Table.from_batches(texts if kept else [], schema=as_texts)


def _text_batches(opened: Opened, form: CsvFormat, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    if not columns:
        return
    with opened() as handle:
        reader = pa.csv.open_csv(handle, _reads(form), parse_options=_parses(form), convert_options=_as_texts(columns))
        with reader:
            yield from reader


def _note_codes(coded: dict[str, bool], name: str, values: pa.Array, form: CsvFormat) -> None:
    """Whether the column so far holds digits with an ``E`` and digits, and nowhere a fraction."""
    if coded.get(name) is False:
        return
    if _any(values, rf"\{form.decimal_mark}|[eE][+-]|^[+-]"):
        coded[name] = False
    elif _any(values, _EXPONENT):
        coded[name] = True


def _any(values: pa.Array, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(values, pattern)).as_py())


def _test(kind: pa.DataType) -> str:
    if pt.is_null(kind):
        return "."  # all are null values, and one of them has quotes
    return _NO_NUMBER if pt.is_integer(kind) else _NO_DOUBLE if pt.is_floating(kind) else ""


def recoded(handle: Any, encoding: str) -> io.BufferedReader:
    """The file in UTF-8; raises ``UnicodeDecodeError`` where it is not what it is said to be."""
    return io.BufferedReader(_Recoded(handle, encoding), _CHUNK)


_CHUNK = 1 << 20


class _Recoded(io.RawIOBase):
    def __init__(self, handle: Any, encoding: str) -> None:
        self._handle = handle
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._ready = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready and not self._ended:
            chunk = bytes(self._handle.read(_CHUNK))
            self._ended = not chunk
            self._ready = self._decoder.decode(chunk, final=self._ended).encode()
        part, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)
