"""All columns of a current batch against their reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from airflow_mlops_provider.analysis.drift.columns import Plan, Rows, plan_columns
from airflow_mlops_provider.analysis.drift.comparison import compare
from airflow_mlops_provider.analysis.drift.exact import exact_ks, is_open
from airflow_mlops_provider.analysis.drift.joint import measure_joint
from airflow_mlops_provider.analysis.drift.scan import Profiles, profile_rows, sample_edges
from airflow_mlops_provider.analysis.stats.corrections import holm
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.reports.drift import ColumnDrift, DriftReport, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """What the judgement will hold the numbers against, so that only what it needs is computed exactly.

    :param limits: effect floors of the KS distance.
    :param level: the level that all tests share.
    :param exact_rows: with at most so many values on both sides together, every distance is computed exactly.
    """

    limits: tuple[float, ...] = (0.05, 0.10)
    level: float = 0.05 / 30
    exact_rows: int = 200_000


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
    precision: Precision | None = None,
) -> DriftReport:
    """Measure how far ``current`` lies from ``reference``, column by column and all features together.

    One pass over each side leaves a profile of every column, from which every number follows exactly but the KS
    distance, which follows to an interval about 0.001 wide. Where that leaves a judgement open, the column is read
    again and computed exactly.

    :param columns: the features to compare; by default every column of the reference but target, prediction,
        window column and time stamps (which move by themselves).
    :param target: compared as target drift; may still be absent from ``current``.
    :param prediction: compared as prediction drift.
    :param window_column: what tells windows apart; never compared itself.
    :param sensitive: columns whose values never appear in the report.
    :param joint: also train a classifier to tell the two apart.
    :param precision: what the numbers will be held against; the default policy's limits by default.
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
    if not reference.rows:
        raise BadInputError(f"reference {reference.uri} has no rows; there is nothing to compare with")
    comparable = [plan for plan in plans if plan.problem is None] if current.rows else []
    names = [plan.column for plan in comparable]
    edges = sample_edges(reference, names)
    before = profile_rows(reference, names, edges, role="reference")
    _refuse_empty(before, reference)
    after = profile_rows(current, names, edges, role="current")
    measured = _sharpened(
        {plan.column: _compared(plan, before, after) for plan in plans if plan.problem or plan in comparable},
        reference,
        current,
        precision or Precision(),
    )
    features = [plan for plan in comparable if plan.role is Role.FEATURE]
    found, note = measure_joint(features, reference, current) if joint else (None, "")
    return DriftReport(
        reference_rows=reference.rows,
        current_rows=current.rows,
        columns=_corrected(list(measured.values())),
        joint=found,
        joint_note=note,
        notes=tuple(drift.statement for drift in measured.values() if drift.statement and not drift.problem),
    )


def _compared(plan: Plan, before: Profiles, after: Profiles) -> ColumnDrift:
    if plan.problem is None:
        return compare(plan, before[plan.column], after[plan.column])
    return ColumnDrift(
        column=plan.column, role=plan.role, kind=plan.kind, problem=plan.problem, statement=plan.statement
    )


def _refuse_empty(profiles: Profiles, reference: Rows) -> None:
    for name, profile in profiles.items():
        if not profile.values:
            raise BadInputError(f"reference {reference.uri}: column {name!r} is all missing; nothing to compare with")


def _sharpened(
    measured: Mapping[str, ColumnDrift], reference: Rows, current: Rows, precision: Precision
) -> dict[str, ColumnDrift]:
    """The columns with exact distances where an interval leaves the judgement open."""
    tests = sum(len(drift.shifts) for drift in measured.values()) or 1
    # Holm compares the smallest p-value with level / tests and the largest with the level itself.
    levels = (precision.level / tests / 2, precision.level)
    result = dict(measured)
    for name, drift in measured.items():
        rows = (drift.reference_values, drift.current_values)
        for shift in drift.shifts:
            if shift.effect < shift.effect_high and (
                sum(rows) <= precision.exact_rows or is_open(shift, limits=precision.limits, levels=levels, rows=rows)
            ):
                result[name] = exact_ks(drift, reference, current)
    return result


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
