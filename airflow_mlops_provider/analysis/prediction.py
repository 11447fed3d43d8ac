"""Batches scored, checked on the way, and compared with a shadow's; memory does not grow with rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pandas.api import types

from airflow_mlops_provider.analysis.evaluation.metrics import Metric, Predictions
from airflow_mlops_provider.analysis.evaluation.predictions import from_model_output
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.model_spec import Task
from airflow_mlops_provider.records.reports.prediction import ShadowComparison


class Invariants:
    """Counts, over batches, of what no answer may be."""

    def __init__(self) -> None:
        self.rows = 0
        self.not_finite = 0
        self.out_of_range = 0
        self.max_sum_error = 0.0
        self.counts: Counter[str] = Counter()

    def add(self, predicted: NDArray[Any], probabilities: NDArray[np.float64] | None) -> None:
        """Look at one batch.

        :param predicted: labels or values, shape ``(rows,)``.
        :param probabilities: shape ``(rows, classes)``, or ``None``.
        """
        self.rows += len(predicted)
        self.not_finite += int(pd.isna(predicted).sum())
        if np.issubdtype(predicted.dtype, np.floating):
            self.not_finite += int(np.isinf(predicted).sum())
        if probabilities is None:
            return
        finite = np.isfinite(probabilities)
        self.not_finite += int((~finite).sum())
        self.out_of_range += int(((probabilities < 0) | (probabilities > 1))[finite].sum())
        whole = probabilities[finite.all(axis=1)]
        if len(whole):
            self.max_sum_error = max(self.max_sum_error, float(np.abs(whole.sum(axis=1) - 1).max()))

    def count(self, predicted: NDArray[Any]) -> None:
        """Count predicted classes."""
        values, counts = np.unique(predicted.astype(str), return_counts=True)
        self.counts.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))


def refuse_infinite(frame: pd.DataFrame, *, name: str) -> None:
    """Raise ``BadInputError`` naming the first column that holds infinite values."""
    for column in frame.columns:
        if types.is_float_dtype(frame[column]):
            infinite = int(np.isinf(frame[column].to_numpy(dtype=np.float64, na_value=np.nan)).sum())
            if infinite:
                raise BadInputError(f"dataset {name}: feature {column!r} is infinite in {infinite:,} rows")


def measure_shadow(
    model: Iterable[pa.RecordBatch], shadow: Iterable[pa.RecordBatch], *, is_classification: bool
) -> ShadowComparison:
    """Compare two outputs row by row; both hold the same rows in the same order and in batches of the same size.

    :param model: ``prediction`` and the score columns of the model in use, batch by batch.
    :param shadow: the same of the shadow.
    """
    rows, agreed, gap, gaps, largest = 0, 0, 0.0, 0, 0.0
    for ours, theirs in zip(model, shadow, strict=True):
        rows += ours.num_rows
        if is_classification:
            agreed += sum(map(_same, ours["prediction"].to_pylist(), theirs["prediction"].to_pylist()))
        for name in _compared_columns(ours, theirs, is_classification=is_classification):
            difference = np.abs(ours[name].to_numpy(zero_copy_only=False) - theirs[name].to_numpy(zero_copy_only=False))
            gap, gaps = gap + float(difference.sum()), gaps + len(difference)
            largest = max(largest, float(difference.max(initial=0.0)))
    return ShadowComparison(
        rows=rows,
        agreement=agreed / rows if is_classification and rows else None,
        mean_abs_difference=gap / gaps if gaps else None,
        max_abs_difference=largest if gaps else None,
    )


def measure_labelled(
    comparison: ShadowComparison, truth: pd.Series[Any], metric: Metric, answers: Sequence[Answers]
) -> ShadowComparison:
    """Add the metric of both models on the rows whose label is there already.

    :param truth: labels or values in the order of the rows, missing where they have not come in yet.
    :param answers: of the model in use and of the shadow, in the same order.
    :returns: the comparison as it was when no row has a label, or the metric cannot be taken on those that have.
    """
    known = truth.notna().to_numpy()
    if not known.any():
        return comparison
    both = [each.against(truth[known], known, metric.task) for each in answers]
    counted = replace(comparison, labelled_rows=int(known.sum()))
    if not all(metric.applies_to(predictions) for predictions in both):
        return counted
    return replace(counted, metric=metric.name, value=metric.of(both[0]), shadow_value=metric.of(both[1]))


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What one model answered for every row.

    :param predicted: labels or values, shape ``(rows,)``.
    :param scores: of the second class, shape ``(rows,)``, or of every class, ``(rows, classes)``; ``None`` without.
    :param classes: in the order of the scores; empty for regression.
    :param is_sensitive: whether the classes must not stand in messages.
    """

    predicted: NDArray[Any]
    scores: NDArray[np.float64] | None
    classes: tuple[Any, ...]
    is_sensitive: bool = False

    def against(self, truth: pd.Series[Any], rows: NDArray[np.bool_], task: Task) -> Predictions:
        """Those of ``rows``, against their ``truth``."""
        scores = None if self.scores is None else self.scores[rows]
        return from_model_output(
            task, truth, self.predicted[rows], scores, self.classes, is_sensitive=self.is_sensitive
        )


def _same(ours: Any, theirs: Any) -> bool:
    return bool(ours == theirs)


def _compared_columns(ours: pa.RecordBatch, theirs: pa.RecordBatch, *, is_classification: bool) -> list[str]:
    if not is_classification:
        return ["prediction"]
    names = [name for name in ours.schema.names if name == "score" or name.startswith("score_")]
    return names if all(name in theirs.schema.names for name in names) else []
