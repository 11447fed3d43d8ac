"""What a model declares about one of its metrics: how it is computed, and the limits that guard it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import OMIT_NONE


class Direction(StrEnum):
    """Which way a metric is better."""

    HIGHER = "higher"
    LOWER = "lower"

    @property
    def sign(self) -> int:
        """+1 when higher is better, -1 when lower is."""
        return 1 if self is Direction.HIGHER else -1


Label = str | int | float | bool
"""A class of a target, which YAML may give as text, a number or a truth value."""

_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_OF_DIRECTION = {Direction.HIGHER: ("min", "max_drop"), Direction.LOWER: ("max", "max_rise")}
"""The keys of the limits on a value and on its loss, by the way in which a metric is better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricLimits:
    """A metric with limits, whatever the deciding metric gains; each limit is held by a confidence bound.

    :param direction: which way it is better; a known metric's own by default, ``higher`` for ``cell_values``.
    :param min: for a metric that is better higher: the smallest value that a candidate may truly have.
    :param max: for one that is better lower: the largest.
    :param max_drop: for one that is better higher: how far a candidate may truly fall below the champion.
    :param max_rise: for one that is better lower: how far it may truly rise above the champion.
    :param cell_values: true class to predicted class to the value of one such row, such as money. The metric is the
        mean over the rows.
    :param function: ``module:function`` beside the model's YAML that computes the metric.
    :raises BadInputError: when a value contradicts another, naming the key.
    """

    direction: Direction | None = None
    min: float | None = field(default=None, metadata=OMIT_NONE)
    max: float | None = field(default=None, metadata=OMIT_NONE)
    max_drop: float | None = field(default=None, metadata=OMIT_NONE)
    max_rise: float | None = field(default=None, metadata=OMIT_NONE)
    cell_values: Mapping[Label, Mapping[Label, float]] | None = field(default=None, metadata=OMIT_NONE)
    function: str | None = field(default=None, metadata=OMIT_NONE)

    def __post_init__(self) -> None:
        for key in ("max_drop", "max_rise"):
            value = getattr(self, key)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise BadInputError(f"metric limit {key!r} is {value}; it must be 0 or more")
        if self.function is not None and not _FUNCTION.fullmatch(self.function):
            raise BadInputError(f"function {self.function!r} is not 'module:function'")
        if self.function is not None and self.cell_values is not None:
            raise BadInputError("a metric has 'cell_values' or a 'function', not both")
        if self.function is not None and self.direction is None:
            raise BadInputError(f"'direction' of function {self.function} is missing: higher or lower")
        if self.cell_values is not None and self.direction is None:
            object.__setattr__(self, "direction", Direction.HIGHER)  # values are what one wants more of
        if self.direction is not None:
            self.require_fit("the metric", self.direction)

    def require_fit(self, name: str, direction: Direction) -> None:
        """Raise ``BadInputError`` for a limit that means nothing for a metric that is better in ``direction``."""
        against = Direction.LOWER if direction is Direction.HIGHER else Direction.HIGHER
        for wrong, right in zip(_OF_DIRECTION[against], _OF_DIRECTION[direction], strict=True):
            if getattr(self, wrong) is not None:
                raise BadInputError(f"{wrong!r} of {name}: {direction} values are better, so give {right!r}")

    @property
    def value_limit(self) -> float | None:
        """The limit of the value itself, whichever way the metric is better."""
        return self.min if self.min is not None else self.max

    @property
    def largest_loss(self) -> float | None:
        """How much worse than the champion the candidate may truly be, whichever way the metric is better."""
        return self.max_drop if self.max_drop is not None else self.max_rise

    @property
    def is_guard(self) -> bool:
        """Whether there is any limit."""
        return self.value_limit is not None or self.largest_loss is not None
