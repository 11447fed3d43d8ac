"""When a metric counts as having decayed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from airflow_mlops_provider.exceptions import BadInputError


class DecayRule(StrEnum):
    """How the last window is judged."""

    DEFAULT = "default"
    """A test against the reference window, a drop that matters, and a cumulative sum for slow drops."""
    RAW = "raw"
    """Any value worse than the reference's: alarms on nearly every quiet month."""
    TWO_SIGMA = "two_sigma"
    """More than two standard deviations worse than the mean of the earlier windows."""
    IQR = "iqr"
    """More than one and a half interquartile ranges beyond the worse quartile of the earlier windows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecayPolicy:
    """When a metric counts as having decayed.

    :param rule: ``default``, or one of the handbooks' rules: ``raw``, ``two_sigma``, ``iqr``.
    :param min_drop: the smallest drop that matters, in units of the metric (0.01 is one point).
    :param monthly_false_alarm: probability that the test alarms in a month in which nothing changed.
    :param checks_per_month: how many windows are judged in a month; the level of one test is their ratio.
    :param min_rows: rows that the reference and the last window need to be judged.
    :raises BadInputError: when a value is out of range, naming the key.
    """

    rule: DecayRule = DecayRule.DEFAULT
    min_drop: float = 0.01
    monthly_false_alarm: float = 0.05
    checks_per_month: int = 30
    min_rows: int = 200

    def __post_init__(self) -> None:
        if not self.min_drop >= 0:
            raise BadInputError(f"policy key 'min_drop' is {self.min_drop}; it must be 0 or more")
        if not 0 < self.monthly_false_alarm < 1:
            raise BadInputError(
                f"policy key 'monthly_false_alarm' is {self.monthly_false_alarm}; it must lie between 0 and 1"
            )
        for key in ("checks_per_month", "min_rows"):
            if getattr(self, key) < 1:
                raise BadInputError(f"policy key {key!r} is {getattr(self, key)}; it must be 1 or more")
