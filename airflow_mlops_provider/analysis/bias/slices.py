"""One slice with its sums, and the text of its values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from airflow_mlops_provider.analysis.bias.columns import SliceColumn

Floats = NDArray[np.float64]

MISSING = "missing"


@dataclass(frozen=True, kw_only=True)
class Slice:
    """The sums over one slice.

    :param columns: its columns; empty for all rows.
    :param values: the value of each column as text.
    :param keys: the value or the bin number of each column.
    :param sums: sums of the terms, shape ``(p,)``; the first term is 1, so the first sum is the number of rows.
    :param units: number of independent units with rows in the slice: rows, or groups of rows.
    :param whole_units: number of units with all their rows in the slice.
    :param products: sums over units of the products of the terms, shape ``(p, p)``; ``None`` when not measured.
    :param cross: sums over units of the products of the terms in the slice (first axis) and of all rows of the unit
        (second axis), shape ``(p, p)``; ``None`` when not measured.
    """

    columns: tuple[str, ...]
    values: tuple[str, ...]
    keys: tuple[Any, ...]
    sums: Floats
    units: int
    whole_units: int
    products: Floats | None = None
    cross: Floats | None = None

    @property
    def subject(self) -> str:
        """The slice as text, such as ``race=Hispanic & sex=f``."""
        return " & ".join(f"{name}={value}" for name, value in zip(self.columns, self.values, strict=True))


def value_text(column: SliceColumn, value: Any) -> str:
    """Return the text of a value of a column, or of the bin with that number."""
    if value is None:
        return MISSING
    if column.edges:
        return column.labels[int(value)]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    # A real value of this name must not look like the slice of missing values.
    return f"'{value}'" if str(value) == MISSING else str(value)
