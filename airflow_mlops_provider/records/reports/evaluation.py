"""What an evaluation measured: a model's metrics, its paired comparisons, its speed and its invariants."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import OMIT_NONE
from airflow_mlops_provider.records.metric_limits import Direction, MetricLimits
from airflow_mlops_provider.records.model_spec import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricEstimate:
    """One metric of one model.

    :param name: such as ``roc_auc``.
    :param value: on the evaluated rows.
    :param low: lower end of the two-sided 95 % interval.
    :param high: its upper end.
    :param direction: which way is better.
    :param method: how the interval was made: ``wilson``, ``delong``, ``bootstrap`` or ``group bootstrap``.
    """

    name: str
    value: float
    low: float
    high: float
    direction: Direction
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """One-sided confidence bounds of a difference: each side alone is wrong with probability ``alpha``."""

    alpha: float
    lower: float
    upper: float


def bound_near(bounds: tuple[Bound, ...], alpha: float) -> Bound:
    """Of some bounds those at ``alpha``, or at the next stricter level; the strictest when none is as strict."""
    strict = [bound for bound in bounds if bound.alpha <= alpha * (1 + 1e-9)]
    return max(strict, key=lambda bound: bound.alpha) if strict else min(bounds, key=lambda bound: bound.alpha)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The candidate against another model on the same rows.

    :param other: ``champion`` or ``dummy``, the constant answer that is best on these rows.
    :param metric: what was compared.
    :param value: of the candidate.
    :param other_value: of the other.
    :param gain: how much better the candidate is, in units of the metric: positive is better in either direction.
    :param bounds: of the gain, at several levels, so that a past comparison can be judged by another confidence.
    :param p_value: one-sided, of the hypothesis that the candidate is no better.
    :param method: ``delong``, ``bootstrap`` or ``group bootstrap``, with what else the bound or p-value came from.
    :param rows: rows both were compared on.
    :param units: what was resampled: rows, or groups of rows.
    """

    other: str
    metric: str
    value: float
    other_value: float
    gain: float
    bounds: tuple[Bound, ...]
    p_value: float
    method: str
    rows: int
    units: int

    def bound(self, alpha: float) -> Bound:
        """The bounds at ``alpha``, or at the next stricter level that was measured.

        :raises BadInputError: when no level as strict was measured.
        """
        if not any(bound.alpha <= alpha * (1 + 1e-9) for bound in self.bounds):
            raise BadInputError(f"the comparison with the {self.other} has no bound at level {alpha:g}")
        return bound_near(self.bounds, alpha)

    def bound_near(self, alpha: float) -> Bound:
        """As :meth:`bound`, or the strictest bounds that were measured when none is as strict."""
        return bound_near(self.bounds, alpha)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardedMetric:
    """A metric with limits, as far as they speak of the candidate alone.

    :param name: of the metric.
    :param direction: which way it is better.
    :param limits: that the model declares.
    :param value: of the candidate; ``None`` when it cannot be computed from the predictions.
    :param bounds: of the value, at several levels; ``None`` without a value.
    :param method: how the bounds were made, as of a :class:`MetricEstimate`; ``None`` without a value.
    :param units: what was resampled: rows, or groups of rows; 0 without a value.
    """

    name: str
    direction: Direction
    limits: MetricLimits
    value: float | None = None
    bounds: tuple[Bound, ...] | None = None
    method: str | None = None
    units: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How fast a model answers, on the machine that evaluated it.

    :param p50_ms: median time of one row.
    :param p95_ms: 95th percentile of one row.
    :param p99_ms: 99th percentile of one row.
    :param calls: single-row calls that were timed.
    :param batch_rows: rows of the batch.
    :param batch_p50_ms: median time of the batch.
    :param batch_p95_ms: 95th percentile of the batch.
    :param batch_p99_ms: 99th percentile of the batch.
    :param rows_per_second: throughput on the batch.
    :param peak_memory_mb: peak of Python-visible allocations while predicting the batch.
    :param artifact_bytes: size of the stored artifact; ``None`` where the store does not say.
    """

    p50_ms: float
    p95_ms: float
    p99_ms: float
    calls: int
    batch_rows: int
    batch_p50_ms: float
    batch_p95_ms: float
    batch_p99_ms: float
    rows_per_second: float
    peak_memory_mb: float
    artifact_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariant:
    """A property that every model must have, whatever its quality.

    :param name: such as ``probabilities_sum_to_one``.
    :param violations: rows, or columns for the schema, that break it; 0 when it holds.
    :param detail: one sentence for a person; empty when it holds.
    """

    name: str
    violations: int
    detail: str = ""


class Corruption(StrEnum):
    """How a feature was corrupted."""

    SHUFFLED = "shuffled"
    """Its values swapped among the rows: joined wrongly, or mapped to other codes."""
    MISSING = "missing"
    """All its values gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """What one corrupted feature costs.

    :param feature: which.
    :param corruption: how.
    :param value: the deciding metric on the corrupted rows; ``None`` when the model refuses them.
    :param loss: how much worse that is than on the same rows as they are, in units of the metric; negative if better.
    """

    feature: str
    corruption: Corruption
    value: float | None
    loss: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationReport:
    """Everything an evaluation measured.

    :param task: classification or regression.
    :param metric: the deciding one.
    :param direction: which way it is better.
    :param rows: rows evaluated.
    :param groups: groups of rows that stay together; ``None`` when rows count as independent.
    :param candidate: metrics of the candidate; empty when its answers were not numbers to measure by.
    :param champion: metrics of the champion; empty without one.
    :param against_dummy: the candidate against a constant answer; ``None`` when there were no numbers.
    :param against_champion: the candidate against the champion; ``None`` without one.
    :param latency: of the candidate; ``None`` when only its predictions were given.
    :param invariants: checked on the candidate.
    :param robustness: what corrupted features cost, worst first; empty when only predictions were given.
    :param held_out: whether the rows are others than those that the candidate was trained on.
    :param other_aliases: aliases of other versions, such as ``champion=1``, when none has the champion's alias.
    :param positive_class: of two classes, the one that rates, scores and curves speak of; ``None`` otherwise.
    :param other_metrics: the candidate against the champion in the other metrics that the model declares; ``None`` when
        there are none, or there is no comparison.
    :param guards: metrics with limits; ``None`` when there are none.
    :param champion_trouble: why the champion could not be asked, so that there is no comparison with it; ``None`` when
        it could, or there is none.
    :param champion_overlap: share of the rows that the champion was trained on; ``None`` when that is not known, or
        there is no comparison with it.
    :param moved_by_hand: aliases that were moved outside the decision record, one sentence each; ``None`` without any.
    :param notes: what a reader must know: how columns were read, what was assumed.
    """

    task: Task
    metric: str
    direction: Direction
    rows: int
    groups: int | None
    candidate: tuple[MetricEstimate, ...]
    champion: tuple[MetricEstimate, ...] = ()
    against_dummy: Comparison | None = None
    against_champion: Comparison | None = None
    latency: Latency | None = None
    invariants: tuple[Invariant, ...] = ()
    robustness: tuple[Damage, ...] = ()
    held_out: bool = True
    other_aliases: tuple[str, ...] = ()
    positive_class: str | None = field(default=None, metadata=OMIT_NONE)
    other_metrics: tuple[Comparison, ...] | None = field(default=None, metadata=OMIT_NONE)
    guards: tuple[GuardedMetric, ...] | None = field(default=None, metadata=OMIT_NONE)
    champion_trouble: str | None = field(default=None, metadata=OMIT_NONE)
    champion_overlap: float | None = field(default=None, metadata=OMIT_NONE)
    moved_by_hand: tuple[str, ...] | None = field(default=None, metadata=OMIT_NONE)
    notes: tuple[str, ...] = ()
