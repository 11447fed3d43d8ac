"""What a training measured: held-out metrics, curves, the symmetry of the stored artifact, and how long it took."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from airflow_mlops_provider.records.codec import OMIT_NONE
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.model_spec import SplitKind, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldMetric:
    """One metric over the cross-validation folds.

    :param name: such as ``roc_auc``.
    :param direction: which way is better.
    :param folds: the value on each fold where it could be computed.
    :param mean: over the folds; ``None`` when no fold could be judged.
    :param low: lower end of the two-sided 95 % interval of the mean; ``None`` with fewer than two folds.
    :param high: its upper end.
    :param dummy: mean of the best constant answer on the same folds.
    """

    name: str
    direction: Direction
    folds: tuple[float, ...] = ()
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    dummy: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """Held-out rows by true and predicted class.

    :param labels: the classes as text, in order.
    :param counts: ``counts[i][j]`` rows of class i were predicted as class j.
    """

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Points of a curve, at most 200.

    :param x: such as the false positive rate, or the mean predicted probability of a bin.
    :param y: such as the true positive rate, or the share of positive rows in that bin.
    :param rows: rows behind each point; empty where that means nothing.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    rows: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    """How much the deciding metric suffers on held-out rows when one feature is shuffled.

    :param feature: its name.
    :param mean: the loss in units of the metric, positive when the feature helps.
    :param std: standard deviation over repeats and folds.
    """

    feature: str
    mean: float
    std: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Symmetry:
    """The stored artifact, loaded back, against the model in memory, on the probe batch.

    :param rows: of the probe batch.
    :param max_abs_difference: the largest difference of any prediction or probability; a changed label counts as 1.
    """

    rows: int
    max_abs_difference: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What a hyper-parameter search found.

    :param tried: number of combinations.
    :param best: the chosen parameters.
    :param score: mean of the deciding metric over the inner folds, optimistic because it was chosen for it.
    """

    tried: int
    best: dict[str, Any]
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingReport:
    """One training.

    :param task: classification or regression.
    :param rows: trained on.
    :param features: name to the kind of value: ``number``, ``text``, ``boolean``, ``other``.
    :param classes: class as text to its rows; empty for regression.
    :param split: how folds were made.
    :param folds: how many there were.
    :param metrics: of the model's declaration, in order.
    :param positive_class: of two classes, the one that rates, scores and curves speak of; ``None`` otherwise.
    :param confusion: of the held-out predictions of all folds; ``None`` for regression.
    :param roc: for two classes: false positive rate to true positive rate.
    :param calibration: for two classes: predicted probability to observed share, in bins of equal size.
    :param importance: worst loss first.
    :param symmetry: ``None`` only in a report of a training that never stored its model.
    :param search: ``None`` without one.
    :param fit_seconds: of the final fit, with the search.
    :param total_seconds: from reading the data to the stored artifact.
    :param artifact_bytes: size of the stored artifact.
    :param wanted_folds: how many folds the model asks for.
    """

    task: Task
    rows: int
    features: dict[str, str]
    classes: dict[str, int] = field(default_factory=dict)
    split: SplitKind
    folds: int
    metrics: tuple[FoldMetric, ...]
    positive_class: str | None = field(default=None, metadata=OMIT_NONE)
    confusion: Confusion | None = None
    roc: Curve | None = None
    calibration: Curve | None = None
    importance: tuple[Importance, ...] = ()
    symmetry: Symmetry | None = None
    search: SearchResult | None = None
    fit_seconds: float
    total_seconds: float
    artifact_bytes: int = 0
    wanted_folds: int | None = None
