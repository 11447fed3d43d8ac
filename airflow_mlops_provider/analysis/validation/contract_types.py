"""Logical types of data contracts with their options, and nested properties."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from airflow_mlops_provider.analysis.validation.contract_names import column_name
from airflow_mlops_provider.analysis.validation.contract_reading import ContractReading, list_of, require_keys
from airflow_mlops_provider.analysis.validation.date_patterns import strptime_format
from airflow_mlops_provider.analysis.validation.type_names import LOGICAL_TYPES
from airflow_mlops_provider.exceptions import BadInputError

PROPERTY_KEYS = {
    *("name", "physicalName", "physicalType", "logicalType", "logicalTypeOptions", "description", "businessName"),
    *("tags", "quality", "authoritativeDefinitions", "customProperties", "primaryKey", "primaryKeyPosition", "enum"),
    *("required", "unique", "partitioned", "partitionKeyPosition", "classification", "encryptedName", "examples"),
    *("transformSourceObjects", "transformLogic", "transformDescription", "criticalDataElement", "relationships"),
    *("properties", "items", "id", "deprecated", "map", "semantics"),
}
_RANGE_OPTIONS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_CHECKED_OPTIONS = {*_RANGE_OPTIONS, "minLength", "maxLength", "pattern", "multipleOf"}
_UNCHECKED_OPTIONS = {
    *("minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "required"),
    *("format", "timezone", "defaultTimezone"),
}
_ROW_STATEMENTS = ("required", "unique", "primaryKey", "enum", "logicalTypeOptions", "quality")
_INTEGER_FORMAT_BITS = {f"{sign}{bits}": (sign, bits) for sign in "iu" for bits in (8, 16, 32, 64)}


def read_type(reading: ContractReading, entry: Mapping[str, Any], column: str, where: str) -> None:
    """Read the logical type of a property as a table rule, and its options as row rules.

    :param reading: where the rules and the unchecked statements are added.
    :param entry: the property as parsed YAML.
    :param column: column of the property.
    :param where: place of the property in the contract, for messages.
    :raises BadInputError: when the type or an option is unknown; names it.
    """
    logical = _logical_type(reading, entry, where)
    options = entry.get("logicalTypeOptions") or {}
    if not isinstance(options, Mapping):
        raise BadInputError(f"{reading.source}, {where}: 'logicalTypeOptions' must be a mapping")
    strptime_pattern = _strptime_format(options, logical)
    if logical:
        more = {"format": strptime_pattern} if strptime_pattern else {}
        reading.add("expect_column_logical_type_to_be", where, column=column, logical_type=logical, **more)
    for kind, kwargs in _option_rules(options, logical):
        reading.add(kind, where, column=column, **kwargs)
    for key in options:
        if key == "format" and (strptime_pattern or _integer_range(options, logical)):
            continue
        if key in _UNCHECKED_OPTIONS:
            reading.unchecked.append(f"{where}: logicalTypeOptions {key}")
        elif key not in _CHECKED_OPTIONS:
            raise BadInputError(f"{reading.source}, {where}: logicalTypeOptions has no key {key!r}")


def _strptime_format(options: Mapping[str, Any], logical: str) -> str | None:
    """Return the ``strptime`` format of dates and times in files whose cells are text; ``None`` without one."""
    pattern = options.get("format")
    return strptime_format(pattern) if logical in _TYPES_WITH_FORMAT and isinstance(pattern, str) else None


_TYPES_WITH_FORMAT = ("date", "timestamp", "time")


def _logical_type(reading: ContractReading, entry: Mapping[str, Any], where: str) -> str:
    logical = entry.get("logicalType")
    if logical is None:
        return ""
    if logical not in LOGICAL_TYPES:
        allowed = ", ".join(LOGICAL_TYPES)
        raise BadInputError(f"{reading.source}, {where}: logicalType {logical!r} is not one of {allowed}")
    return str(logical)


def _option_rules(options: Mapping[str, Any], logical: str) -> Iterator[tuple[str, dict[str, Any]]]:
    limits = _range(options, logical)
    if limits:
        yield "expect_column_values_to_be_between", limits
    width = _integer_range(options, logical)
    if width:
        yield "expect_column_values_to_be_between", width
    lengths = {"min_value": options.get("minLength"), "max_value": options.get("maxLength")}
    lengths = {key: value for key, value in lengths.items() if value is not None}
    if lengths:
        yield "expect_column_value_lengths_to_be_between", lengths
    if options.get("pattern") is not None:
        yield "expect_column_values_to_match_regex", {"regex": options["pattern"]}
    if options.get("multipleOf") is not None:
        yield "expect_column_values_to_be_multiple_of", {"divisor": options["multipleOf"]}


def _range(options: Mapping[str, Any], logical: str) -> dict[str, Any]:
    """Return the bounds of a range; version 3.0.0 has ``exclusiveMinimum: true`` with ``minimum``."""
    found: dict[str, Any] = {}
    for side, plain, exclusive in (("min", "minimum", "exclusiveMinimum"), ("max", "maximum", "exclusiveMaximum")):
        bound, strict = options.get(plain), options.get(exclusive)
        value = bound if strict is None or isinstance(strict, bool) else strict
        if value is None:
            continue
        found[f"{side}_value"] = _bound(value, logical)
        if strict is not None and strict is not False:
            found[f"strict_{side}"] = True
    return found


def _bound(value: Any, logical: str) -> Any:
    if hasattr(value, "isoformat"):
        return str(value)
    if logical == "time" and isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 86_400:
        # YAML reads 08:30:00 without quotes as a base-60 number.
        return f"{value // 3600:02}:{value // 60 % 60:02}:{value % 60:02}"
    return value


def _integer_range(options: Mapping[str, Any], logical: str) -> dict[str, Any]:
    """Return the range of an integer of the declared width."""
    width = _INTEGER_FORMAT_BITS.get(str(options.get("format"))) if logical == "integer" else None
    if width is None:
        return {}
    sign, bits = width
    low, high = (0, 2**bits - 1) if sign == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return {"min_value": low, "max_value": high}


def read_nested(reading: ContractReading, entry: Mapping[str, Any], column: str, where: str) -> None:
    """Read the properties inside a property: their presence and types become rules, all else is unchecked.

    :param reading: where the rules and the unchecked statements are added.
    :param entry: the property as parsed YAML.
    :param column: column of the property.
    :param where: place of the property in the contract, for messages.
    :raises BadInputError: when a key or a type is unknown; names it.
    """
    for path, inner, place in _nested_properties(reading, entry, "", where):
        require_keys(inner, PROPERTY_KEYS, f"{reading.source}, {place}")
        kwargs: dict[str, Any] = {"column": column, "path": path}
        logical = _logical_type(reading, inner, place)
        if logical:
            kwargs["field_type"] = logical
        reading.add("expect_column_to_have_field", place, **kwargs)
        stated = [key for key in _ROW_STATEMENTS if inner.get(key)]
        if stated:
            reading.unchecked.append(f"{place}: {', '.join(stated)}")


def _nested_properties(
    reading: ContractReading, entry: Mapping[str, Any], path: str, where: str
) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """Yield every property below ``entry`` with its path, such as ``address.zip``, and its place for messages.

    The items of a list are written ``[]``.
    """
    for inner in list_of(entry, "properties", f"{reading.source}, {where}"):
        if not isinstance(inner, Mapping) or not isinstance(inner.get("name"), str):
            raise BadInputError(f"{reading.source}, {where}: every property must have a 'name'")
        below = f"{path}.{column_name(inner)}" if path else column_name(inner)
        place = f"{where}.{inner['name']}"
        yield below, inner, place
        yield from _nested_properties(reading, inner, below, place)
    items = entry.get("items")
    if items is None:
        return
    if not isinstance(items, Mapping):
        raise BadInputError(f"{reading.source}, {where}: 'items' must be a mapping")
    yield f"{path}[]", items, f"{where}[]"
    yield from _nested_properties(reading, items, f"{path}[]", f"{where}[]")
