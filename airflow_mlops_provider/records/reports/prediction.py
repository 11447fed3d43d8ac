"""What a batch scoring did: rows, invariants, and how a shadow compares."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_mlops_provider.records.codec import OMIT_NONE
from airflow_mlops_provider.records.refs import DatasetRef, ModelRef
from airflow_mlops_provider.records.reports.training import Symmetry


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """One model's pass over the rows.

    :param model: the version, pinned.
    :param rows: scored before the pass ended.
    :param output: what was written, pinned; ``None`` when nothing was.
    :param probe: the stored probe batch asked again; ``None`` when the version carries none.
    :param not_finite: predictions or probabilities that are missing or infinite.
    :param out_of_range: probabilities outside [0, 1].
    :param max_sum_error: the largest distance of a row's probabilities from summing to 1.
    :param counts: for classes: how often each was predicted.
    :param set_aside: where an older output was moved because nothing was written in its place; ``None`` without one.
    """

    model: ModelRef
    rows: int
    output: DatasetRef | None = None
    probe: Symmetry | None = None
    not_finite: int = 0
    out_of_range: int = 0
    max_sum_error: float = 0.0
    counts: dict[str, int] | None = None
    set_aside: str | None = field(default=None, metadata=OMIT_NONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowComparison:
    """The shadow's answers beside the model's, row by row.

    :param rows: compared.
    :param agreement: share of rows with the same predicted class; ``None`` for regression.
    :param mean_abs_difference: of the scores of the positive class, of all probabilities, or of predicted values;
        ``None`` when one of the two has no scores.
    :param max_abs_difference: the largest of those differences.
    :param labelled_rows: how many rows came with their label; the metric is taken on these.
    :param metric: the model's deciding metric; ``None`` without labels, or when it cannot be taken on these rows.
    :param value: the metric of the model in use.
    :param shadow_value: the same of the shadow.
    """

    rows: int
    agreement: float | None = None
    mean_abs_difference: float | None = None
    max_abs_difference: float | None = None
    labelled_rows: int = 0
    metric: str | None = None
    value: float | None = None
    shadow_value: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionReport:
    """One batch scoring.

    :param scoring: of the model whose output is used.
    :param shadow: of the shadow, whose output nobody uses; ``None`` without one.
    :param comparison: of the two; ``None`` without a shadow that scored.
    :param shadow_trouble: why the shadow could not score; empty when it could.
    :param moved_by_hand: aliases that were moved outside the decision record, one sentence each; ``None`` without any.
    :param seconds: for everything.
    """

    scoring: Scoring
    shadow: Scoring | None = None
    comparison: ShadowComparison | None = None
    shadow_trouble: str = ""
    moved_by_hand: tuple[str, ...] | None = field(default=None, metadata=OMIT_NONE)
    seconds: float
