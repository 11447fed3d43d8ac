"""Sample rows that do not meet a rule, as Great Expectations lists them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_mlops_provider.analysis.validation.batch import ROW, SOURCE, Batch
from airflow_mlops_provider.analysis.validation.json_values import json_value
from airflow_mlops_provider.analysis.validation.rule_bitmask import BrokenRows
from airflow_mlops_provider.analysis.validation.sql_checks import RowCheck
from airflow_mlops_provider.analysis.validation.sql_columns import Column

SAMPLES = 20
"""Number of unexpected values in a result, the same as in Great Expectations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Some rows that do not meet a rule.

    :param rows: positions of the first of these rows.
    :param values: their values of the rule's column, or mappings from column to value when it has several; ``None``
        when they must not be shown.
    :param counts: the most frequent unexpected values of a rule of one column, as ``{"value": ..., "count": ...}``;
        ``None`` when they were not counted.
    """

    rows: tuple[int, ...] = ()
    values: tuple[Any, ...] | None = None
    counts: tuple[dict[str, Any], ...] | None = None


def take_samples(
    checks: Mapping[int, RowCheck],
    broken: BrokenRows,
    batch: Batch,
    *,
    hidden: Collection[str],
    counted: Collection[int],
) -> dict[int, Sample]:
    """Return the first rows that break each rule, with their values.

    :param checks: position to row rule.
    :param broken: which rows break which rules.
    :param batch: the batch.
    :param hidden: columns whose values must not be shown; a rule that reads one of them gets no values at all.
    :param counted: positions of the rules whose unexpected values are counted, which reads the column again.
    """
    first_rows = {number: _first_rows(number, broken, batch) for number in checks}
    shown = {number: () if set(check.rule.columns) & set(hidden) else check.values for number, check in checks.items()}
    columns = {column.name: column for number in checks if first_rows[number] for column in shown[number]}
    values = _values({row for rows in first_rows.values() for row in rows}, columns.values(), batch)
    return {
        number: Sample(
            rows=first_rows[number],
            values=_sample_values(first_rows[number], shown[number], values),
            counts=_counts(number, shown[number], broken, batch) if number in counted else None,
        )
        for number in checks
    }


def _first_rows(number: int, broken: BrokenRows, batch: Batch) -> tuple[int, ...]:
    if number not in broken.bits:
        return ()
    return tuple(row for (row,) in batch.rows(f"{broken.rows([number])} ORDER BY {ROW} LIMIT {SAMPLES}"))


def _values(rows: Collection[int], columns: Iterable[Column], batch: Batch) -> dict[int, dict[str, Any]]:
    """Return row to column to value, as JSON, in one pass over these columns for all rules."""
    wanted = list(columns)
    if not rows or not wanted:
        return {}
    listed, named = ", ".join(map(str, sorted(rows))), ", ".join(column.sql for column in wanted)
    found = batch.rows(f"SELECT {ROW}, {named} FROM {SOURCE} WHERE {ROW} IN ({listed})")
    names = [column.name for column in wanted]
    return {row: dict(zip(names, map(json_value, held), strict=True)) for row, *held in found}


def _sample_values(
    rows: tuple[int, ...], columns: tuple[Column, ...], values: Mapping[int, Mapping[str, Any]]
) -> tuple[Any, ...] | None:
    if not columns:
        return None
    if len(columns) == 1:
        return tuple(values[row][columns[0].name] for row in rows)
    return tuple({column.name: values[row][column.name] for column in columns} for row in rows)


def _counts(
    number: int, columns: tuple[Column, ...], broken: BrokenRows, batch: Batch
) -> tuple[dict[str, Any], ...] | None:
    if len(columns) != 1:
        return None
    if number not in broken.bits:
        return ()
    found = batch.rows(
        f"SELECT {columns[0].value} AS mlops_value, count(*) AS mlops_copies FROM {SOURCE} "
        f"WHERE {ROW} IN ({broken.rows([number])}) GROUP BY 1 HAVING mlops_value IS NOT NULL "
        f"ORDER BY mlops_copies DESC, mlops_value LIMIT {SAMPLES}"
    )
    return tuple({"value": json_value(value), "count": count} for value, count in found)
