"""Data contracts of the Open Data Contract Standard, version 3, as rules.

What is read: every property's presence, ``logicalType`` with its options, ``required``, ``unique``, ``primaryKey``,
``enum`` and ``classification``; quality rules of type ``library``, ``sql`` and ``custom`` (engine Great Expectations);
the service levels ``latency`` and ``freshness``. The rest is listed as unchecked, never silently taken as kept.
Standard: https://bitol-io.github.io/open-data-contract-standard/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from airflow_mlops_provider.analysis.validation.contract_quality import quality_rule
from airflow_mlops_provider.analysis.validation.suites import check_rule
from airflow_mlops_provider.analysis.validation.type_names import LOGICAL_TYPES
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.rules import Rule

_SENSITIVE = {"confidential", "restricted", "sensitive", "personal", "pii", "secret", "private"}
_OBJECT_KEYS = {
    *("name", "physicalName", "physicalType", "logicalType", "description", "businessName", "tags", "quality"),
    *(
        "authoritativeDefinitions",
        "customProperties",
        "dataGranularityDescription",
        "properties",
        "relationships",
        "id",
    ),
    *("deprecated",),
}
_PROPERTY_KEYS = {
    *("name", "physicalName", "physicalType", "logicalType", "logicalTypeOptions", "description", "businessName"),
    *("tags", "quality", "authoritativeDefinitions", "customProperties", "primaryKey", "primaryKeyPosition", "enum"),
    *("required", "unique", "partitioned", "partitionKeyPosition", "classification", "encryptedName", "examples"),
    *("transformSourceObjects", "transformLogic", "transformDescription", "criticalDataElement", "relationships"),
    *("properties", "items", "id", "deprecated", "map", "semantics"),
}
_HOURS = {
    **dict.fromkeys(("m", "min", "minute", "minutes"), 1 / 60),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 1.0),
    **dict.fromkeys(("d", "day", "days"), 24.0),
    **dict.fromkeys(("w", "week", "weeks"), 168.0),
    **dict.fromkeys(("y", "yr", "year", "years"), 8766.0),
}


@dataclass(slots=True, kw_only=True)
class Contract:
    """The rules of one object of a contract.

    :param name: of the contract and its object.
    :param rules: in the order of declaration.
    :param sensitive: columns that are classified as confidential, restricted, personal and the like.
    :param unchecked: statements that nothing here can check, for the report.
    """

    name: str
    rules: tuple[Rule, ...] = ()
    sensitive: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()


@dataclass(slots=True)
class _Reading:
    source: str
    table: Mapping[str, Any]
    rules: list[Rule] = field(default_factory=list)
    sensitive: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)

    def add(self, kind: str, where: str, **kwargs: Any) -> None:
        rule = Rule(type=kind, kwargs=kwargs, source=f"{self.source}, {where}")
        check_rule(rule)
        self.rules.append(rule)


def read_odcs(contract: Any, *, wanted: str | None = None) -> Contract:
    """The rules of a contract.

    :param contract: the contract as parsed YAML.
    :param wanted: name of the object that the batch is, when the contract describes several.
    :raises BadInputError: when it is no contract of version 3, or a key or value in it is wrong, naming it.
    """
    _check_head(contract)
    table = _object(contract, wanted)
    name = f"{contract.get('name') or contract.get('id') or 'contract'}/{table['name']}"
    reading = _Reading(source=f"contract {name}", table=table)
    _known(table, _OBJECT_KEYS, reading.source)
    properties = _list(table, "properties", reading.source)
    for entry in properties:
        _read_property(reading, entry)
    _read_primary_key(reading, properties)
    for number, quality in enumerate(_list(table, "quality", reading.source), start=1):
        _read_quality(reading, quality, f"quality {number}", None)
    for number, level in enumerate(_list(contract, "slaProperties", reading.source), start=1):
        _read_service_level(reading, level, f"slaProperties {number}")
    if not reading.rules:
        raise BadInputError(f"{reading.source} says nothing that can be checked")
    return Contract(
        name=name,
        rules=tuple(reading.rules),
        sensitive=tuple(reading.sensitive),
        unchecked=tuple(reading.unchecked),
    )


def _check_head(contract: Any) -> None:
    if not isinstance(contract, Mapping):
        raise BadInputError(f"contract must be a mapping, not {type(contract).__name__}")
    if contract.get("kind") != "DataContract":
        raise BadInputError(f"contract: 'kind' must be DataContract, not {contract.get('kind')!r}")
    if not str(contract.get("apiVersion", "")).startswith("v3."):
        raise BadInputError(f"contract: 'apiVersion' is {contract.get('apiVersion')!r}; v3 is read")


def _object(contract: Mapping[str, Any], wanted: str | None) -> Mapping[str, Any]:
    found = _list(contract, "schema", "contract")
    for number, table in enumerate(found, start=1):
        if not isinstance(table, Mapping) or not isinstance(table.get("name"), str):
            raise BadInputError(f"contract: schema {number} must have a 'name'")
    names = [table["name"] for table in found]
    if wanted is None and len(found) == 1:
        return dict(found[0])
    if wanted not in names:
        said = f"has no object {wanted!r}" if wanted else "describes several objects; add #name to its uri"
        raise BadInputError(f"contract {said}; it has {', '.join(names) or 'none'}")
    return dict(found[names.index(wanted)])


def column_name(entry: Mapping[str, Any]) -> str:
    """The column behind a property: its physical name when it has one."""
    return str(entry.get("physicalName") or entry["name"])


def _read_property(reading: _Reading, entry: Any) -> None:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
        raise BadInputError(f"{reading.source}: every property must have a 'name'")
    where = f"property {entry['name']}"
    _known(entry, _PROPERTY_KEYS, f"{reading.source}, {where}")
    column = column_name(entry)
    if str(entry.get("classification", "")).lower() in _SENSITIVE:
        reading.sensitive.append(column)
    reading.add("expect_column_to_exist", where, column=column)
    if entry.get("logicalType") is not None:
        _read_type(reading, entry, column, where)
    if _flag(entry, "required", reading.source):
        reading.add("expect_column_values_to_not_be_null", where, column=column)
    if _flag(entry, "unique", reading.source):
        reading.add("expect_column_values_to_be_unique", where, column=column)
    if entry.get("enum") is not None:
        listed = [item.get("value") if isinstance(item, Mapping) else item for item in _list(entry, "enum", where)]
        reading.add("expect_column_values_to_be_in_set", where, column=column, value_set=listed)
    for number, quality in enumerate(_list(entry, "quality", f"{reading.source}, {where}"), start=1):
        _read_quality(reading, quality, f"{where}, quality {number}", column)
    if entry.get("properties") or entry.get("items"):
        reading.unchecked.append(f"{where}: its nested properties")


def _read_type(reading: _Reading, entry: Mapping[str, Any], column: str, where: str) -> None:
    logical = entry["logicalType"]
    if logical not in LOGICAL_TYPES:
        allowed = ", ".join(LOGICAL_TYPES)
        raise BadInputError(f"{reading.source}, {where}: logicalType {logical!r} is not one of {allowed}")
    reading.add("expect_column_logical_type_to_be", where, column=column, logical_type=logical)
    options = entry.get("logicalTypeOptions") or {}
    if not isinstance(options, Mapping):
        raise BadInputError(f"{reading.source}, {where}: 'logicalTypeOptions' must be a mapping")
    for kind, kwargs in _option_rules(options):
        reading.add(kind, where, column=column, **kwargs)
    known = {*_RANGE_OPTIONS, "minLength", "maxLength", "pattern", "multipleOf"}
    described = {"format", "timezone", "defaultTimezone"}
    for key in options:
        if key in {"minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "required"} | described:
            reading.unchecked.append(f"{where}: logicalTypeOptions {key}")
        elif key not in known:
            raise BadInputError(f"{reading.source}, {where}: logicalTypeOptions has no key {key!r}")


_RANGE_OPTIONS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")


def _option_rules(options: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    limits = _range(options)
    if limits:
        yield "expect_column_values_to_be_between", limits
    lengths = {"min_value": options.get("minLength"), "max_value": options.get("maxLength")}
    lengths = {key: value for key, value in lengths.items() if value is not None}
    if lengths:
        yield "expect_column_value_lengths_to_be_between", lengths
    if options.get("pattern") is not None:
        yield "expect_column_values_to_match_regex", {"regex": options["pattern"]}
    if options.get("multipleOf") is not None:
        yield "expect_column_values_to_be_multiple_of", {"divisor": options["multipleOf"]}


def _range(options: Mapping[str, Any]) -> dict[str, Any]:
    """Bounds; version 3.0.0 had ``exclusiveMinimum: true`` beside ``minimum``."""
    found: dict[str, Any] = {}
    for side, plain, exclusive in (("min", "minimum", "exclusiveMinimum"), ("max", "maximum", "exclusiveMaximum")):
        bound, strict = options.get(plain), options.get(exclusive)
        value = bound if strict is None or isinstance(strict, bool) else strict
        if value is None:
            continue
        found[f"{side}_value"] = str(value) if hasattr(value, "isoformat") else value
        if strict is not None and strict is not False:
            found[f"strict_{side}"] = True
    return found


def _read_primary_key(reading: _Reading, properties: Sequence[Mapping[str, Any]]) -> None:
    keys = [entry for entry in properties if _flag(entry, "primaryKey", reading.source)]
    keys.sort(key=lambda entry: int(entry.get("primaryKeyPosition") or 0))
    columns = [column_name(entry) for entry in keys]
    for entry, column in zip(keys, columns, strict=True):
        if not entry.get("required"):
            reading.add("expect_column_values_to_not_be_null", f"property {entry['name']}", column=column)
    if len(columns) == 1 and not keys[0].get("unique"):
        reading.add("expect_column_values_to_be_unique", "primaryKey", column=columns[0])
    if len(columns) > 1:
        reading.add("expect_compound_columns_to_be_unique", "primaryKey", column_list=columns)


def _read_quality(reading: _Reading, quality: Any, where: str, column: str | None) -> None:
    source = f"{reading.source}, {where}"
    names = [str(reading.table[key]) for key in ("name", "physicalName") if reading.table.get(key)]
    rule = quality_rule(quality, source=source, column=column, tables=names)
    if rule is None:
        reading.unchecked.append(f"{where}: {quality.get('description') or quality.get('type')}")
        return
    check_rule(rule)
    reading.rules.append(rule)


def _read_service_level(reading: _Reading, level: Any, where: str) -> None:
    source = f"{reading.source}, {where}"
    if not isinstance(level, Mapping) or "property" not in level or "value" not in level:
        raise BadInputError(f"{source} must have 'property' and 'value'")
    if str(level["property"]).lower() not in ("latency", "ly", "freshness", "fr") or not level.get("element"):
        reading.unchecked.append(f"{where}: {level['property']}")
        return
    table, _, column = str(level["element"]).rpartition(".")
    names = (reading.table.get("name"), reading.table.get("physicalName"))
    if table and table not in names:
        reading.unchecked.append(f"{where}: {level['property']} of {level['element']}")
        return
    unit, value = str(level.get("unit", "d")).lower(), level["value"]
    if unit not in _HOURS or isinstance(value, bool) or not isinstance(value, int | float):
        raise BadInputError(f"{source}: {value!r} {unit!r} is not a time; units are {', '.join(_HOURS)}")
    properties = {entry["name"]: column_name(entry) for entry in reading.table.get("properties") or ()}
    reading.add(
        "expect_column_to_be_fresh", where, column=properties.get(column, column), max_age_hours=value * _HOURS[unit]
    )


def _known(entry: Mapping[str, Any], keys: set[str], source: str) -> None:
    unknown = sorted(set(map(str, entry)) - keys)
    if unknown:
        raise BadInputError(f"{source}: unknown key {unknown[0]!r}")


def _list(entry: Mapping[str, Any], key: str, source: str) -> list[Any]:
    found = entry.get(key)
    if found is None:
        return []
    if not isinstance(found, list):
        raise BadInputError(f"{source}: {key!r} must be a list, not {type(found).__name__}")
    return found


def _flag(entry: Mapping[str, Any], key: str, source: str) -> bool:
    value = entry.get(key, False)
    if not isinstance(value, bool):
        raise BadInputError(f"{source}, property {entry['name']}: {key!r} must be true or false, not {value!r}")
    return value
