"""Read data contracts of the Open Data Contract Standard, version 3, as rules.

These are read: presence of every property, ``logicalType`` with its options, ``required``, ``unique``, ``primaryKey``,
``enum`` and ``classification``, presence and types of nested properties, quality rules of type ``library``, ``sql``
and ``custom`` (engine Great Expectations) with their ``severity``, and the service levels ``latency`` and
``freshness``. All other statements are listed as unchecked. A key that the standard does not have is an error.
Standard: https://bitol-io.github.io/open-data-contract-standard/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_mlops_provider.analysis.validation.contract_names import ContractNames, column_name
from airflow_mlops_provider.analysis.validation.contract_quality import quality_rules
from airflow_mlops_provider.analysis.validation.contract_reading import (
    ContractReading,
    flag_of,
    list_of,
    require_keys,
)
from airflow_mlops_provider.analysis.validation.contract_service_levels import read_service_levels
from airflow_mlops_provider.analysis.validation.contract_types import PROPERTY_KEYS, read_nested, read_type
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.rules import Rule

_SENSITIVE = {"confidential", "restricted", "sensitive", "personal", "pii", "secret", "private"}
_CONTRACT_KEYS = {
    *("apiVersion", "kind", "id", "name", "version", "status", "tenant", "domain", "dataProduct", "description"),
    *("schema", "servers", "price", "team", "roles", "support", "tags", "customProperties", "contractCreatedTs"),
    *("authoritativeDefinitions", "slaDefaultElement", "slaProperties", "type"),
}
_OBJECT_KEYS = {
    *("name", "physicalName", "physicalType", "logicalType", "description", "businessName", "tags", "quality"),
    *("authoritativeDefinitions", "customProperties", "dataGranularityDescription", "properties", "relationships"),
    *("id", "deprecated"),
}


@dataclass(slots=True, kw_only=True)
class Contract:
    """The rules of one object of a contract.

    :param name: names of the contract and the object.
    :param rules: the rules in the order of declaration; empty when the contract declares nothing about the data.
    :param sensitive: columns that are classified as confidential, restricted, personal and the like.
    :param unchecked: statements that cannot be checked, for the report.
    """

    name: str
    rules: tuple[Rule, ...] = ()
    sensitive: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()


def read_odcs(contract: Any, *, wanted: str | None = None) -> Contract:
    """Read the rules of a contract.

    :param contract: the contract as parsed YAML.
    :param wanted: name of the object that describes the batch; needed when the contract has several objects.
    :raises BadInputError: when it is not a contract of version 3, or a key or value is wrong; names it.
    """
    _check_head(contract)
    objects = _objects(contract)
    table = _object(objects, wanted)
    name = str(contract.get("name") or contract.get("id") or "contract") + (f"/{table['name']}" if table else "")
    others = [other for other in objects if other is not table]
    reading = ContractReading(source=f"contract {name}", names=ContractNames.of(table, others))
    _read_object(reading, table)
    read_service_levels(reading, contract)
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
    require_keys(contract, _CONTRACT_KEYS, "contract")


def _objects(contract: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = list_of(contract, "schema", "contract")
    for number, table in enumerate(found, start=1):
        if not isinstance(table, Mapping) or not isinstance(table.get("name"), str):
            raise BadInputError(f"contract: schema {number} must have a 'name'")
    return found


def _object(objects: Sequence[Mapping[str, Any]], wanted: str | None) -> Mapping[str, Any]:
    """Return the object that describes the batch; empty when the contract has no objects."""
    if wanted is None and len(objects) <= 1:
        return objects[0] if objects else {}
    found = next((table for table in objects if wanted in (table["name"], table.get("physicalName"))), None)
    if wanted is None or found is None:
        problem = f"has no object {wanted!r}" if wanted else "describes several objects; add #name to its uri"
        raise BadInputError(f"contract {problem}; it has {', '.join(table['name'] for table in objects) or 'none'}")
    return found


def _read_object(reading: ContractReading, table: Mapping[str, Any]) -> None:
    require_keys(table, _OBJECT_KEYS, reading.source)
    properties = list_of(table, "properties", reading.source)
    for entry in properties:
        _read_property(reading, entry)
    _read_primary_key(reading, properties)
    for number, quality in enumerate(list_of(table, "quality", reading.source), start=1):
        _read_quality(reading, quality, f"quality {number}", None)
    if list_of(table, "relationships", reading.source):
        reading.unchecked.append("relationships")
    typed = sum(entry.get("physicalType") is not None for entry in properties)
    if typed:
        reading.unchecked.append(f"physicalType of {typed} propert{'y' if typed == 1 else 'ies'}")


def _read_property(reading: ContractReading, entry: Any) -> None:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
        raise BadInputError(f"{reading.source}: every property must have a 'name'")
    where = f"property {entry['name']}"
    source = f"{reading.source}, {where}"
    require_keys(entry, PROPERTY_KEYS, source)
    column = column_name(entry)
    if str(entry.get("classification", "")).lower() in _SENSITIVE:
        reading.sensitive.append(column)
    reading.add("expect_column_to_exist", where, column=column)
    read_type(reading, entry, column, where)
    if flag_of(entry, "required", source):
        reading.add("expect_column_values_to_not_be_null", where, column=column)
    if flag_of(entry, "unique", source):
        reading.add("expect_column_values_to_be_unique", where, column=column)
    if entry.get("enum") is not None:
        listed = [item.get("value") if isinstance(item, Mapping) else item for item in list_of(entry, "enum", source)]
        reading.add("expect_column_values_to_be_in_set", where, column=column, value_set=listed)
    for number, quality in enumerate(list_of(entry, "quality", source), start=1):
        _read_quality(reading, quality, f"{where}, quality {number}", column)
    if list_of(entry, "relationships", source):
        reading.unchecked.append(f"{where}: relationships")
    read_nested(reading, entry, column, where)


def _read_primary_key(reading: ContractReading, properties: Sequence[Mapping[str, Any]]) -> None:
    keys = [
        entry for entry in properties if flag_of(entry, "primaryKey", f"{reading.source}, property {entry['name']}")
    ]
    keys.sort(key=lambda entry: int(entry.get("primaryKeyPosition") or 0))
    columns = [column_name(entry) for entry in keys]
    for entry, column in zip(keys, columns, strict=True):
        if not entry.get("required"):
            reading.add("expect_column_values_to_not_be_null", f"property {entry['name']}", column=column)
    if len(columns) == 1 and not keys[0].get("unique"):
        reading.add("expect_column_values_to_be_unique", "primaryKey", column=columns[0])
    if len(columns) > 1:
        reading.add("expect_compound_columns_to_be_unique", "primaryKey", column_list=columns)


def _read_quality(reading: ContractReading, quality: Any, where: str, column: str | None) -> None:
    rules = quality_rules(quality, source=f"{reading.source}, {where}", column=column, names=reading.names)
    if not rules:
        statement = quality.get("description") or quality.get("rule") or quality.get("type")
        reading.unchecked.append(f"{where}: {statement}")
    for rule in rules:
        reading.add_rule(rule)
