"""Names in a data contract: its objects, its properties, and their columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


def column_name(entry: Mapping[str, Any]) -> str:
    """Return the column of a property: its physical name if it has one, else its name."""
    return str(entry.get("physicalName") or entry["name"])


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractNames:
    """The names of one object and its columns.

    :param tables: names of the object.
    :param columns: property name to column.
    :param elsewhere: names of the contract's other objects and of their properties, except names of this one.
    """

    tables: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    elsewhere: frozenset[str] = frozenset()

    @classmethod
    def of(cls, table: Mapping[str, Any], others: Iterable[Mapping[str, Any]] = ()) -> ContractNames:
        """Read the names of one object.

        :param table: the object as parsed YAML.
        :param others: the contract's other objects as parsed YAML.
        """
        foreign: set[str] = set()
        for other in others:
            foreign |= {*_tables(other), *_columns(other), *_columns(other).values()}
        columns = _columns(table)
        here = {*columns, *columns.values(), *_tables(table)}
        return cls(tables=_tables(table), columns=columns, elsewhere=frozenset(foreign - here))

    @property
    def renamed(self) -> dict[str, str]:
        """Property name to column, for properties whose names are not columns of the object."""
        physical = set(self.columns.values())
        return {name: column for name, column in self.columns.items() if name != column and name not in physical}

    def column(self, name: str) -> str:
        """Return the column with that name, or of the property with that name."""
        return self.renamed.get(name, name)

    def in_arguments(self, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments of an expectation with property names replaced by columns."""
        return {key: self._argument(key, value) for key, value in kwargs.items()}

    def _argument(self, key: str, value: Any) -> Any:
        if key in ("column", "column_A", "column_B") and isinstance(value, str):
            return self.column(value)
        if key in ("column_list", "column_set") and isinstance(value, Sequence) and not isinstance(value, str):
            return [self.column(each) if isinstance(each, str) else each for each in value]
        return value


def _tables(table: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(table[key]) for key in ("name", "physicalName") if table.get(key)))


def _columns(table: Mapping[str, Any]) -> dict[str, str]:
    entries = table.get("properties")
    named = (entry for entry in entries if isinstance(entry, Mapping)) if isinstance(entries, list) else ()
    return {entry["name"]: column_name(entry) for entry in named if isinstance(entry.get("name"), str)}
