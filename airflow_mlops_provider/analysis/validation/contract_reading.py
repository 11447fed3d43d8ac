"""What was read of a data contract so far, and the shape that its parts must have."""

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
    """One object of a contract while it is read.

    :param source: contract and object, for messages.
    :param names: of the object and its properties.
    :param rules: what can be checked.
    :param sensitive: columns that are classified as sensitive.
    :param unchecked: statements that are understood and cannot be checked.
    """

    source: str
    names: ContractNames
    rules: list[Rule] = field(default_factory=list)
    sensitive: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)

    def add(self, kind: str, where: str, **kwargs: Any) -> None:
        """Add a rule.

        :param where: the part of the contract that states it.
        """
        self.add_rule(Rule(type=kind, kwargs=kwargs, source=f"{self.source}, {where}"))

    def add_rule(self, rule: Rule) -> None:
        """Add a rule whose arguments are not yet checked."""
        check_rule(rule)
        self.rules.append(rule)


def require_keys(entry: Mapping[str, Any], keys: set[str], source: str) -> None:
    """Raise ``BadInputError`` that names the first key of ``entry`` which is none of ``keys``."""
    unknown = sorted(set(map(str, entry)) - keys)
    if unknown:
        raise BadInputError(f"{source}: unknown key {unknown[0]!r}")


def list_of(entry: Mapping[str, Any], key: str, source: str) -> list[Any]:
    """The list ``key``; empty when it is not there."""
    found = entry.get(key)
    if found is None:
        return []
    if not isinstance(found, list):
        raise BadInputError(f"{source}: {key!r} must be a list, not {type(found).__name__}")
    return found


def flag_of(entry: Mapping[str, Any], key: str, source: str) -> bool:
    """The value of ``key``, true or false; false when it is not there."""
    value = entry.get(key)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise BadInputError(f"{source}: {key!r} must be true or false, not {value!r}")
    return value
