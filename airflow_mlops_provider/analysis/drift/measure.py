"""All columns of a current batch against their reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from airflow_mlops_provider.analysis.drift.columns import Described, Plan, Rows, plan_columns
from airflow_mlops_provider.analysis.drift.comparison import compare, is_vague
from airflow_mlops_provider.analysis.drift.domain_classifier import measure_joint
from airflow_mlops_provider.analysis.drift.effective_sample_size import Weights, measure_weights
from airflow_mlops_provider.analysis.drift.exact import exact_column, exact_words, is_open, is_undecided
from airflow_mlops_provider.analysis.drift.profile import NumericProfile
from airflow_mlops_provider.analysis.drift.profile_file import ProfiledDataset
from airflow_mlops_provider.analysis.drift.scan import Profiles, edges_of, profile_rows
from airflow_mlops_provider.analysis.drift.tolerance import tolerated_move
from airflow_mlops_provider.analysis.drift.window_calibration import MISSING, UNSEEN, measure_windows
from airflow_mlops_provider.analysis.stats.two_sample import ks_p_value
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.multiple_testing import holm
from airflow_mlops_provider.records.reports.drift import (
    ColumnDrift,
    ColumnKind,
    DriftReport,
    Measure,
    Problem,
    Role,
    Shift,
    WindowDrift,
)

EXACT_ROWS = 200_000
"""Values on both sides together up to which exact distances cost nothing."""
MOST_ROWS_TOGETHER = 4_000_000
"""Rows of both sides up to which two columns are computed exactly at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """What the judgement will hold the numbers against, so that only what it needs is computed exactly.

    :param limits: effect floors of the KS distance.
    :param level: the level that all tests share.
    :param exact_rows: with at most so many values on both sides together, every distance is computed exactly.
    :param wasserstein: compute the Wasserstein distance of every numeric column, which needs all its values.
    """

    limits: tuple[float, ...] = (0.05, 0.10)
    level: float = 0.05 / 30
    exact_rows: int = EXACT_ROWS
    wasserstein: bool = False


def measure_drift(
    reference: Rows | ProfiledDataset,
    current: Rows,
    *,
    columns: Sequence[str] | None = None,
    target: str | None = None,
    prediction: str | None = None,
    window_column: str | None = None,
    group_column: str | None = None,
    sensitive: Sequence[str] = (),
    joint: bool = True,
    precision: Precision | None = None,
    profiles: Profiles | None = None,
    column_kinds: Mapping[str, ColumnKind] | None = None,
) -> DriftReport:
    """Measure how far ``current`` lies from ``reference``, column by column and all features together.

    One pass over each side leaves a profile of every column, from which every number follows exactly but the KS
    distance, which follows to an interval about 0.001 wide. Where that leaves a judgement open, the column is read
    again and computed exactly.

    :param reference: what the data should look like; a profile alone will do, but allows no joint test, no windows
        and no exact distance.
    :param columns: the features to compare; by default every column of the reference but the others named here and
        time stamps, which move by themselves.
    :param target: compared as target drift; may still be absent from ``current``.
    :param prediction: compared as prediction drift.
    :param window_column: what tells the reference's windows apart; with 30 of them the report is calibrated on them.
    :param group_column: rows with one value of it (the same person) belong together and count as one in the tests.
    :param sensitive: columns whose values never appear in the report.
    :param joint: also train a classifier to tell the two apart; not when the report is calibrated on windows, within
        which rows are not independent.
    :param precision: what the numbers will be held against; the default policy's limits by default.
    :param profiles: of the reference, when it was profiled before.
    :param column_kinds: column to ``numeric`` or ``categorical``, for whole numbers that are taken for something else.
    :returns: the report; its p-values are corrected by Holm's method over all tests of all columns.
    :raises BadInputError: when nothing is shared, or rows are to be grouped in a reference that is a profile.
    """
    plans = plan_columns(
        reference,
        current,
        columns=columns,
        target=target,
        prediction=prediction,
        not_compared=[name for name in (window_column, group_column) if name],
        sensitive=sensitive,
        column_kinds=column_kinds,
    )
    if not reference.rows:
        raise BadInputError(f"reference {reference.uri} has no rows; there is nothing to compare with")
    # A batch without rows is not compared: that it has too few is found by whoever judges.
    plans = plans if current.rows else tuple(plan for plan in plans if plan.problem is not None)
    before = _reference_profiles(reference, plans, profiles)
    if isinstance(reference, ProfiledDataset):
        _require_no_groups(reference, group_column)
        report = _report(reference, current, _with_smallest_p_values(_compared(plans, before, current, Weights())))
        return replace(report, joint_note=_WITHOUT_ROWS if joint or window_column else "")
    weights = measure_weights(reference, current, group_column)
    measured = _compared(plans, before, current, weights)
    measured = _with_exact_distances(measured, before, (reference, current), precision or Precision(), weights)
    report = replace(_report(reference, current, measured), group_column=group_column)
    bad = {drift.column for drift in measured if drift.problem in _NOT_READ}
    sound = [plan for plan in plans if not plan.problem and plan.column not in bad]
    if window_column and sound:
        report = _calibrated(report, sound, before, (reference, current), window_column)
    if report.windows or not joint:
        return report
    features = [plan for plan in sound if plan.role is Role.FEATURE]
    found, note = measure_joint(features, reference, current, group_column=group_column)
    return replace(report, joint=found, joint_note=note)


def _require_no_groups(reference: ProfiledDataset, group_column: str | None) -> None:
    if group_column:
        raise BadInputError(
            f"'group_column' is {group_column!r}, but reference {reference.uri} is a profile, in which nothing says "
            "which rows belong together; leave the key out, or compare with the rows"
        )


def _with_smallest_p_values(measured: Sequence[ColumnDrift]) -> list[ColumnDrift]:
    """The columns with the smallest p-value that each interval allows, for which there are no rows to look at."""

    def widened(shift: Shift, column: ColumnDrift) -> Shift:
        if shift.effect_high <= shift.effect:
            return shift
        # Which of a shared profile's unnamed levels moved is unknown, and with it how surprising that is.
        known = shift.measure is Measure.KS_D
        p_value = ks_p_value(shift.effect_high, column.reference_values, column.current_values) if known else 0.0
        return replace(shift, p_value_low=p_value)

    return [replace(column, shifts=tuple(widened(shift, column) for shift in column.shifts)) for column in measured]


_WITHOUT_ROWS = "neither joint drift nor windows were measured: the reference is a profile without rows"


def _names(plans: Sequence[Plan]) -> list[str]:
    return [plan.column for plan in plans if plan.problem is None]


_NOT_READ = (Problem.INFINITE, Problem.REFERENCE_MISSING, Problem.KEY)
"""Problems of a column that keep it out of the joint test and of the windows as well."""


def _by_level(plans: Sequence[Plan]) -> list[str]:
    return [plan.column for plan in plans if plan.problem is None and plan.is_by_level]


def _reference_profiles(
    reference: Rows | ProfiledDataset, plans: Sequence[Plan], profiles: Profiles | None
) -> Profiles:
    if isinstance(reference, ProfiledDataset):
        return reference.profiles
    return profile_rows(reference, _names(plans), by_level=_by_level(plans)) if profiles is None else profiles


def _compared(plans: Sequence[Plan], before: Profiles, current: Rows, weights: Weights) -> list[ColumnDrift]:
    names = _names(plans)
    wanted = {name: before[name] for name in names}
    # A column of codes in a profile is told by its levels, even where it was declared categorical after.
    by_level = [name for name in _by_level(plans) if not isinstance(before[name], NumericProfile)]
    after = profile_rows(current, names, edges_of(wanted), by_level=by_level, known=wanted)

    def compared(plan: Plan) -> ColumnDrift:
        if plan.problem is not None:
            return ColumnDrift(
                column=plan.column, role=plan.role, kind=plan.kind, problem=plan.problem, statement=plan.statement
            )
        reference, batch = before[plan.column], after[plan.column]
        drift = compare(plan, reference, batch, weights)
        if not isinstance(reference, NumericProfile) or not isinstance(batch, NumericProfile):
            return drift
        return exact_words(plan, drift, reference, batch, current) if is_vague(drift, batch) else drift

    return [compared(plan) for plan in plans]


def _report(reference: Described, current: Described, measured: Sequence[ColumnDrift]) -> DriftReport:
    return DriftReport(
        reference_rows=reference.rows,
        current_rows=current.rows,
        columns=_corrected(measured),
        notes=tuple(drift.statement for drift in measured if drift.statement and not drift.problem),
    )


def _calibrated(
    report: DriftReport, plans: Sequence[Plan], profiles: Profiles, sides: tuple[Rows, Rows], column: str
) -> DriftReport:
    windows, note = measure_windows(plans, profiles, *sides, column)
    return replace(report, windows=_worded(windows, report) if windows else None, window_note=note)


def _worded(windows: WindowDrift, report: DriftReport) -> WindowDrift:
    """The windows with what changed in words, for the columns that stand out."""
    words: dict[str, str] = {}
    for column in report.columns:
        for shift in column.shifts:
            words.setdefault(f"{column.column}{_SHARES.get(shift.measure, '')}", shift.statement)
    told = [name for name, score in windows.standardised.items() if score >= windows.alarm_score]
    return replace(windows, statements={name: words[name] for name in {windows.worst_column, *told} if name in words})


_SHARES = {Measure.MISSING_CHANGE: MISSING, Measure.UNSEEN_SHARE: UNSEEN}


def _with_exact_distances(
    measured: Sequence[ColumnDrift],
    profiles: Profiles,
    sides: tuple[Rows, Rows],
    precision: Precision,
    weights: Weights,
) -> list[ColumnDrift]:
    """The columns with exact distances where an interval leaves the judgement open, or where they were asked for."""
    # Holm holds the smallest p-value against level / tests; where up to k tests might reject, the next ones against
    # at most level / (tests - k). Half the level leaves room for a joint test that shares it.
    p_values = [shift.p_value for drift in measured for shift in drift.shifts if shift.p_value < 1]
    rejecting = sum(p_value <= 10 * precision.level for p_value in p_values)
    levels = (precision.level / 2 / max(len(p_values), 1), precision.level / max(len(p_values) - rejecting, 1))

    def exact(drift: ColumnDrift) -> ColumnDrift:
        profile = profiles.get(drift.column)
        if not isinstance(profile, NumericProfile) or not _is_wanted(drift, precision, levels, weights):
            return drift
        return exact_column(drift, *sides, weights, by=tolerated_move(profile), earth=precision.wasserstein)

    # Reading and sorting release the interpreter's lock; but a column read for an exact distance is held whole.
    together = 2 if sum(side.rows for side in sides) <= MOST_ROWS_TOGETHER else 1
    with ThreadPoolExecutor(together) as pool:
        return list(pool.map(exact, measured))


def _is_wanted(drift: ColumnDrift, precision: Precision, levels: tuple[float, float], weights: Weights) -> bool:
    ks = next((shift for shift in drift.shifts if shift.measure is Measure.KS_D), None)
    if ks is None or precision.wasserstein or is_undecided(ks, precision.limits):
        return ks is not None
    if ks.effect == ks.effect_high:
        return False
    rows = (drift.reference_values * weights.reference, drift.current_values * weights.current)
    small = drift.reference_values + drift.current_values <= precision.exact_rows
    return small or is_open(ks, limits=precision.limits, levels=levels, rows=rows)


def _corrected(columns: Sequence[ColumnDrift]) -> tuple[ColumnDrift, ...]:
    # A test whose p-value is 1 by construction (nothing missing on either side) cannot reject and costs no budget
    # (Tarone 1990).
    shifts = [shift for column in columns for shift in column.shifts if _least(shift) < 1]
    if not shifts:
        return tuple(columns)
    names = list(map(id, shifts))
    adjusted = dict(zip(names, holm([shift.p_value for shift in shifts]), strict=True))
    least = dict(zip(names, holm([_least(shift) for shift in shifts]), strict=True))

    def corrected(shift: Shift) -> Shift:
        low = None if shift.p_value_low is None else float(least.get(id(shift), 1.0))
        return replace(shift, adjusted_p_value=float(adjusted.get(id(shift), 1.0)), p_value_low=low)

    return tuple(replace(column, shifts=tuple(map(corrected, column.shifts))) for column in columns)


def _least(shift: Shift) -> float:
    return shift.p_value if shift.p_value_low is None else shift.p_value_low
