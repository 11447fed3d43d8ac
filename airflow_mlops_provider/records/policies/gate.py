"""The limits of the promotion gate, which an evaluation and a promotion share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import OMIT_NONE
from airflow_mlops_provider.records.metric_limits import MetricLimits

MIN_UNITS = 30
"""Rows, or groups of rows, below which no bound of a resampled number can be trusted, so nothing passes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateLimits:
    """When a candidate is good enough to replace the champion; the two policies say what each limit means to them.

    :raises BadInputError: when a value is out of range, naming the key.
    """

    margin: float = 0.005
    superiority: bool = False
    confidence: float = 0.95
    min_rows: int = 2000
    required: tuple[str, ...] = ("validation", "evaluation", "bias", "model_card")
    max_p99_latency_ms: float | None = None
    challengers: int = 1
    allow_unasked_champion: bool | None = field(default=None, metadata=OMIT_NONE)
    max_champion_overlap: float | None = field(default=None, metadata=OMIT_NONE)
    guards: Mapping[str, MetricLimits] | None = field(default=None, metadata=OMIT_NONE)
    allow_undecided_guards: bool | None = field(default=None, metadata=OMIT_NONE)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.margin) and self.margin >= 0):
            raise BadInputError(f"policy key 'margin' is {self.margin}; it must be 0 or more")
        if not 0.5 < self.confidence < 1:
            raise BadInputError(f"policy key 'confidence' is {self.confidence}; it must lie between 0.5 and 1")
        for key in ("min_rows", "challengers"):
            if getattr(self, key) < 1:
                raise BadInputError(f"policy key {key!r} is {getattr(self, key)}; it must be 1 or more")
        if self.max_champion_overlap is not None and not 0 <= self.max_champion_overlap <= 1:
            raise BadInputError(
                f"policy key 'max_champion_overlap' is {self.max_champion_overlap}; it must lie between 0 and 1"
            )
        if self.max_p99_latency_ms is not None and not self.max_p99_latency_ms > 0:
            raise BadInputError(f"policy key 'max_p99_latency_ms' is {self.max_p99_latency_ms}; it must be positive")
