"""When a slice counts as treated worse."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import OMIT_NONE
from airflow_mlops_provider.records.metric_limits import Direction


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasPolicy:
    """When a slice counts as treated worse.

    A slice fails when it is worse than the rest both materially (``min_gap``) and beyond chance (``alpha``, Holm over
    all slices that can be tested). A slice too small to judge is ``insufficient_evidence``: listed, never called fair.

    :param min_support: rows that a slice and its rest need to be judged.
    :param min_gap: the smallest gap that matters, in units of the metric (0.05 is five points).
    :param alpha: probability of accusing any slice of a fair model.
    :param direction: which way the metric is better for the people in a slice; its own by default. Only rates that
        say how rows are treated have two sides: where being selected is the harm, ``selection_rate`` is better lower.
    :param min_ratio: the smallest ratio to the rest that is no harm (0.8 is the four-fifths rule): of the slice's value
        to the rest's where higher is better, the other way round where lower is. A ratio below it fails the slice, as
        a gap does, when it is beyond chance as well. No limit by default.
    :param critical: slice, such as ``race=Hispanic``, to the worst value of the metric it may have: a floor where
        higher is better, a ceiling where lower is.
    :raises BadInputError: when a value is out of range, naming the key.
    """

    min_support: int = 50
    min_gap: float = 0.05
    alpha: float = 0.05
    critical: dict[str, float] = field(default_factory=dict)
    direction: Direction | None = field(default=None, metadata=OMIT_NONE)
    min_ratio: float | None = field(default=None, metadata=OMIT_NONE)

    def __post_init__(self) -> None:
        if self.min_support < 1:
            raise BadInputError(f"policy key 'min_support' is {self.min_support}; it must be 1 or more")
        if not self.min_gap >= 0:
            raise BadInputError(f"policy key 'min_gap' is {self.min_gap}; it must be 0 or more")
        if not 0 < self.alpha < 1:
            raise BadInputError(f"policy key 'alpha' is {self.alpha}; it must lie between 0 and 1")
        if self.min_ratio is not None and not 0 < self.min_ratio < 1:
            raise BadInputError(f"policy key 'min_ratio' is {self.min_ratio}; it must lie between 0 and 1")
