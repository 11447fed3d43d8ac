"""Cells that are not of the declared type of their column, as a rule that their rows break."""

from __future__ import annotations

from typing import Protocol

from airflow_mlops_provider.analysis.validation.great_expectations_engine import ExpectationResult
from airflow_mlops_provider.records.csv_format import DeclaredType
from airflow_mlops_provider.records.rules import Rule, Scope

MISFIT = "expect_column_cells_to_be_of_type"
"""The rule of every column of a CSV file with a declared type; it is reported only when a cell breaks it."""


class MisfitCells(Protocol):
    """The cells of one column that are not of its declared type."""

    @property
    def column(self) -> str:
        """Name of the column."""

    @property
    def declared(self) -> DeclaredType:
        """Declared type of the column."""

    @property
    def present(self) -> int:
        """Number of its cells that are not missing."""

    @property
    def rows(self) -> tuple[int, ...]:
        """Positions of the rows with these cells."""

    @property
    def texts(self) -> tuple[str, ...]:
        """Texts of the first of these cells."""


def misfit_result(cells: MisfitCells) -> ExpectationResult:
    """Return the result of the rule :data:`MISFIT` for one column, with the rows that break it."""
    declared = cells.declared
    kwargs = {"column": cells.column, "type_": declared.kind.value}
    kwargs |= {"format": declared.form} if declared.form else {}
    unexpected = len(cells.rows)
    share = unexpected / cells.present * 100
    return ExpectationResult(
        rule=Rule(type=MISFIT, kwargs=kwargs, source=declared.by),
        scope=Scope.ROW,
        success=False,
        result={
            "element_count": cells.present,
            "unexpected_count": unexpected,
            "unexpected_percent": share,
            "unexpected_percent_nonmissing": share,
            "missing_count": 0,
            "partial_unexpected_list": list(cells.texts),
            "partial_unexpected_index_list": list(cells.rows[: len(cells.texts)]),
        },
        unexpected_rows=cells.rows,
    )
