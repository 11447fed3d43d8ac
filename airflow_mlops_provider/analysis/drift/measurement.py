"""All columns of a current batch against their reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from airflow_mlops_provider.analysis.drift.columns import Plan, Rows, plan_columns
from airflow_mlops_provider.analysis.drift.comparison import all_missing, compare_levels, compare_numbers
from airflow_mlops_provider.analysis.drift.joint import measure_joint
from airflow_mlops_provider.analysis.drift.values import Levels, Numbers, is_two_level, levels_of, numbers_of
from airflow_mlops_provider.analysis.stats.corrections import holm
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.reports.drift import ColumnDrift, ColumnKind, DriftReport, Role


def measure_drift(
    reference: Rows,
    current: Rows,
    *,
    columns: Sequence[str] | None = None,
    target: str | None = None,
    prediction: str | None = None,
    window_column: str | None = None,
    sensitive: Sequence[str] = (),
    joint: bool = True,
) -> DriftReport:
    """Measure how far ``current`` lies from ``reference``, column by column and all features together.

    :param columns: the features to compare; by default every column of the reference but target, prediction,
        window column and time stamps (which move by themselves).
    :param target: compared as target drift; may still be absent from ``current``.
    :param prediction: compared as prediction drift.
    :param window_column: what tells windows apart; never compared itself.
    :param sensitive: columns whose values never appear in the report.
    :param joint: also train a classifier to tell the two apart.
    :returns: the report; its p-values are corrected by Holm's method over all tests of all columns.
    :raises BadInputError: when nothing is shared, a column of the reference has no value, or one holds infinity.
    """
    plans = plan_columns(
        reference,
        current,
        columns=columns,
        target=target,
        prediction=prediction,
        window_column=window_column,
        sensitive=sensitive,
    )
    measured = [_measure(plan, reference, current) for plan in plans]
    features = [plan for plan in plans if plan.role is Role.FEATURE and plan.problem is None]
    found, note = measure_joint(features, reference, current) if joint else (None, "")
    return DriftReport(
        reference_rows=reference.rows,
        current_rows=current.rows,
        columns=_corrected(measured),
        joint=found,
        joint_note=note,
    )


def _measure(plan: Plan, reference: Rows, current: Rows) -> ColumnDrift:
    if plan.problem is not None:
        return ColumnDrift(
            column=plan.column, role=plan.role, kind=plan.kind, problem=plan.problem, statement=plan.statement
        )
    before = _column(reference, plan.column)
    where = f"reference {reference.uri}: column {plan.column!r}"
    if before.null_count == len(before) and len(before):
        raise BadInputError(f"{where} is all missing; there is nothing to compare with")
    after, here = _column(current, plan.column), f"current {current.uri}: column {plan.column!r}"
    if plan.kind is ColumnKind.CATEGORICAL:
        return _compared(plan, levels_of(before), levels_of(after), where)
    numbers, now = numbers_of(before, where=where), numbers_of(after, where=here)
    if plan.kind is ColumnKind.NUMERIC and is_two_level(numbers):
        return _compared(plan, levels_of(before), levels_of(after), where)
    return _compared(plan, numbers, now, where)


def _compared(plan: Plan, reference: Numbers | Levels, current: Numbers | Levels, where: str) -> ColumnDrift:
    if reference.rows and reference.missing == reference.rows:
        raise BadInputError(f"{where} is all missing; there is nothing to compare with")
    if current.rows and current.missing == current.rows:
        return all_missing(plan, reference)
    if isinstance(reference, Numbers) and isinstance(current, Numbers):
        return compare_numbers(plan, reference, current)
    assert isinstance(reference, Levels) and isinstance(current, Levels)  # noqa: S101, PT018  # for the type checker
    return compare_levels(plan, reference, current)


def _column(rows: Rows, name: str) -> pa.ChunkedArray:
    batches = [batch.column(0) for batch in rows.batches([name])]
    return pa.chunked_array(batches, type=rows.schema.field(name).type)


def _corrected(columns: Sequence[ColumnDrift]) -> tuple[ColumnDrift, ...]:
    # A test whose p-value is 1 by construction (nothing missing on either side) cannot reject and costs no budget
    # (Tarone 1990).
    shifts = [shift for column in columns for shift in column.shifts if shift.p_value < 1]
    adjusted = dict(zip(map(id, shifts), holm([shift.p_value for shift in shifts]), strict=True)) if shifts else {}
    return tuple(
        replace(
            column,
            shifts=tuple(
                replace(shift, adjusted_p_value=float(adjusted.get(id(shift), 1.0))) for shift in column.shifts
            ),
        )
        for column in columns
    )
