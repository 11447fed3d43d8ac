"""Cells of a CSV column as values of the type that the column is declared to have, each for itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from airflow_mlops_provider.records.csv_format import ColumnType, DeclaredType


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """The cells of a column, read.

    :param values: missing where a cell is missing or does not fit.
    :param misfits: positions of the cells that do not fit.
    """

    values: pa.Array
    misfits: tuple[int, ...] = ()


def read_cells(
    texts: pa.ChunkedArray, declared: DeclaredType, *, decimal_mark: str = ".", missing: Collection[str] = ("",)
) -> Cells:
    """The cells as values.

    :param texts: as they stand in the file; missing ones are null.
    :param declared: what they are to be.
    :param missing: in lower case, what is no value in a column of another type than text.
    """
    flat = texts.combine_chunks()
    if declared.kind is ColumnType.TEXT:
        return Cells(values=flat)
    coded = pc.utf8_trim_whitespace(flat).dictionary_encode()
    each = coded.dictionary  # every text once, because reading one is slow
    gone = pc.is_in(pc.utf8_lower(each), pa.array(sorted(missing), pa.string()))
    present = pc.if_else(gone, pa.scalar(None, pa.string()), each)
    values = _with_form(present, declared) if declared.form else _READERS[declared.kind](present, decimal_mark)
    wrong = pc.and_(pc.is_null(values), pc.is_valid(present))
    rows = pc.indices_nonzero(pc.fill_null(wrong.take(coded.indices), False)) if pc.any(wrong).as_py() else []
    return Cells(values=values.take(coded.indices), misfits=tuple(row.as_py() for row in rows))


def declared_by(kind: pa.DataType) -> DeclaredType | None:
    """What a column of this Arrow type would hold as CSV; ``None`` where a CSV cell holds no such thing."""
    if pt.is_dictionary(kind):
        return declared_by(kind.value_type)
    found = next((each for each, tests in _ARROW.items() if any(test(kind) for test in tests)), None)
    return None if found is None else DeclaredType(kind=found, by="the reference")


_ARROW: dict[ColumnType, tuple[Callable[[pa.DataType], bool], ...]] = {
    ColumnType.TEXT: (pt.is_string, pt.is_large_string, pt.is_string_view),
    ColumnType.NUMBER: (pt.is_integer, pt.is_floating, pt.is_decimal),
    ColumnType.BOOLEAN: (pt.is_boolean,),
    ColumnType.DATE: (pt.is_date, pt.is_timestamp),
    ColumnType.TIME: (pt.is_time,),
}


def _integers(texts: pa.Array, _: str = ".") -> pa.Array:
    # A column of whole numbers that had a gap is written with .0 by many a program.
    whole = _matching(texts, r"^[+-]?[0-9]+(\.0*)?$")
    return _cast(pc.replace_substring_regex(whole, r"^\+|\.0*$", ""), pa.int64())


def _number(texts: pa.Array, decimal_mark: str) -> pa.Array:
    if decimal_mark != ".":
        texts = pc.replace_substring(_matching(texts, r"^[^.]*$"), decimal_mark, ".")
    numbers = _matching(texts, r"^[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|(?i:inf|infinity))$")
    if numbers.null_count == len(numbers) > texts.null_count:
        truth = _booleans(texts, "")  # which compare as 0 and 1
        if truth.null_count == texts.null_count:
            return truth
    whole = _matching(numbers, r"^[+-]?[0-9]+$")
    if whole.null_count == numbers.null_count:
        found = _integers(whole)
        if found.null_count == whole.null_count:
            return found
    return _cast(numbers, pa.float64())


def _booleans(texts: pa.Array, _: str) -> pa.Array:
    lower = pc.utf8_lower(texts)
    return _cast(_matching(lower, "^(true|false|0|1)$"), pa.bool_())


def _dates(texts: pa.Array, _: str) -> pa.Array:
    days = _cast(_matching(texts, _DAY + "$"), pa.date32())
    if days.null_count == texts.null_count:
        return days
    moments = _timestamps(texts, "")
    return moments if moments.null_count < days.null_count else days


def _timestamps(texts: pa.Array, _: str) -> pa.Array:
    moments = _matching(texts, _DAY + r"([T ][0-9]{2}:?[0-9]{2}(:?[0-9]{2}([.,][0-9]{1,9})?)?" + _ZONE + "?)?$")
    moments = pc.replace_substring_regex(moments, r",([0-9])", r".\1")
    zoned = pc.fill_null(pc.match_substring_regex(moments, ":?[0-9]" + _ZONE + "$"), False)
    zoned = pc.and_(zoned, pc.fill_null(pc.greater(pc.utf8_length(moments), len("2024-01-01")), False))
    unit = "ns" if pc.any(pc.match_substring_regex(moments, r"\.[0-9]{7,}")).as_py() else "us"
    if not pc.any(zoned).as_py():
        return _cast(moments, pa.timestamp(unit))
    # A moment without a zone is in UTC, as everywhere in checks.
    midnight = pc.if_else(pc.equal(pc.utf8_length(moments), len("2024-01-01")), "T00:00Z", "Z")
    named = pc.if_else(zoned, moments, pc.binary_join_element_wise(moments, midnight, ""))
    return _cast(named, pa.timestamp(unit, "UTC"))


def _times_of_day(texts: pa.Array, _: str) -> pa.Array:
    return _each(
        _matching(texts, r"^[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?$"), dt.time.fromisoformat, pa.time64("us")
    )


_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
_ZONE = r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)"

_READERS: dict[ColumnType, Callable[[pa.Array, str], pa.Array]] = {
    ColumnType.INTEGER: _integers,
    ColumnType.NUMBER: _number,
    ColumnType.BOOLEAN: _booleans,
    ColumnType.DATE: _dates,
    ColumnType.TIMESTAMP: _timestamps,
    ColumnType.TIME: _times_of_day,
}


def _with_form(texts: pa.Array, declared: DeclaredType) -> pa.Array:
    form = declared.form or ""

    def moment(text: str) -> dt.datetime:
        return dt.datetime.strptime(text, form)  # noqa: DTZ007  # the zone, where there is one, is in the form

    if declared.kind is ColumnType.DATE:
        return _each(texts, lambda text: moment(text).date(), pa.date32())
    if declared.kind is ColumnType.TIME:
        return _each(texts, lambda text: moment(text).time(), pa.time64("us"))
    return _each(texts, moment, pa.timestamp("us", "UTC" if "%z" in form else None))


def _each(texts: pa.Array, read: Callable[[str], object], kind: pa.DataType) -> pa.Array:
    def value(text: str | None) -> object:
        if text is None:
            return None
        try:
            return read(text)
        except (ValueError, OverflowError):
            return None

    return pa.array([value(text) for text in texts.to_pylist()], kind)


def _matching(texts: pa.Array, pattern: str) -> pa.Array:
    return pc.if_else(pc.match_substring_regex(texts, pattern), texts, pa.scalar(None, pa.string()))


def _cast(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    """The cast of each text; missing where it cannot be. Few fail once their form was looked at: halves find them."""
    try:
        return texts.cast(kind)
    except pa.ArrowInvalid:
        if len(texts) == 1:
            return pa.nulls(1, kind)
    middle = len(texts) // 2
    return pa.concat_arrays([_cast(texts[:middle], kind), _cast(texts[middle:], kind)])
