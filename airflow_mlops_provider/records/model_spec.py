"""A model, declared once in YAML beside the Dags; every job reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import OMIT_NONE, digest
from airflow_mlops_provider.records.metric_limits import Direction, MetricLimits


class Task(StrEnum):
    """What the model predicts."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"


class SplitKind(StrEnum):
    """How training rows are held out to estimate the metrics."""

    AUTO = "auto"
    """By group where the model has a group column, else by time where it has a time column, else at random."""
    RANDOM = "random"
    GROUP = "group"
    """All rows of one group are on one side."""
    TIME = "time"
    """Trained on earlier rows, judged on later ones; a group may be on both sides, as when it comes again."""


class SearchKind(StrEnum):
    """How hyper-parameters are searched, by scikit-learn."""

    GRID = "grid"
    RANDOM = "random"


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """How cross-validation folds are made.

    :param kind: see :class:`SplitKind`.
    :param folds: number of folds, at least 2; fewer when there are not as many groups or points in time.
    """

    kind: SplitKind = SplitKind.AUTO
    folds: int = 5

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise BadInputError(f"split: folds is {self.folds}; at least 2 are needed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A search over parameters of the estimator that the trainer returns.

    :param space: parameter, in scikit-learn's ``step__parameter`` form, to the values to try.
    :param kind: every combination, or ``iterations`` random ones.
    :param iterations: how many combinations a random search tries.
    :param folds: cross-validation folds inside the search, made as the model's ``split`` says.
    """

    space: dict[str, tuple[Any, ...]]
    kind: SearchKind = SearchKind.GRID
    iterations: int = 20
    folds: int = 3

    def __post_init__(self) -> None:
        empty = [name for name, values in self.space.items() if not values]
        if not self.space or empty:
            raise BadInputError(f"search: space {'is empty' if not self.space else f'has no value for {empty[0]!r}'}")
        if self.iterations < 1 or self.folds < 2:
            raise BadInputError("search: iterations must be at least 1 and folds at least 2")


_NAME = re.compile(r"[^/:@\\\x00-\x1f\x7f]{1,200}")
_TRAINER = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """The declaration of one model.

    :param name: registered name, such as ``wage`` or ``main.hr.wage``.
    :param task: classification or regression.
    :param target: the column to predict.
    :param features: the columns the model sees, in order.
    :param trainer: ``module:function`` beside the YAML file; called with ``params``, returns an unfitted
        scikit-learn estimator or pipeline.
    :param metrics: metric name to direction, or to its limits; the first one decides.
    :param sensitive: columns whose slices are judged and whose values never appear in messages.
    :param time_column: orders rows in time, for time-aware splits.
    :param group_column: rows of one group (the same person) stay together in splits and bootstraps.
    :param weight_column: weight of each row in the fit; metrics count every row the same.
    :param positive_class: which of two classes recall, precision, rates, ``score`` and curves speak of; the one that
        sorts last by default. Its type is that of the target: text, a number or a truth value.
    :param owners: who may approve a promotion; the model card names them.
    :param params: keyword arguments of the trainer.
    :param seed: random seed of training, splits and bootstraps.
    :param split: how rows are held out while training.
    :param search: hyper-parameters to search; ``None`` trains with ``params`` as they are.
    :param trusted_types: types outside numpy and scikit-learn that the stored artifact may contain.
    :param files: files and folders beside the YAML that the trainer's code reads, or imports by a name that it makes
        up at run time; they travel with the code.
    :param card: text by people for the model card, by section; merged, never overwritten.
    :param root: folder of the YAML file, where the trainer's module lies; set when the file is read.
    :param code: URI of the packed code of the trainer, whose name carries its hash; set when it is packed. It is then
        what runs, and ``root`` says where it came from.
    :raises BadInputError: when a value contradicts another, naming the key.
    """

    name: str
    task: Task
    target: str
    features: tuple[str, ...]
    trainer: str
    metrics: Mapping[str, Direction | MetricLimits]
    sensitive: tuple[str, ...] = ()
    time_column: str | None = None
    group_column: str | None = None
    weight_column: str | None = field(default=None, metadata=OMIT_NONE)
    positive_class: str | int | float | bool | None = field(default=None, metadata=OMIT_NONE)
    owners: tuple[str, ...] = ()
    params: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    split: Split = field(default_factory=Split)
    search: Search | None = None
    trusted_types: tuple[str, ...] = ()
    files: tuple[str, ...] | None = field(default=None, metadata=OMIT_NONE)
    card: Mapping[str, str] = field(default_factory=dict)
    root: str | None = None
    code: str | None = field(default=None, metadata=OMIT_NONE)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name != self.name.strip() or self.name[0] == ".":
            raise BadInputError(
                f"model name {self.name!r}: no '/', ':', '@' or '\\' in it, no space at its ends and no dot in front"
            )
        if not self.features:
            raise BadInputError(f"model {self.name}: 'features' is empty")
        if len(set(self.features)) != len(self.features):
            raise BadInputError(f"model {self.name}: 'features' names a column twice")
        if self.target in self.features:
            raise BadInputError(f"model {self.name}: target {self.target!r} is also a feature")
        if not self.metrics:
            raise BadInputError(f"model {self.name}: 'metrics' is empty; the first metric decides")
        if self.weight_column in (self.target, *self.features):
            raise BadInputError(
                f"model {self.name}: weight_column {self.weight_column!r} is also a feature or the target"
            )
        if self.positive_class is not None and self.task is not Task.CLASSIFICATION:
            raise BadInputError(f"model {self.name}: 'positive_class' is for classification, the task is {self.task}")
        needed = {SplitKind.GROUP: self.group_column, SplitKind.TIME: self.time_column}
        if needed.get(self.split.kind, "") is None:
            raise BadInputError(f"model {self.name}: split kind {self.split.kind} needs a {self.split.kind}_column")
        if not 0 <= self.seed < 2**32:
            raise BadInputError(f"model {self.name}: 'seed' is {self.seed}; it must lie between 0 and {2**32 - 1}")
        if not _TRAINER.fullmatch(self.trainer):
            raise BadInputError(f"model {self.name}: trainer {self.trainer!r} is not 'module:function'")

    @property
    def deciding_metric(self) -> str:
        """The metric that the promotion gate compares."""
        return next(iter(self.metrics))

    @property
    def metric_modules(self) -> tuple[str, ...]:
        """Names of the modules of the functions that compute metrics."""
        functions = [each.function for each in self.metrics.values() if isinstance(each, MetricLimits)]
        return tuple(dict.fromkeys(name.partition(":")[0] for name in functions if name))

    def limits_of(self, metric: str) -> MetricLimits:
        """What is declared of a metric; a metric that is declared by its direction, or not at all, has no limits."""
        declared = self.metrics.get(metric)
        return declared if isinstance(declared, MetricLimits) else MetricLimits(direction=declared)

    @property
    def digest(self) -> str:
        """Hash of the declaration, wherever it and its code lie; metric order counts, because the first one decides."""
        return digest([replace(self, root=None, code=None), list(self.metrics)])
