"""How much drift is too much, and how many false alarms a month may have."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.reports.drift import Measure


class DriftRule(StrEnum):
    """Which rule judges. Every rule but ``default`` is kept because users know it; see the docs for its error rates."""

    DEFAULT = "default"
    SIDAK_KS = "sidak_ks"
    WASSERSTEIN = "wasserstein"
    JENSEN_SHANNON = "jensen_shannon"
    CHI_SQUARED = "chi_squared"
    PSI = "psi"
    EVIDENTLY = "evidently"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftPolicy:
    """When drift is worth waking somebody: it must be surprising AND large enough to matter.

    :param monthly_false_alarm: chance that a month without drift contains an alarm.
    :param checks_per_month: how many checks share that chance.
    :param min_ks_d: smallest KS distance of a numeric column that matters, 0 to 1.
    :param severe_ks_d: KS distance from which drift is called severe.
    :param min_tvd: smallest total variation distance of a categorical column that matters, 0 to 1.
    :param min_missing_change: smallest change of a column's share of missing values that matters, 0 to 1.
    :param min_unseen_share: smallest share of values that the reference never held that matters, 0 to 1.
    :param joint: also test all features together with a classifier, for a fifth of the false-alarm budget.
    :param min_joint_auc: smallest area under its ROC curve that matters, 0.5 to 1.
    :param min_rows: with fewer rows on either side the verdict is ``insufficient_evidence``.
    :param rule: a named rule in place of the default.
    :raises BadInputError: when a value is out of range, naming the key.
    """

    monthly_false_alarm: float = 0.05
    checks_per_month: int = 30
    min_ks_d: float = 0.05
    severe_ks_d: float = 0.10
    min_tvd: float = 0.05
    min_missing_change: float = 0.02
    min_unseen_share: float = 0.01
    joint: bool = True
    min_joint_auc: float = 0.55
    min_rows: int = 200
    rule: DriftRule = DriftRule.DEFAULT

    def __post_init__(self) -> None:
        _in_range("monthly_false_alarm", self.monthly_false_alarm, 0.0, 1.0, open_ends=True)
        for key in ("min_ks_d", "severe_ks_d", "min_tvd", "min_missing_change", "min_unseen_share"):
            _in_range(key, getattr(self, key), 0.0, 1.0)
        _in_range("min_joint_auc", self.min_joint_auc, 0.5, 1.0)
        for key in ("checks_per_month", "min_rows"):
            if getattr(self, key) < 1:
                raise BadInputError(f"DriftPolicy.{key} is {getattr(self, key)}; it must be at least 1")
        if self.severe_ks_d < self.min_ks_d:
            raise BadInputError(
                f"DriftPolicy.severe_ks_d ({self.severe_ks_d}) is below min_ks_d ({self.min_ks_d}): "
                "severe drift would not be drift"
            )
        if self.rule not in tuple(DriftRule):
            raise BadInputError(f"DriftPolicy.rule is {self.rule!r}; allowed are {', '.join(DriftRule)}")
        object.__setattr__(self, "rule", DriftRule(self.rule))

    @property
    def level(self) -> float:
        """The chance of a false alarm that one check may spend."""
        return self.monthly_false_alarm / self.checks_per_month

    def floor(self, measure: Measure) -> float:
        """The smallest effect of ``measure`` that matters."""
        return {
            Measure.KS_D: self.min_ks_d,
            Measure.TVD: self.min_tvd,
            Measure.MISSING_CHANGE: self.min_missing_change,
            Measure.UNSEEN_SHARE: self.min_unseen_share,
            Measure.JOINT_AUC: self.min_joint_auc,
        }[measure]


def _in_range(key: str, value: float, low: float, high: float, *, open_ends: bool = False) -> None:
    inside = low < value < high if open_ends else low <= value <= high
    if not inside:
        raise BadInputError(f"DriftPolicy.{key} is {value}; it must lie between {low} and {high}")
