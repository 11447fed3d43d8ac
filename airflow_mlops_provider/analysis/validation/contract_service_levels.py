"""Service levels of data contracts: the largest age of the newest row. Others are listed as unchecked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_mlops_provider.analysis.validation.contract_names import ContractNames
from airflow_mlops_provider.analysis.validation.contract_reading import ContractReading, list_of, require_keys
from airflow_mlops_provider.exceptions import BadInputError

_KEYS = {
    *("property", "value", "valueExt", "unit", "element", "driver", "id", "description", "scheduler", "schedule"),
    *("tags", "customProperties", "authoritativeDefinitions", "column"),
}
_AGES = ("latency", "ly", "freshness", "fr")
_HOURS = {
    **dict.fromkeys(("us", "microsecond", "microseconds"), 1 / 3_600_000_000),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1 / 3_600_000),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1 / 3600),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 1 / 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 1.0),
    **dict.fromkeys(("d", "day", "days"), 24.0),
    **dict.fromkeys(("w", "wk", "week", "weeks"), 168.0),
    **dict.fromkeys(("mo", "month", "months"), 730.5),
    **dict.fromkeys(("y", "yr", "yrs", "year", "years"), 8766.0),
}


def read_service_levels(reading: ContractReading, contract: Mapping[str, Any]) -> None:
    """Read every entry of ``slaProperties``; entries without an element apply to ``slaDefaultElement``.

    :param reading: where the rules and the unchecked statements are added.
    :param contract: the contract as parsed YAML.
    :raises BadInputError: when an age is not a duration, or a key is unknown; names the entry.
    """
    default = contract.get("slaDefaultElement")
    for number, level in enumerate(list_of(contract, "slaProperties", reading.source), start=1):
        where = f"slaProperties {number}"
        source = f"{reading.source}, {where}"
        if not isinstance(level, Mapping) or "property" not in level or "value" not in level:
            raise BadInputError(f"{source} must have 'property' and 'value'")
        require_keys(level, _KEYS, source)
        _read_level(reading, level, level.get("element") or default, where)


def _read_level(reading: ContractReading, level: Mapping[str, Any], element: Any, where: str) -> None:
    name = str(level["property"])
    if name.lower() not in _AGES or not element:
        reading.unchecked.append(f"{where}: {name}")
        return
    for part in str(element).split(","):
        column = _column(part.strip(), reading.names)
        if column is None:
            reading.unchecked.append(f"{where}: {name} of {part.strip()}")
            continue
        hours = _hours(level, f"{reading.source}, {where}")
        reading.add("expect_column_to_be_fresh", where, column=column, max_age_hours=hours)


def _column(element: str, names: ContractNames) -> str | None:
    """Return the column of ``table.property``; ``None`` for a property of another object and for a whole object."""
    table, _, name = element.rpartition(".")
    if table and table.rpartition(".")[2] not in names.tables:
        return None
    if not table and (name in names.tables or name in names.elsewhere) and name not in names.columns:
        return None
    return names.column(name)


def _hours(level: Mapping[str, Any], source: str) -> float:
    unit, value = str(level.get("unit") or "d").strip().lower(), level["value"]
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
    except ValueError:
        number = None
    if unit not in _HOURS or number is None:
        raise BadInputError(f"{source}: {value!r} {unit!r} is not a time; units are {', '.join(_HOURS)}")
    return number * _HOURS[unit]
