"""One slice with its sums, and how its values are written."""

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

    :param columns: what it is made of; empty for all rows.
    :param values: one for each column, as text.
    :param keys: the same as DuckDB holds them: values, or numbers of bins.
    :param sums: of the terms, shape ``(p,)``; the first term is 1, so the first sum is the number of rows.
    :param units: how many independent units it has: rows, or groups of rows.
    :param whole_units: how many of these lie in it wholly; fewer than ``units`` when groups reach outside.
    :param products: sums over units of products of the terms, shape ``(p, p)``; ``None`` when not asked for.
    :param cross: the same of the terms within the slice (first axis) with those of the whole unit (second axis).
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
        """``race=Hispanic & sex=f``."""
        return " & ".join(f"{name}={value}" for name, value in zip(self.columns, self.values, strict=True))


def text_of(column: SliceColumn, value: Any) -> str:
    """A value of a column, or the number of its bin, as a person reads it."""
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
