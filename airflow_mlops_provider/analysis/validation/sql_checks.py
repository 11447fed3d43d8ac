"""What a rule becomes on its way into SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from airflow_mlops_provider.analysis.validation.sql_columns import Column
from airflow_mlops_provider.records.rules import Rule


class NotInScanError(Exception):
    """This rule does not mean the same in SQL on these columns; Great Expectations itself must evaluate it."""


class UnfitDataError(Exception):
    """The batch cannot be held to this rule, which fails it: a column is missing or of the wrong type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCheck:
    """A row rule in SQL.

    :param rule: the rule.
    :param domain: condition of the rows in scope (the rule's row condition); ``None`` for all rows.
    :param missing: condition that is true, never NULL, for rows in scope that are not considered.
    :param bad: condition that is true for a considered row that does not meet the rule.
    :param values: what a sample of unexpected rows shows.
    :param condition: a business rule's own SQL, as declared; empty for other rules.
    :param keys: for uniqueness: the columns that must not repeat; ``bad`` is then made from the repeated keys.
    :param tables: tables that the SQL reads beside the batch, by name.
    """

    rule: Rule
    domain: str | None
    missing: str
    bad: str = ""
    condition: str = ""
    values: tuple[Column, ...] = ()
    keys: tuple[Column, ...] = ()
    tables: Mapping[str, pa.Table] = field(default_factory=dict)

    @property
    def considered(self) -> str:
        """Condition of the rows that count."""
        return f"{self.domain} AND NOT {self.missing}" if self.domain else f"NOT {self.missing}"

    @property
    def in_scope(self) -> str:
        """Condition of the rows in scope."""
        return self.domain or "true"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """What a table rule comes to."""

    success: bool
    result: dict[str, Any] = field(default_factory=dict)
    observed: float | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCheck:
    """A table rule in SQL.

    :param rule: the rule.
    :param aggregates: name to SQL aggregate over the batch.
    :param conclude: what the aggregates' values come to.
    :param tables: tables that the SQL reads beside the batch, by name.
    """

    rule: Rule
    aggregates: dict[str, str]
    conclude: Callable[[Mapping[str, Any]], Conclusion]
    tables: Mapping[str, pa.Table] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryCheck:
    """A rule that is a query of its own.

    :param rule: the rule.
    :param query: SQL that returns one value.
    :param conclude: what the value comes to.
    """

    rule: Rule
    query: str
    conclude: Callable[[Any], Conclusion]
