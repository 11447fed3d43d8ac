"""When a slice counts as treated worse."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_mlops_provider.exceptions import BadInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasPolicy:
    """When a slice counts as treated worse.

    A slice fails when it is worse than the rest both materially (``min_gap``) and beyond chance (``alpha``, Holm over
    all slices that can be tested). A slice too small to judge is ``insufficient_evidence``: listed, never called fair.

    :param min_support: rows that a slice and its rest need to be judged.
    :param min_gap: the smallest gap that matters, in units of the metric (0.05 is five points).
    :param alpha: probability of accusing any slice of a fair model.
    :param critical: slice, such as ``race=Hispanic``, to the worst value of the metric it may have: a floor where
        higher is better, a ceiling where lower is.
    :raises BadInputError: when a value is out of range, naming the key.
    """

    min_support: int = 50
    min_gap: float = 0.05
    alpha: float = 0.05
    critical: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.min_support < 1:
            raise BadInputError(f"policy key 'min_support' is {self.min_support}; it must be 1 or more")
        if not self.min_gap >= 0:
            raise BadInputError(f"policy key 'min_gap' is {self.min_gap}; it must be 0 or more")
        if not 0 < self.alpha < 1:
            raise BadInputError(f"policy key 'alpha' is {self.alpha}; it must lie between 0 and 1")
