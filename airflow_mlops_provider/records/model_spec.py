"""A model, declared once in YAML beside the Dags; every job reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import digest


class Task(StrEnum):
    """What the model predicts."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"


class Direction(StrEnum):
    """Which way a metric is better."""

    HIGHER = "higher"
    LOWER = "lower"

    @property
    def sign(self) -> int:
        """+1 when higher is better, -1 when lower is."""
        return 1 if self is Direction.HIGHER else -1


_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_TRAINER = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """The declaration of one model.

    :param name: registered name; letters, digits, ``_`` and ``-``.
    :param task: classification or regression.
    :param target: the column to predict.
    :param features: the columns the model sees, in order.
    :param trainer: ``module:function`` beside the YAML file; called with ``params``, returns an unfitted
        scikit-learn estimator or pipeline.
    :param metrics: metric name to direction; the first one decides.
    :param sensitive: columns whose slices are judged and whose values never appear in messages.
    :param time_column: orders rows in time, for time-aware splits.
    :param group_column: rows of one group (the same person) stay together in splits and bootstraps.
    :param owners: who is alerted and who may approve.
    :param params: keyword arguments of the trainer.
    :param seed: random seed of training, splits and bootstraps.
    :param trusted_types: types outside numpy and scikit-learn that the stored artifact may contain.
    :param card: text by people for the model card, by section; merged, never overwritten.
    :param root: folder of the YAML file, where the trainer's module lies; set when the file is read.
    :raises BadInputError: when a value contradicts another, naming the key.
    """

    name: str
    task: Task
    target: str
    features: tuple[str, ...]
    trainer: str
    metrics: dict[str, Direction]
    sensitive: tuple[str, ...] = ()
    time_column: str | None = None
    group_column: str | None = None
    owners: tuple[str, ...] = ()
    params: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    trusted_types: tuple[str, ...] = ()
    card: Mapping[str, str] = field(default_factory=dict)
    root: str | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise BadInputError(f"model name {self.name!r}: use letters, digits, '_' and '-', starting with a letter")
        if not self.features:
            raise BadInputError(f"model {self.name}: 'features' is empty")
        if len(set(self.features)) != len(self.features):
            raise BadInputError(f"model {self.name}: 'features' names a column twice")
        if self.target in self.features:
            raise BadInputError(f"model {self.name}: target {self.target!r} is also a feature")
        if not self.metrics:
            raise BadInputError(f"model {self.name}: 'metrics' is empty; the first metric decides")
        if not _TRAINER.fullmatch(self.trainer):
            raise BadInputError(f"model {self.name}: trainer {self.trainer!r} is not 'module:function'")

    @property
    def deciding_metric(self) -> str:
        """The metric that the promotion gate compares."""
        return next(iter(self.metrics))

    @property
    def digest(self) -> str:
        """Hash of the declaration, whatever folder it lies in; metric order counts, because the first one decides."""
        return digest([replace(self, root=None), list(self.metrics)])
