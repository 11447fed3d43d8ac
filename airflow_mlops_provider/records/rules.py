"""Rules a batch of data is held to; Great Expectations suites and data contracts both become these."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from airflow_mlops_provider.exceptions import BadInputError, one_line
from airflow_mlops_provider.records.codec import OMIT_NONE


class Scope(StrEnum):
    """What a rule speaks of: single rows, which can be set aside, or the table as a whole."""

    ROW = "row"
    TABLE = "table"


class Engine(StrEnum):
    """What evaluated a rule."""

    SCAN = "scan"
    QUERY = "query"
    GREAT_EXPECTATIONS = "great_expectations"


class RuleSeverity(StrEnum):
    """What a broken rule amounts to: a failure, a notice, or a line in the report."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Unit(StrEnum):
    """What a number of unexpected rows is counted in."""

    ROWS = "rows"
    PERCENT = "percent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The numbers that are allowed.

    :param min_value: lower bound, ``None`` for none.
    :param max_value: upper bound, ``None`` for none.
    :param strict_min: the lower bound itself is not allowed.
    :param strict_max: the upper bound itself is not allowed.
    :param excluded: turn it around: what lies within is not allowed.
    """

    min_value: float | None = None
    max_value: float | None = None
    strict_min: bool = False
    strict_max: bool = False
    excluded: bool = False

    def __post_init__(self) -> None:
        if self.min_value is None and self.max_value is None:
            raise BadInputError("limits need a lower or an upper bound")
        if self.min_value is not None and self.max_value is not None and self.min_value > self.max_value:
            raise BadInputError(f"limits: the lower bound {self.min_value} is above the upper bound {self.max_value}")

    def holds(self, value: float) -> bool:
        """Whether ``value`` is allowed; NaN never is."""
        if math.isnan(value):
            return False
        above = self.min_value is None or (value > self.min_value if self.strict_min else value >= self.min_value)
        below = self.max_value is None or (value < self.max_value if self.strict_max else value <= self.max_value)
        return (above and below) is not self.excluded

    @property
    def is_ceiling(self) -> bool:
        """Whether every number below an allowed number is allowed too, so that fewer is always better."""
        if self.excluded or self.max_value is None:
            return False
        return self.min_value is None or self.min_value < 0 or (self.min_value == 0 and not self.strict_min)

    @property
    def text(self) -> str:
        """For a person: ``> 0 and <= 5``."""
        if self.min_value is not None and self.min_value == self.max_value:
            return f"{'not ' if self.excluded else ''}{self.min_value:g}"
        parts = []
        if self.min_value is not None:
            parts.append(f"{'>' if self.strict_min else '>='} {self.min_value:g}")
        if self.max_value is not None:
            parts.append(f"{'<' if self.strict_max else '<='} {self.max_value:g}")
        return f"{'not ' if self.excluded else ''}{' and '.join(parts)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How many unexpected rows a rule accepts, where a contract counts rows instead of saying ``mostly``.

    :param limits: the accepted numbers.
    :param unit: rows, or percent of the rows considered.
    """

    limits: Limits
    unit: Unit = Unit.ROWS

    @property
    def text(self) -> str:
        """For a person: ``< 1 percent unexpected``."""
        return f"{self.limits.text} {self.unit} unexpected"

    def accepts(self, unexpected: int, considered: int) -> bool:
        """Whether ``unexpected`` of ``considered`` rows are accepted."""
        if self.unit is Unit.ROWS:
            return self.limits.holds(unexpected)
        return self.limits.holds(100.0 * unexpected / considered if considered else 0.0)


ABOUT_COLUMNS = (
    "expect_column_to_exist",
    "expect_column_to_have_field",
    "expect_column_logical_type_to_be",
    "expect_column_values_to_be_of_type",
    "expect_column_values_to_be_in_type_list",
)
"""Rules that ask for a column or its type and look at no value."""

_COLUMN_KEYS = ("column", "column_A", "column_B")
_FIRST_SHOWN = ("min_value", "max_value")
_NOT_SHOWN = (*_COLUMN_KEYS, "column_list", "column_set", "result_format", "catch_exceptions", "batch_id", "meta")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One expectation of a batch.

    :param type: Great Expectations' name such as ``expect_column_values_to_be_between``, or one of ours.
    :param kwargs: its arguments, as in Great Expectations' suite format.
    :param source: where it was declared, for messages: ``suite wage, expectation 3``.
    :param tolerance: accepted number of unexpected rows; ``None`` leaves it to ``mostly``.
    :param columns_read: columns that an SQL text in ``kwargs`` reads, which no argument names.
    :param severity: what it amounts to when it is broken; ``None`` where nothing is said, which is an error.
    """

    type: str
    kwargs: dict[str, Any] = field(default_factory=dict)
    source: str = ""
    tolerance: Tolerance | None = None
    columns_read: tuple[str, ...] = ()
    severity: RuleSeverity | None = field(default=None, metadata=OMIT_NONE)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns the rule reads, in the order in which it names them."""
        named = [self.kwargs[key] for key in _COLUMN_KEYS if isinstance(self.kwargs.get(key), str)]
        listed = self.kwargs.get("column_list")
        if isinstance(listed, list | tuple) and not self.type.startswith("expect_table_"):
            named.extend(str(column) for column in listed)
        return tuple(dict.fromkeys([*named, *self.columns_read]))

    @property
    def mostly(self) -> float:
        """The share of the rows considered that must meet the rule."""
        return float(self.kwargs.get("mostly", 1.0))

    @property
    def subject(self) -> str:
        """What the rule speaks of, for a finding: its columns, or ``table``."""
        return " & ".join(self.columns) or "table"

    @property
    def label(self) -> str:
        """The rule with its arguments, columns left out: ``expect_column_values_to_be_between(min_value=0)``."""
        shown = [key for key, value in self.kwargs.items() if key not in _NOT_SHOWN and value is not None]
        # In one order, whichever the declaration had, because stored evidence sorts its keys; bounds from low to high.
        shown.sort(key=lambda key: (key not in _FIRST_SHOWN, key == "max_value", key))
        text = f"{self.type}({', '.join(f'{key}={_short(self.kwargs[key])}' for key in shown)})"
        return text if self.tolerance is None else f"{text} with {self.tolerance.text}"

    def accepts(self, unexpected: int, considered: int) -> bool:
        """Whether the rule is met with ``unexpected`` of ``considered`` rows.

        As in Great Expectations, a rule that had no row to consider is met.
        """
        if self.tolerance is not None:
            return self.tolerance.accepts(unexpected, considered)
        return considered == 0 or (considered - unexpected) / considered >= self.mostly

    @property
    def is_error(self) -> bool:
        """Whether breaking it fails the batch; other severities are only told."""
        return self.severity in (None, RuleSeverity.ERROR)

    @property
    def sets_rows_aside(self) -> bool:
        """Whether taking the unexpected rows out would make the rule met."""
        return self.tolerance is None or self.tolerance.limits.is_ceiling


_LONGEST_VALUE = 80


def _short(value: Any) -> str:
    if isinstance(value, dict) and "excluded" in value:
        return Limits(**value).text
    text = one_line(value) if isinstance(value, str) else repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."
