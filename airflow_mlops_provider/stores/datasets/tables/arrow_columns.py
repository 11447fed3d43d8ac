"""The columns that a driver gives as Arrow, as the types that datasets have: decimals, text, moments in UTC."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from airflow_mlops_provider.exceptions import BadInputError

MOST_DIGITS = 38
"""Of a decimal: what Parquet, Arrow and DuckDB hold alike."""


def as_dataset_types(batch: pa.RecordBatch, *, name: str) -> pa.RecordBatch:
    """The same values under the types that a dataset has.

    :param name: of the dataset, for errors.
    :raises BadInputError: naming a column whose type no dataset has.
    """
    columns, fields = [], []
    for field, values in zip(batch.schema, batch.columns, strict=True):
        found = _converted(field, values, name)
        columns.append(found)
        fields.append(pa.field(field.name, found.type))
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


def _converted(field: pa.Field, values: pa.Array, name: str) -> pa.Array:
    said = _database_type(field)
    if said == "money":
        raise _refused(field.name, said, name)
    if isinstance(values.type, pa.BaseExtensionType):
        return _of_extension(field, values, said, name)
    if said in _LEAST and (pc.min(values.cast(_LEAST[said][0])).as_py() or 0) < _LEAST[said][1]:
        raise BadInputError(
            f"dataset {name}: column {field.name!r} holds infinity, which no dataset has; leave it out in a query"
        )
    for is_kind, convert in _CONVERSIONS:
        if is_kind(values.type):
            return convert(values)
    if pt.is_interval(values.type) or pt.is_duration(values.type) or pt.is_decimal256(values.type):
        raise _refused(field.name, said or str(values.type), name)
    return values


def _of_extension(field: pa.Field, values: Any, said: str, name: str) -> pa.Array:
    kind = values.type.extension_name
    if kind == "arrow.uuid":
        return pa.array([None if each is None else str(each) for each in values.to_pylist()], pa.string())
    if kind == "arrow.json":
        return values.storage.cast(pa.string())
    if said == "numeric":
        return _decimals(field, values.storage, name)
    raise _refused(field.name, said or kind, name)


def _decimals(field: pa.Field, texts: pa.Array, name: str) -> pa.Array:
    """PostgreSQL's ``numeric``, which comes as text: exactly, by its declared digits or those that its values have."""
    declared = _declared_digits(field)
    if pc.any(pc.match_substring_regex(texts, "(?i)nan|inf")).as_py():
        raise BadInputError(
            f"dataset {name}: column {field.name!r} holds NaN or infinity, which no decimal is; cast it to double "
            "precision in a query"
        )
    digits, scale = declared or _needed_digits(texts)
    if digits > MOST_DIGITS:
        raise BadInputError(
            f"dataset {name}: column {field.name!r} holds numbers of {digits} digits; {MOST_DIGITS} are the most; "
            "round it or cast it to double precision in a query"
        )
    return texts.cast(pa.decimal128(digits, scale))


def _declared_digits(field: pa.Field) -> tuple[int, int] | None:
    modifier = int((field.metadata or {}).get(b"POSTGRESQL:typmod", b"-1")) - 4
    if modifier < 0:
        return None
    digits, scale = modifier >> 16 & 0xFFFF, modifier & 0x7FF
    if scale > 1023:  # of eleven bits, the first one is the sign
        scale -= 2048
    return None if scale < 0 or scale > digits else (digits, scale)


def _needed_digits(texts: pa.Array) -> tuple[int, int]:
    """Digits in all and after the point that the values need; one digit for none."""
    plain = pc.replace_substring_regex(texts, "^-?0*", "")
    point = pc.find_substring(plain, ".")
    length = pc.utf8_length(plain)
    before = pc.max(pc.if_else(pc.less(point, 0), length, point)).as_py() or 0
    after = pc.max(pc.if_else(pc.less(point, 0), 0, pc.subtract(pc.subtract(length, point), 1))).as_py() or 0
    return max(before + after, 1), after


def _database_type(field: pa.Field) -> str:
    found: bytes = (field.metadata or {}).get(b"POSTGRESQL:type", b"")
    return found.decode()


def _refused(column: str, kind: str, name: str) -> BadInputError:
    return BadInputError(
        f"dataset {name}: column {column!r} is of the type {kind!r}, which no dataset has; cast it in a query"
    )


def _in_utc(values: pa.Array) -> pa.Array:
    return values.cast(pa.timestamp(values.type.unit, "UTC"))  # the same moments: a zone is how they are shown


_LEAST = {
    "date": (pa.int32(), -2_500_000),
    "timestamp": (pa.int64(), -220_000_000_000_000_000),
    "timestamptz": (pa.int64(), -220_000_000_000_000_000),
}
"""Days and microseconds below what PostgreSQL can say: its infinity comes as one of these."""

_CONVERSIONS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], pa.Array]], ...] = (
    (pt.is_dictionary, lambda values: values.dictionary_decode().cast(pa.string())),
    (lambda kind: pt.is_large_string(kind) or pt.is_string_view(kind), lambda values: values.cast(pa.string())),
    (lambda kind: pt.is_large_binary(kind) or pt.is_binary_view(kind), lambda values: values.cast(pa.binary())),
    (lambda kind: pt.is_timestamp(kind) and kind.tz not in (None, "UTC"), _in_utc),
    (lambda kind: pt.is_timestamp(kind) and kind.unit == "s", lambda values: values.cast(pa.timestamp("ms"))),
)
