"""Compare all columns of a current batch with their reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from airflow_mlops_provider.analysis.drift.columns import DatasetInfo, Plan, Rows, plan_columns
from airflow_mlops_provider.analysis.drift.comparison import (
    compare,
    has_inexact_quartiles,
    lacks_levels,
    levels_unknown,
)
from airflow_mlops_provider.analysis.drift.domain_classifier import measure_joint
from airflow_mlops_provider.analysis.drift.effective_sample_size import Weights, measure_weights
from airflow_mlops_provider.analysis.drift.exact import (
    exact_column,
    may_change_verdict,
    spans_limit,
    with_exact_statement,
)
from airflow_mlops_provider.analysis.drift.profile import NumericProfile
from airflow_mlops_provider.analysis.drift.profile_file import ProfiledDataset
from airflow_mlops_provider.analysis.drift.scan import Profiles
from airflow_mlops_provider.analysis.drift.sides import Side, plans_of_profile, profiles_of_sides, require_edges
from airflow_mlops_provider.analysis.drift.tolerance import tolerance_of
from airflow_mlops_provider.analysis.drift.window_calibration import (
    MIN_WINDOWS,
    MISSING,
    UNSEEN,
    cells_of,
    compare_windows,
    count_reference,
    too_few,
)
from airflow_mlops_provider.analysis.drift.window_counts import count_windows
from airflow_mlops_provider.analysis.drift.window_profiles import count_profiles
from airflow_mlops_provider.analysis.stats.two_sample import ks_p_value
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.multiple_testing import holm
from airflow_mlops_provider.records.reports.drift import (
    LEAST_KS,
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
"""Values of both sides together up to which exact distances take hardly any time."""
MAX_ROWS_IN_PARALLEL = 4_000_000
"""Rows of both sides together up to which two columns are computed exactly at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """What the policy compares the numbers with, which decides what is computed exactly.

    :param limits: effect limits of the KS distance, in [0, 1].
    :param level: family-wise level of all tests together.
    :param exact_rows: number of values of both sides together up to which every distance is computed exactly.
    :param wasserstein: whether to compute the Wasserstein distance of every numeric column, which needs all values.
    """

    limits: tuple[float, ...] = (0.05, 0.10)
    level: float = 0.05 / 30
    exact_rows: int = EXACT_ROWS
    wasserstein: bool = False


def measure_drift(
    reference: Rows | ProfiledDataset,
    current: Rows | ProfiledDataset,
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
    windows: Mapping[str, ProfiledDataset] | None = None,
) -> DriftReport:
    """Measure how far ``current`` is from ``reference``, column by column and all features together.

    One pass over each side makes a profile of every column. All numbers follow exactly from the profiles, except the
    KS distance, which follows as an interval about 0.001 wide. Where the interval does not decide the verdict, the
    column is read again and the distance is computed exactly.

    :param reference: what the data should look like. A profile is enough, but allows no joint test, no window column
        and no exact distances.
    :param current: the batch to compare with it; a profile is enough as well.
    :param columns: the features to compare. By default every column of the reference except time stamps and the other
        columns named here.
    :param target: column that is compared as target drift; it may be missing from ``current``.
    :param prediction: column that is compared as prediction drift.
    :param window_column: column of the window of each row of the reference. With 30 or more windows, the drift of the
        current batch is compared with that between the windows.
    :param group_column: column of the group of each row, such as a person. The rows of a group are not independent in
        the tests.
    :param sensitive: columns whose values must not be in the report.
    :param joint: whether to train a classifier to separate both sides. It is not trained when there are enough
        windows, because the rows of a window are not independent.
    :param precision: what the policy compares the numbers with; the limits of the default policy by default.
    :param profiles: column to its profile in the reference, when that was profiled before.
    :param column_kinds: column to ``numeric`` or ``categorical``, for whole numbers that would be taken for another
        kind.
    :param windows: name of each window of the reference to its profile, in place of ``window_column``.
    :returns: the report; its p-values are adjusted by Holm's method over all tests of all columns.
    :raises BadInputError: when the reference has no rows or lacks a named column, both sides share no column,
        ``group_column`` is given with a profile, or profiles have different edges.
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
    sides = reference, current
    plans = _plans_with_rows(plans_of_profile(plans, current), *sides)
    before, after = profiles_of_sides(*sides, plans, known=profiles, windows=windows)
    if isinstance(reference, ProfiledDataset) or isinstance(current, ProfiledDataset):
        report = _of_profiles(plans, (before, after), sides, group_column)
    else:
        report = _against_rows(plans, (before, after), (reference, current), precision or Precision(), group_column)
    plans = _plans_with_values(plans, report)
    if plans and (windows is not None or window_column):
        report = _calibrated(report, plans, (before, after), sides, windows if windows is not None else window_column)
    if isinstance(reference, ProfiledDataset) or isinstance(current, ProfiledDataset):
        return replace(report, joint_note=_without_rows(sides, report, joint=joint, window_column=window_column))
    return _with_joint(report, plans, (reference, current), group_column) if joint and not report.windows else report


def _plans_with_rows(plans: tuple[Plan, ...], reference: DatasetInfo, current: DatasetInfo) -> tuple[Plan, ...]:
    """Return the plans; of a batch without rows only those with a problem, because no column is compared.

    The verdict says that such a batch has too few rows.

    :raises BadInputError: when the reference has no rows.
    """
    if not reference.rows:
        raise BadInputError(f"reference {reference.uri} has no rows; there is nothing to compare with")
    return plans if current.rows else tuple(plan for plan in plans if plan.problem is not None)


def _of_profiles(
    plans: Sequence[Plan], profiles: tuple[Profiles, Profiles], sides: tuple[Side, Side], group_column: str | None
) -> DriftReport:
    """Compare the columns where one side is a profile without rows."""
    _require_no_groups(sides, group_column)
    measured = _compared(plans, profiles, sides[1], Weights())
    return _report(*sides, _with_smallest_p_values(measured))


def _against_rows(
    plans: Sequence[Plan],
    profiles: tuple[Profiles, Profiles],
    sides: tuple[Rows, Rows],
    precision: Precision,
    group_column: str | None,
) -> DriftReport:
    """Compare the columns where the rows of both sides can be read again for exact distances."""
    weights = measure_weights(*sides, group_column)
    measured = _compared(plans, profiles, sides[1], weights)
    measured = _with_exact_distances(measured, profiles[0], sides, precision, weights)
    return replace(_report(*sides, measured), group_column=group_column)


def _plans_with_values(plans: Sequence[Plan], report: DriftReport) -> tuple[Plan, ...]:
    """Return the plans of the columns that windows and joint test can use."""
    unusable = {drift.column for drift in report.columns if drift.problem in _NOT_READ}
    return tuple(plan for plan in plans if not plan.problem and plan.column not in unusable)


def _with_joint(
    report: DriftReport, plans: Sequence[Plan], sides: tuple[Rows, Rows], group_column: str | None
) -> DriftReport:
    features = [plan for plan in plans if plan.role is Role.FEATURE]
    joint, note = measure_joint(features, *sides, group_column=group_column)
    return replace(report, joint=joint, joint_note=note)


def _require_no_groups(sides: tuple[Side, Side], group_column: str | None) -> None:
    role, side = next(
        (role, side)
        for role, side in zip(("reference", "current"), sides, strict=True)
        if isinstance(side, ProfiledDataset)
    )
    if group_column:
        raise BadInputError(
            f"'group_column' is {group_column!r}, but {role} {side.uri} is a profile, in which nothing says which rows "
            "belong together; leave the key out, or compare with the rows"
        )


def _with_smallest_p_values(measured: Sequence[ColumnDrift]) -> list[ColumnDrift]:
    """Return the columns with the smallest p-value that each interval allows, because no rows can be read."""
    return [_with_smallest_p_value(column) for column in measured]


def _with_smallest_p_value(column: ColumnDrift) -> ColumnDrift:
    p_values = column.p_values

    def smallest(shift: Shift) -> Shift:
        nonlocal p_values
        if shift.effect_high <= shift.effect or shift.p_value_low is not None:
            return shift
        if shift.measure is not Measure.KS_D:
            # Which withheld levels of a shared profile moved is unknown, so the p-value may be as small as 0.
            return replace(shift, p_value_low=0.0)
        least = ks_p_value(shift.effect_high, column.reference_values, column.current_values)
        p_values = p_values | {LEAST_KS: least}
        return replace(shift, p_value_low=least)

    shifts = tuple(map(smallest, column.shifts))
    return replace(column, shifts=shifts, p_values=p_values)


def _without_rows(sides: tuple[Side, Side], report: DriftReport, *, joint: bool, window_column: str | None) -> str:
    """Return what could not be measured because one side, or both, are profiles; empty when nothing was asked."""
    roles = [
        role
        for role, side in zip(("the reference", "the current batch"), sides, strict=True)
        if isinstance(side, ProfiledDataset)
    ]
    is_one = len(roles) == 1
    what = f"{' and '.join(roles)} {'is a profile' if is_one else 'are profiles'} without rows"
    if window_column and not report.windows and isinstance(sides[0], ProfiledDataset):
        return f"neither joint drift nor windows were measured: {what}"
    return f"joint drift was not measured: {what}" if joint and not report.windows else ""


def _names(plans: Sequence[Plan]) -> list[str]:
    return [plan.column for plan in plans if plan.problem is None]


_NOT_READ = (Problem.INFINITE, Problem.REFERENCE_MISSING, Problem.KEY, Problem.NOT_IN_PROFILE)
"""Problems of a column that exclude it from the joint test and from the windows."""


def _compared(
    plans: Sequence[Plan], profiles: tuple[Profiles, Profiles], current: Side, weights: Weights
) -> list[ColumnDrift]:
    before, after = profiles

    def compared(plan: Plan) -> ColumnDrift:
        if plan.problem is not None:
            return ColumnDrift(
                column=plan.column, role=plan.role, kind=plan.kind, problem=plan.problem, statement=plan.statement
            )
        reference, batch = before[plan.column], after[plan.column]
        if isinstance(current, ProfiledDataset) and lacks_levels(plan, reference, batch):
            return levels_unknown(plan, reference, batch)
        drift = compare(plan, reference, batch, weights)
        if not isinstance(reference, NumericProfile) or not isinstance(batch, NumericProfile):
            return drift
        if isinstance(current, ProfiledDataset) or not has_inexact_quartiles(drift, batch):
            return drift
        return with_exact_statement(plan, drift, reference, batch, current)

    return [compared(plan) for plan in plans]


def _report(reference: DatasetInfo, current: DatasetInfo, measured: Sequence[ColumnDrift]) -> DriftReport:
    return DriftReport(
        reference_rows=reference.rows,
        current_rows=current.rows,
        columns=_holm_adjusted(measured),
        notes=tuple(drift.statement for drift in measured if drift.statement and not drift.problem),
    )


def _calibrated(
    report: DriftReport,
    plans: Sequence[Plan],
    profiles: tuple[Profiles, Profiles],
    sides: tuple[Side, Side],
    by: str | Mapping[str, ProfiledDataset] | None,
) -> DriftReport:
    """Return the report with the batch among the windows.

    :param by: column of the window of each row of the reference, or the profiles of the windows by name.
    """
    (before, after), (reference, current) = profiles, sides
    cells = cells_of(plans, before)
    if isinstance(by, Mapping):
        require_edges(before, by, list(cells))
        windows = count_profiles({label: window.profiles for label, window in by.items()}, cells, before)
    elif by is None or isinstance(reference, ProfiledDataset):
        return report
    else:
        windows = count_reference(reference, cells, by)
    if len(windows.labels) < MIN_WINDOWS:
        return replace(report, window_note=too_few(len(windows.labels)))
    batch = (
        count_profiles({"": after}, cells, before)
        if isinstance(current, ProfiledDataset)
        else count_windows(current, cells, None)
    )
    found = compare_windows("" if isinstance(by, Mapping) else by, cells, windows, batch)
    return replace(report, windows=_with_statements(found, report))


def _with_statements(windows: WindowDrift, report: DriftReport) -> WindowDrift:
    """Return the windows with sentences for the effects that reach the alarm score, and for the largest."""
    statements: dict[str, str] = {}
    for column in report.columns:
        for shift in column.shifts:
            statements.setdefault(f"{column.column}{_SUFFIXES.get(shift.measure, '')}", shift.statement)
    large = [name for name, score in windows.standardised.items() if score >= windows.alarm_score]
    return replace(
        windows, statements={name: statements[name] for name in {windows.worst_column, *large} if name in statements}
    )


_SUFFIXES = {Measure.MISSING_CHANGE: MISSING, Measure.UNSEEN_SHARE: UNSEEN}


def _with_exact_distances(
    measured: Sequence[ColumnDrift],
    profiles: Profiles,
    sides: tuple[Rows, Rows],
    precision: Precision,
    weights: Weights,
) -> list[ColumnDrift]:
    """Return the columns with exact distances, where an interval does not decide the verdict or ``precision`` asks."""
    # Holm compares the smallest p-value with level / tests, and the next ones with at most level / (tests - k) when up
    # to k tests may reject. Half the level allows for a joint test, which shares it.
    p_values = [shift.p_value for drift in measured for shift in drift.shifts if shift.p_value < 1]
    rejecting = sum(p_value <= 10 * precision.level for p_value in p_values)
    levels = (precision.level / 2 / max(len(p_values), 1), precision.level / max(len(p_values) - rejecting, 1))

    def exact(drift: ColumnDrift) -> ColumnDrift:
        profile = profiles.get(drift.column)
        if not isinstance(profile, NumericProfile) or not _needs_exact_distance(drift, precision, levels, weights):
            return drift
        return exact_column(drift, *sides, weights, by=tolerance_of(profile), with_wasserstein=precision.wasserstein)

    # Reading and sorting release the interpreter's lock. Each thread holds a whole column in memory.
    threads = 2 if sum(side.rows for side in sides) <= MAX_ROWS_IN_PARALLEL else 1
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(exact, measured))


def _needs_exact_distance(
    drift: ColumnDrift, precision: Precision, levels: tuple[float, float], weights: Weights
) -> bool:
    ks = next((shift for shift in drift.shifts if shift.measure is Measure.KS_D), None)
    if ks is None or precision.wasserstein or spans_limit(ks, precision.limits):
        return ks is not None
    if ks.effect == ks.effect_high:
        return False
    rows = (drift.reference_values * weights.reference, drift.current_values * weights.current)
    small = drift.reference_values + drift.current_values <= precision.exact_rows
    return small or may_change_verdict(ks, limits=precision.limits, levels=levels, rows=rows)


def _holm_adjusted(columns: Sequence[ColumnDrift]) -> tuple[ColumnDrift, ...]:
    # A test whose p-value is 1 by construction (nothing missing on either side) cannot reject, so it does not count
    # (Tarone 1990).
    shifts = [shift for column in columns for shift in column.shifts if _smallest_p_value(shift) < 1]
    if not shifts:
        return tuple(columns)
    names = list(map(id, shifts))
    adjusted = dict(zip(names, holm([shift.p_value for shift in shifts]), strict=True))
    least = dict(zip(names, holm([_smallest_p_value(shift) for shift in shifts]), strict=True))

    def adjusted_shift(shift: Shift) -> Shift:
        low = None if shift.p_value_low is None else float(least.get(id(shift), 1.0))
        return replace(shift, adjusted_p_value=float(adjusted.get(id(shift), 1.0)), p_value_low=low)

    return tuple(replace(column, shifts=tuple(map(adjusted_shift, column.shifts))) for column in columns)


def _smallest_p_value(shift: Shift) -> float:
    return shift.p_value if shift.p_value_low is None else shift.p_value_low
