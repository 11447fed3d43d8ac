"""How much a new snapshot may differ from the one before."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_mlops_provider.exceptions import BadInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestPolicy:
    """How a new snapshot is held against the one before.

    :param min_rows: fewest rows of a snapshot.
    :param max_row_change: largest change of the number of rows, as a share of the rows before: 0.5 lets 1,000 rows
        become 500 to 1,500; ``None`` for any.
    :param allow_schema_change: whether a column that went, or has another type, is a notice in place of a fail. A
        column that was added is always a notice.
    """

    min_rows: int = 1
    max_row_change: float | None = 0.5
    allow_schema_change: bool = False

    def __post_init__(self) -> None:
        if self.min_rows < 0:
            raise BadInputError(f"IngestPolicy: min_rows is {self.min_rows}; it must be 0 or more")
        if self.max_row_change is not None and not self.max_row_change >= 0:
            raise BadInputError(f"IngestPolicy: max_row_change is {self.max_row_change}; it must be 0 or more")
