"""Rules as SQL: checks of rows, of the table and by a query, and their conclusions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from airflow_mlops_provider.analysis.validation.sql_columns import Column
from airflow_mlops_provider.records.rules import Rule


class NotInScanError(Exception):
    """SQL would give this rule another meaning on these columns, so Great Expectations must evaluate it."""


class UnfitDataError(Exception):
    """The rule fails because a column is missing or of the wrong type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCheck:
    """A row rule in SQL.

    :param rule: the rule.
    :param domain: condition of the rows in scope, which is the rule's row condition; ``None`` for all rows.
    :param missing: condition that is true for rows in scope that are not considered, and never NULL.
    :param unexpected: condition that is true for considered rows that do not meet the rule.
    :param condition: the SQL of a business rule as declared; empty for other rules.
    :param values: columns whose values are shown for unexpected rows.
    :param keys: columns of a uniqueness rule; ``unexpected`` is then a condition on the repeated keys.
    :param tables: further tables that the SQL reads, by name.
    """

    rule: Rule
    domain: str | None
    missing: str
    unexpected: str = ""
    condition: str = ""
    values: tuple[Column, ...] = ()
    keys: tuple[Column, ...] = ()
    tables: Mapping[str, pa.Table] = field(default_factory=dict)

    @property
    def considered(self) -> str:
        """Condition of the considered rows."""
        return f"{self.domain} AND NOT {self.missing}" if self.domain else f"NOT {self.missing}"

    @property
    def in_scope(self) -> str:
        """Condition of the rows in scope."""
        return self.domain or "true"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """Outcome of a table rule.

    :param success: whether the rule is met.
    :param result: its result in the format of Great Expectations.
    :param observed: the observed number, if there is one.
    :param problem: why the rule could not be evaluated; empty when it could.
    """

    success: bool
    result: dict[str, Any] = field(default_factory=dict)
    observed: float | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCheck:
    """A table rule in SQL.

    :param rule: the rule.
    :param aggregates: name to SQL aggregate over the batch.
    :param conclude: returns the conclusion from the values of the aggregates.
    :param tables: further tables that the SQL reads, by name.
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
    :param conclude: returns the conclusion from that value.
    """

    rule: Rule
    query: str
    conclude: Callable[[Any], Conclusion]
