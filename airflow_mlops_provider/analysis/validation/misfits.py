"""Cells that do not fit what their column is declared to hold, as a rule that their rows break."""

from __future__ import annotations

from typing import Protocol

from airflow_mlops_provider.analysis.validation.great_expectations_engine import Answer
from airflow_mlops_provider.records.csv_format import DeclaredType
from airflow_mlops_provider.records.rules import Rule, Scope

MISFIT = "expect_column_cells_to_be_of_type"
"""The rule that every declared column of a CSV file is held to; it is told where a cell breaks it."""


class MisfitCells(Protocol):
    """The cells of one column that do not fit."""

    @property
    def column(self) -> str:
        """Its name."""

    @property
    def declared(self) -> DeclaredType:
        """What it is declared to hold."""

    @property
    def present(self) -> int:
        """How many of its cells hold anything."""

    @property
    def rows(self) -> tuple[int, ...]:
        """Numbers of the rows whose cell does not fit."""

    @property
    def texts(self) -> tuple[str, ...]:
        """The first of these cells."""


def misfit_answer(cells: MisfitCells) -> Answer:
    """The rule that the column is held to, with the rows that break it."""
    declared = cells.declared
    kwargs = {"column": cells.column, "type_": declared.kind.value}
    kwargs |= {"format": declared.form} if declared.form else {}
    unexpected = len(cells.rows)
    share = unexpected / cells.present * 100
    return Answer(
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
