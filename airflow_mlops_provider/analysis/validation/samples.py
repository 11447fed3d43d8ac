"""A few of the rows that do not meet a rule, as Great Expectations lists them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from airflow_mlops_provider.analysis.validation.batch import ROW, Batch
from airflow_mlops_provider.analysis.validation.checks import RowCheck
from airflow_mlops_provider.analysis.validation.columns import Column
from airflow_mlops_provider.analysis.validation.json_values import json_value

SAMPLES = 20
"""How many unexpected values a result lists, as many as Great Expectations does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Unexpected rows of one rule.

    :param rows: positions of the first ones.
    :param values: their values: of the rule's column, or by column.
    :param counts: the most frequent unexpected values of a one-column rule, ``{"value": ..., "count": ...}``.
    """

    rows: tuple[int, ...] = ()
    values: tuple[Any, ...] | None = None
    counts: tuple[dict[str, Any], ...] | None = None


def take_sample(check: RowCheck, flag: str, joined: str, batch: Batch, *, hidden: bool, counted: bool) -> Sample:
    """Sample the rows in which ``flag`` is true.

    Not part of the scan: only rules that have such rows are asked, and each reads its own columns alone.

    :param joined: the FROM clause in which ``flag`` holds.
    :param hidden: leave the values out.
    :param counted: count the values too, which reads all unexpected rows.
    """
    shown: tuple[Column, ...] = () if hidden else check.values
    wanted = ", ".join([ROW, *(column.sql for column in shown)])
    found = batch.rows(f"SELECT {wanted} FROM {joined} WHERE {flag} ORDER BY {ROW} LIMIT {SAMPLES}")
    rows = tuple(row[0] for row in found)
    if hidden:
        return Sample(rows=rows)
    if len(shown) == 1:
        values = tuple(json_value(row[1]) for row in found)
        return Sample(
            rows=rows, values=values, counts=_most_frequent(shown[0], flag, joined, batch) if counted else None
        )
    names = [column.name for column in shown]
    return Sample(rows=rows, values=tuple(dict(zip(names, map(json_value, row[1:]), strict=True)) for row in found))


def _most_frequent(column: Column, flag: str, joined: str, batch: Batch) -> tuple[dict[str, Any], ...]:
    found = batch.rows(
        f"SELECT {column.value} AS value, count(*) AS rows FROM {joined} WHERE {flag} "
        f"GROUP BY 1 HAVING value IS NOT NULL ORDER BY rows DESC, value LIMIT {SAMPLES}"
    )
    return tuple({"value": json_value(value), "count": count} for value, count in found)
