"""What was measured when a batch was held to its rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from airflow_mlops_provider.records.codec import OMIT_NONE
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.rules import Engine, Rule, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleResult:
    """One rule, measured.

    :param rule: the rule.
    :param scope: whether single rows or the table failed it.
    :param engine: what evaluated it.
    :param success: whether the rule is met, as Great Expectations would say.
    :param result: numbers in Great Expectations' result format (``element_count``, ``unexpected_count``,
        ``partial_unexpected_list``, ... or ``observed_value``); no values of sensitive columns.
    :param considered: rows that the rule considered: in its row condition and not missing; ``None`` for a table rule.
    :param unexpected: how many of them do not meet it; ``None`` for a table rule.
    :param observed: the number a table rule looked at; ``None`` when it is not a number or is unknown.
    :param observed_min: smallest value of the rule's column, as JSON; ``None`` when unordered or sensitive.
    :param observed_max: largest value of the rule's column, likewise.
    :param problem: why the rule could not be evaluated on this batch (a missing column, a wrong type); else empty.
    """

    rule: Rule
    scope: Scope
    engine: Engine
    success: bool
    result: dict[str, Any] = field(default_factory=dict)
    considered: int | None = None
    unexpected: int | None = None
    observed: float | None = None
    observed_min: Any = None
    observed_max: Any = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationReport:
    """A batch held to its rules.

    :param name: of the suite or contract.
    :param rows: rows of the batch.
    :param failing_rows: rows that break at least one failed row rule; these are set aside.
    :param results: one entry a rule, in the order of declaration.
    :param all_missing: columns without a single value that a rule reads.
    :param infinite: column to number of infinite values, for columns that have any.
    :param sensitive: columns whose values were left out.
    :param unchecked: what a contract also says and nothing here can check.
    :param checked_at: the time of the check, UTC, as ISO 8601; ``None`` when no rule asks for it.
    :param refused_parts: of a merged report, the parts whose own verdict let no row go on.
    :param failing_rows_query: SQL that selects the failing rows in the database of the batch; ``None`` for a file,
        without a key, and for more rows than can be named.
    :param quarantine: where the failing rows were written, pinned; ``None`` without a place to write.
    """

    name: str
    rows: int
    failing_rows: int
    results: tuple[RuleResult, ...]
    all_missing: tuple[str, ...] = ()
    infinite: dict[str, int] = field(default_factory=dict)
    sensitive: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    quarantine: DatasetRef | None = None
    checked_at: str | None = field(default=None, metadata=OMIT_NONE)
    refused_parts: tuple[str, ...] | None = field(default=None, metadata=OMIT_NONE)
    failing_rows_query: str | None = field(default=None, metadata=OMIT_NONE)

    @property
    def clean_rows(self) -> int:
        """Rows that break no failed rule."""
        return self.rows - self.failing_rows

    @property
    def failing_share(self) -> float:
        """Share of the rows that are set aside, from 0 to 1; 0 for an empty batch."""
        return self.failing_rows / self.rows if self.rows else 0.0
