"""One type for the values of several files, which holds every value of each of them as it is."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.types as pt

from airflow_mlops_provider.exceptions import BadInputError


def common_schema(schemas: Iterable[tuple[str, pa.Schema]]) -> pa.Schema:
    """The columns of all schemas, in the order in which they are met, each with a type that holds all its values.

    :param schemas: of files, with the name of each.
    :raises BadInputError: naming file and column, when there is no such type.
    """
    found: dict[str, pa.DataType] = {}
    owners: dict[str, str] = {}
    for file, schema in schemas:
        for name, kind in zip(schema.names, schema.types, strict=True):
            known = found.get(name)
            common = kind if known is None else common_type(known, kind)
            if common is None:
                raise BadInputError(
                    f"{file} does not fit the types of {owners[name]}: column {name!r} is {kind}, and was {known} there"
                )
            if known is None or pt.is_null(known):
                owners[name] = file
            found[name] = common
    return pa.schema(list(found.items()))


def common_type(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """The type that holds the values of both, ``None`` when none does without rounding or another meaning.

    Where only some values fit (whole numbers beyond 2^53 as floats), the cast of the values tells.
    """
    if one == other or pt.is_null(other):
        return one
    if pt.is_null(one):
        return other
    if pt.is_dictionary(one) or pt.is_dictionary(other):
        return _of_coded(one, other)
    if pt.is_struct(one) and pt.is_struct(other):
        return _of_structs(one, other)
    if pt.is_list(one) and pt.is_list(other):
        inner = common_type(one.value_type, other.value_type)
        return None if inner is None else pa.list_(inner)
    return _of_moments(one, other) or _of_texts(one, other) or _of_numbers(one, other)


def _of_coded(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    values = common_type(_plain(one), _plain(other))
    if values is None or not (pt.is_dictionary(one) and pt.is_dictionary(other)):
        return values
    index = max((one.index_type, other.index_type), key=lambda kind: kind.bit_width)
    return pa.dictionary(index, values)


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pt.is_dictionary(kind) else kind


def _of_structs(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    if {field.name for field in one} != {field.name for field in other}:
        return None
    fields = [(field.name, common_type(field.type, other.field(field.name).type)) for field in one]
    return None if any(kind is None for _, kind in fields) else pa.struct(fields)


def _of_moments(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    if pt.is_date(one) and pt.is_date(other):
        return pa.date32()
    if pt.is_timestamp(one) and pt.is_timestamp(other) and (one.tz is None) == (other.tz is None):
        zone = one.tz if one.tz == other.tz else "UTC"
        return pa.timestamp(_finer_unit(one, other), zone)
    for day, moment in ((one, other), (other, one)):
        if pt.is_date(day) and pt.is_timestamp(moment) and moment.tz is None:
            return moment
    if pt.is_duration(one) and pt.is_duration(other):
        return pa.duration(_finer_unit(one, other))
    return _by_arrow(one, other) if pt.is_time(one) and pt.is_time(other) else None


def _finer_unit(one: pa.DataType, other: pa.DataType) -> str:
    return str(max(one.unit, other.unit, key=("s", "ms", "us", "ns").index))


def _of_texts(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    kinds = (one, other)
    if not all(_is_text(kind) or pt.is_binary(kind) or pt.is_large_binary(kind) for kind in kinds):
        return None
    is_large = any(pt.is_large_string(kind) or pt.is_large_binary(kind) for kind in kinds)
    if any(map(_is_text, kinds)):
        return pa.large_string() if is_large else pa.string()
    return pa.large_binary() if is_large else pa.binary()


def _is_text(kind: pa.DataType) -> bool:
    return bool(pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind))


def _of_numbers(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    kinds = (one, other)
    if not all(pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind) for kind in kinds):
        return None
    if any(map(pt.is_decimal, kinds)) and any(map(pt.is_floating, kinds)):
        return None  # a decimal as a float is rounded
    return _by_arrow(one, other)


def _by_arrow(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    schemas = [pa.schema([("", kind)]) for kind in (one, other)]
    try:
        return pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return None
