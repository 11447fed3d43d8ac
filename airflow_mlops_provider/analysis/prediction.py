"""Check predictions batch by batch and compare them with a shadow model's; memory does not grow with the rows."""

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


class PredictionChecks:
    """Counts, over batches, of predictions that no model may make.

    :ivar rows: rows that were checked.
    :ivar not_finite: labels, values and probabilities that are missing, NaN or infinite.
    :ivar out_of_range: probabilities outside [0, 1].
    :ivar max_sum_error: largest difference of a row's sum of probabilities from 1.
    :ivar counts: predicted class to number of rows.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.not_finite = 0
        self.out_of_range = 0
        self.max_sum_error = 0.0
        self.counts: Counter[str] = Counter()

    def add(self, predicted: NDArray[Any], probabilities: NDArray[np.float64] | None) -> None:
        """Check one batch.

        :param predicted: predicted labels or values, shape ``(rows,)``.
        :param probabilities: shape ``(rows, classes)``; ``None`` when the model has none.
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
        """Count the predicted classes of one batch, shape ``(rows,)``."""
        values, counts = np.unique(predicted.astype(str), return_counts=True)
        self.counts.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))


def require_finite(frame: pd.DataFrame, *, name: str) -> None:
    """Raise ``BadInputError`` when a column holds infinite values; names the first.

    :param frame: the features.
    :param name: name of the dataset, for the message.
    """
    for column in frame.columns:
        if types.is_float_dtype(frame[column]):
            infinite = int(np.isinf(frame[column].to_numpy(dtype=np.float64, na_value=np.nan)).sum())
            if infinite:
                raise BadInputError(f"dataset {name}: feature {column!r} is infinite in {infinite:,} rows")


def measure_shadow(
    model: Iterable[pa.RecordBatch], shadow: Iterable[pa.RecordBatch], *, is_classification: bool
) -> ShadowComparison:
    """Compare the predictions of two models row by row.

    Both have the same rows in the same order and in batches of the same size.

    :param model: batches with the column ``prediction`` and the score columns, of the model in use.
    :param shadow: batches with the same columns, of the shadow model.
    :param is_classification: whether to compare classes and scores, and not values.
    """
    rows, agreed, total_difference, compared, largest = 0, 0, 0.0, 0, 0.0
    for model_batch, shadow_batch in zip(model, shadow, strict=True):
        rows += model_batch.num_rows
        if is_classification:
            agreed += sum(map(_same, model_batch["prediction"].to_pylist(), shadow_batch["prediction"].to_pylist()))
        for name in _compared_columns(model_batch, shadow_batch, is_classification=is_classification):
            difference = np.abs(
                model_batch[name].to_numpy(zero_copy_only=False) - shadow_batch[name].to_numpy(zero_copy_only=False)
            )
            total_difference, compared = total_difference + float(difference.sum()), compared + len(difference)
            largest = max(largest, float(difference.max(initial=0.0)))
    return ShadowComparison(
        rows=rows,
        agreement=agreed / rows if is_classification and rows else None,
        mean_abs_difference=total_difference / compared if compared else None,
        max_abs_difference=largest if compared else None,
    )


def measure_labelled(
    comparison: ShadowComparison, truth: pd.Series[Any], metric: Metric, answers: Sequence[ModelOutput]
) -> ShadowComparison:
    """Add the metric of both models on the rows that have a label already.

    :param comparison: the comparison without the metric.
    :param truth: labels or values in the order of the rows; missing where there are none yet.
    :param metric: what to measure.
    :param answers: predictions of the model in use and of the shadow model, in the order of the rows.
    :returns: the comparison unchanged when no row has a label, and without the metric when it is undefined on them.
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
class ModelOutput:
    """Predictions of one model for every row.

    :param predicted: labels or values, shape ``(rows,)``.
    :param scores: scores of the second class, shape ``(rows,)``, or of every class, shape ``(rows, classes)``; ``None``
        when the model has none.
    :param classes: the classes in the order of the scores; empty for regression.
    :param is_sensitive: whether messages must not show the classes.
    """

    predicted: NDArray[Any]
    scores: NDArray[np.float64] | None
    classes: tuple[Any, ...]
    is_sensitive: bool = False

    def against(self, truth: pd.Series[Any], rows: NDArray[np.bool_], task: Task) -> Predictions:
        """Return the predictions of some rows with their truth.

        :param truth: labels or values of these rows.
        :param rows: mask of these rows among all rows, shape ``(rows,)``.
        :param task: classification or regression.
        :raises BadInputError: when no true class is known to the model.
        """
        scores = None if self.scores is None else self.scores[rows]
        return from_model_output(
            task, truth, self.predicted[rows], scores, self.classes, is_sensitive=self.is_sensitive
        )


def _same(one: Any, other: Any) -> bool:
    return bool(one == other)


def _compared_columns(
    model_batch: pa.RecordBatch, shadow_batch: pa.RecordBatch, *, is_classification: bool
) -> list[str]:
    if not is_classification:
        return ["prediction"]
    names = [name for name in model_batch.schema.names if name == "score" or name.startswith("score_")]
    return names if all(name in shadow_batch.schema.names for name in names) else []
