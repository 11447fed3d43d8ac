"""The state of reading a data contract, and checks of the types of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_mlops_provider.analysis.validation.contract_names import ContractNames
from airflow_mlops_provider.analysis.validation.suites import check_rule
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.rules import Rule


@dataclass(slots=True)
class ContractReading:
    """What has been read of one object of a contract.

    :param source: names of contract and object, for messages.
    :param names: names of the object and its properties.
    :param rules: the rules.
    :param sensitive: columns that are classified as sensitive.
    :param unchecked: statements that are valid but cannot be checked.
    """

    source: str
    names: ContractNames
    rules: list[Rule] = field(default_factory=list)
    sensitive: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)

    def add(self, kind: str, where: str, **kwargs: Any) -> None:
        """Check and add a rule.

        :param kind: the expectation type.
        :param where: place of the rule in the contract, for messages.
        :param kwargs: arguments of the expectation.
        :raises BadInputError: when an argument is wrong; names it.
        """
        self.add_rule(Rule(type=kind, kwargs=kwargs, source=f"{self.source}, {where}"))

    def add_rule(self, rule: Rule) -> None:
        """Check and add a rule.

        :raises BadInputError: when an argument is wrong; names it.
        """
        check_rule(rule)
        self.rules.append(rule)


def require_keys(entry: Mapping[str, Any], keys: set[str], source: str) -> None:
    """Raise ``BadInputError`` when ``entry`` has a key that is not in ``keys``; names the first."""
    unknown = sorted(set(map(str, entry)) - keys)
    if unknown:
        raise BadInputError(f"{source}: unknown key {unknown[0]!r}")


def list_of(entry: Mapping[str, Any], key: str, source: str) -> list[Any]:
    """Return the list under ``key``; empty when there is none.

    :raises BadInputError: when the value is not a list.
    """
    found = entry.get(key)
    if found is None:
        return []
    if not isinstance(found, list):
        raise BadInputError(f"{source}: {key!r} must be a list, not {type(found).__name__}")
    return found


def flag_of(entry: Mapping[str, Any], key: str, source: str) -> bool:
    """Return the boolean under ``key``; false when there is none.

    :raises BadInputError: when the value is not a boolean.
    """
    value = entry.get(key)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise BadInputError(f"{source}: {key!r} must be true or false, not {value!r}")
    return value
