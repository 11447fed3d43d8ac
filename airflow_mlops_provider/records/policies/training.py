"""Limits of a training."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_mlops_provider.exceptions import BadInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPolicy:
    """Limits of a training.

    :param max_symmetry_difference: largest allowed difference between the stored artifact and the model in memory.
    :param max_training_seconds: budget of one training, such as a part of the retraining window; none by default.
    """

    max_symmetry_difference: float = 1e-9
    max_training_seconds: float | None = None

    def __post_init__(self) -> None:
        if self.max_symmetry_difference < 0:
            raise BadInputError("policy: max_symmetry_difference must not be negative")
        if self.max_training_seconds is not None and self.max_training_seconds <= 0:
            raise BadInputError("policy: max_training_seconds must be positive")
