"""What was measured of a current batch against its reference: numbers, not yet a judgement."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """What a column is to the model. P(x) moving is never called concept drift, so the three are kept apart."""

    FEATURE = "feature"
    TARGET = "target"
    PREDICTION = "prediction"


class ColumnKind(StrEnum):
    """How a column is compared."""

    NUMERIC = "numeric"
    TIME = "time"
    CATEGORICAL = "categorical"
    UNSUPPORTED = "unsupported"


class Measure(StrEnum):
    """Which number a shift or finding carries."""

    KS_D = "ks_d"
    TVD = "tvd"
    MISSING_CHANGE = "missing_change"
    UNSEEN_SHARE = "unseen_share"
    JOINT_AUC = "joint_auc"
    WINDOW_SCORE = "window_score"
    WASSERSTEIN = "wasserstein"
    JENSEN_SHANNON = "jensen_shannon"
    PSI = "psi"
    CHI_SQUARED = "chi_squared"
    EVIDENTLY = "evidently"


LEAST_KS = "least_ks_d"
"""Name of the smallest p-value of the KS distance that profiles without rows allow."""


class Problem(StrEnum):
    """Why a column could not be compared at all."""

    ABSENT = "absent"
    ALL_MISSING = "all_missing"
    TYPE_CHANGED = "type_changed"
    TOO_FEW_VALUES = "too_few_values"
    NO_LABELS_YET = "no_labels_yet"
    NEW_COLUMN = "new_column"
    UNSUPPORTED_TYPE = "unsupported_type"
    REFERENCE_MISSING = "reference_missing"
    INFINITE = "infinite"
    KEY = "key"
    NOT_IN_PROFILE = "not_in_profile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """How far one property of one column moved, and how surprising that is without drift.

    :param measure: which distance: ``ks_d``, ``tvd``, ``missing_change`` or ``unseen_share``.
    :param effect: the distance in the sample; when it is only known to an interval, its lower end.
    :param effect_high: the upper end of that certified interval; equal to ``effect`` when it is exact.
    :param p_value: of the two-sample test of no change, unadjusted.
    :param adjusted_p_value: the same after Holm's correction over all shifts of the report.
    :param statement: before and after in words; without values when the column is sensitive.
    :param robust: the KS distance, but at most twice what is left of it when every value may move by a twentieth of the
        reference's spread; the lower end of an interval when it is only known to one. ``None`` for the other measures.
    :param robust_high: the upper end; equal to ``robust`` when it is exact.
    :param p_value_low: the smallest adjusted p-value that the interval allows, where a side is a profile without rows
        to compute it from exactly; ``None`` otherwise.
    """

    measure: Measure
    effect: float
    effect_high: float
    p_value: float
    adjusted_p_value: float
    statement: str = ""
    robust: float | None = None
    robust_high: float | None = None
    p_value_low: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDrift:
    """One column of the current batch against the same column of the reference.

    :param column: its name.
    :param role: feature, target or prediction.
    :param kind: how it was compared.
    :param reference_values: values that are not missing, in the reference.
    :param current_values: values that are not missing, in the current batch.
    :param shifts: what was tested.
    :param distances: further distances by name (``psi``, ``jensen_shannon``, ``wasserstein``, ``evidently``), which
        named rules judge by; ``wasserstein`` is in units of the reference's standard deviation;
        ``evidently_drifted`` is 1 where Evidently calls the column drifted.
    :param p_values: p-values of further tests by name, for named rules; ``least_ks_d`` is the smallest unadjusted one
        that the interval of the KS distance allows, where a side is a profile without rows.
    :param problem: why it could not be compared; ``None`` when it was.
    :param statement: the problem in words.
    """

    column: str
    role: Role = Role.FEATURE
    kind: ColumnKind
    reference_values: int = 0
    current_values: int = 0
    shifts: tuple[Shift, ...] = ()
    distances: dict[str, float] = field(default_factory=dict)
    p_values: dict[str, float] = field(default_factory=dict)
    problem: Problem | None = None
    statement: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JointDrift:
    """Can a classifier tell current rows from reference rows, looking at all features together?

    :param auc: area under the ROC curve on rows it was not trained on; 0.5 when it cannot.
    :param p_value: one-sided Mann-Whitney test that the area is above 0.5.
    :param reference_rows: rows sampled from the reference, half of them to train on.
    :param current_rows: the same of the current batch.
    :param contributions: how much the area falls when one column is shuffled, largest first; empty when the
        classifier found nothing.
    """

    auc: float
    p_value: float
    reference_rows: int
    current_rows: int
    contributions: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowDrift:
    """The current batch as one window among the reference's own windows (days, weeks, shipments).

    :param column: what tells windows apart; empty when each has a profile of its own.
    :param windows: windows in the reference.
    :param score: the largest standardised effect over all columns, of the current batch.
    :param p_value: share of windows, the current one included, that score at least as high.
    :param worst_column: the column with the largest standardised effect.
    :param standardised: standardised effect of each column, largest first; ``hours (missing)`` is that of its share of
        missing values, ``shop (unseen)`` of levels that no other window holds.
    :param alarm_score: the smallest score that at most one window in twenty of the reference reaches.
    :param statements: the largest changes in words, by name in ``standardised``.
    :param previous_alarm: whether the window judged before this one was out of the ordinary as well; ``None`` when
        there was none.
    :param p_value_low: the smallest p-value that profiles allow, where they do not tell the effects exactly; ``None``
        otherwise.
    :param p_value_high: the largest one.
    """

    column: str
    windows: int
    score: float
    p_value: float
    worst_column: str
    standardised: dict[str, float]
    alarm_score: float
    statements: dict[str, str] = field(default_factory=dict)
    previous_alarm: bool | None = None
    p_value_low: float | None = None
    p_value_high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """Everything that was measured of one batch against its reference.

    :param reference_rows: rows of the reference.
    :param current_rows: rows of the current batch.
    :param columns: one entry a column, in the reference's order.
    :param joint: all features together; ``None`` when it was not measured.
    :param joint_note: why the joint test was not measured, in words; empty when it was.
    :param window_note: why the report could not be calibrated on windows although it was asked for.
    :param windows: calibration on the reference's own windows; ``None`` when rows are taken as independent.
    :param group_column: rows with one value of it belong together; p-values count such groups, not rows.
    :param evidently_share: share of drifted columns by Evidently's own preset; ``None`` when it did not run.
    :param notes: what a reader must know about the measurement, such as a bound on memory that was reached.
    """

    reference_rows: int
    current_rows: int
    columns: tuple[ColumnDrift, ...]
    joint: JointDrift | None = None
    joint_note: str = ""
    windows: WindowDrift | None = None
    window_note: str = ""
    group_column: str | None = None
    evidently_share: float | None = None
    notes: tuple[str, ...] = ()
