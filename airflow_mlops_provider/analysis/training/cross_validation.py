"""Cross-validation: metrics on held-out rows with intervals, confusion matrix, ROC curve and calibration curve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import roc_curve

from airflow_mlops_provider.analysis.evaluation.declared_metrics import metrics_of
from airflow_mlops_provider.analysis.evaluation.metrics import Metric, Predictions, majority_or_mean
from airflow_mlops_provider.analysis.evaluation.predictions import from_model_output
from airflow_mlops_provider.analysis.training.data import TrainingData
from airflow_mlops_provider.analysis.training.fitting import estimator_error
from airflow_mlops_provider.analysis.training.folds import Fold
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.model_spec import ModelSpec, Task
from airflow_mlops_provider.records.reports.training import Confusion, Curve, FoldMetric

MAX_POINTS = 200
"""Points of an ROC curve at most."""
BINS = 10
"""Bins of a calibration curve."""
Fitter = Callable[[TrainingData], Any]
"""Returns a new estimator that is fitted on the given rows."""


@dataclass(frozen=True, kw_only=True)
class FoldResult:
    """One fold: the estimator fitted on its training rows, and its predictions for the test rows.

    :param estimator: the fitted estimator.
    :param test: positions of the test rows, shape ``(n,)``.
    :param train_rows: number of training rows.
    :param predictions: of the test rows.
    """

    estimator: Any
    test: NDArray[np.intp]
    train_rows: int
    predictions: Predictions


def predictions_of(estimator: Any, data: TrainingData, spec: ModelSpec, *, metric: Metric | None = None) -> Predictions:
    """Return the predictions of a fitted estimator for rows with known truth.

    :param estimator: the fitted estimator.
    :param data: features and truth.
    :param spec: the declaration of the model.
    :param metric: the only metric that will be computed; classes are not predicted when it needs scores alone. Any
        metric by default.
    :raises BadInputError: when the estimator raises, or predicts NaN or infinity.
    """
    classes: list[Any] = estimator.classes_.tolist() if spec.task is Task.CLASSIFICATION else []
    if spec.positive_class is not None and len(classes) > 2:
        raise BadInputError(
            f"model {spec.name}: 'positive_class' needs a target of two classes, and {spec.target!r} has {len(classes)}"
        )
    scores, are_probabilities = _scores(estimator, data, spec)
    only_scores = metric is not None and metric.of_scores and scores is not None
    predicted = np.full(len(data.target), classes[0]) if only_scores else _call(estimator.predict, data, spec)
    found = from_model_output(
        spec.task,
        data.target,
        predicted.reshape(-1),
        scores,
        classes,
        has_probabilities=are_probabilities,
        is_sensitive=spec.target in spec.sensitive,
    ).with_positive(spec.positive_class)
    return replace(found, predicted=None) if only_scores else found


def _scores(estimator: Any, data: TrainingData, spec: ModelSpec) -> tuple[NDArray[Any] | None, bool]:
    """Return the scores, and whether they are probabilities and not values of the decision function.

    The scores are ``None`` for regression, and for an estimator that has neither.
    """
    if spec.task is not Task.CLASSIFICATION:
        return None, True
    if hasattr(estimator, "predict_proba"):
        return scores_of(_call(estimator.predict_proba, data, spec)), True
    if hasattr(estimator, "decision_function"):
        return _call(estimator.decision_function, data, spec), False
    return None, True


def scores_of(probabilities: NDArray[Any]) -> NDArray[Any]:
    """Return the probabilities of the second of two classes, shape ``(n,)``, or of all ``k`` classes, shape ``(n, k)``.

    :param probabilities: as scikit-learn's ``predict_proba`` returns them.
    """
    return probabilities[:, 1] if probabilities.ndim == 2 and probabilities.shape[1] == 2 else probabilities


def _call(method: Callable[[Any], Any], data: TrainingData, spec: ModelSpec) -> NDArray[Any]:
    try:
        found = np.asarray(method(data.features))
    except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever the user's estimator raises
        raise estimator_error(f"model {spec.name} cannot answer", error, data.features, spec) from None
    if np.issubdtype(found.dtype, np.floating) and not np.isfinite(found).all():
        raise BadInputError(f"model {spec.name}: its {method.__name__} answers NaN or infinity")
    return found


def cross_validate(fitter: Fitter, data: TrainingData, folds: Sequence[Fold], spec: ModelSpec) -> list[FoldResult]:
    """Fit an estimator on the training rows of each fold, and predict its test rows."""
    results = []
    for train, test in folds:
        estimator = fitter(data.at(train))
        predictions = predictions_of(estimator, data.at(test), spec)
        results.append(FoldResult(estimator=estimator, test=test, train_rows=len(train), predictions=predictions))
    return results


def measure_metrics(results: Sequence[FoldResult], spec: ModelSpec) -> tuple[FoldMetric, ...]:
    """Measure every declared metric over the folds, with its interval and the value of a dummy model."""
    return tuple(_fold_metric(metric, results) for metric in metrics_of(spec))


def _fold_metric(metric: Metric, results: Sequence[FoldResult]) -> FoldMetric:
    usable = [result for result in results if metric.applies_to(result.predictions)]
    if not usable:
        return FoldMetric(name=metric.name, direction=metric.direction)
    values = [metric.of(result.predictions) for result in usable]
    dummies = [metric.of(majority_or_mean(result.predictions, metric)) for result in usable]
    low, high = _interval(values, [len(result.test) / result.train_rows for result in usable])
    return FoldMetric(
        name=metric.name,
        direction=metric.direction,
        folds=tuple(values),
        mean=float(np.mean(values)),
        low=low,
        high=high,
        dummy=float(np.mean(dummies)),
    )


def _interval(values: Sequence[float], ratios: Sequence[float]) -> tuple[float | None, float | None]:
    """Return the 95 % corrected resampled t interval (Nadeau & Bengio 2003).

    Folds share training rows, so the usual t interval is too narrow.

    :param values: the metric in each fold.
    :param ratios: number of test rows over number of training rows of each fold.
    """
    k = len(values)
    if k < 2:
        return None, None
    variance = (1 / k + float(np.mean(ratios))) * float(np.var(values, ddof=1))
    half = float(stats.t.ppf(0.975, k - 1)) * variance**0.5
    return float(np.mean(values)) - half, float(np.mean(values)) + half


def measure_confusion(results: Sequence[FoldResult], spec: ModelSpec) -> Confusion | None:
    """Count the test rows of all folds by true and predicted class; ``None`` for regression."""
    if spec.task is not Task.CLASSIFICATION or not results:
        return None
    labels = sorted({str(name) for result in results for name in result.predictions.classes})
    position = {label: number for number, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)), dtype=int)
    for result in results:
        names = np.array([position[str(name)] for name in result.predictions.classes])
        np.add.at(counts, (names[result.predictions.truth], names[_predicted(result.predictions)]), 1)
    return Confusion(labels=tuple(labels), counts=tuple(tuple(row) for row in counts.tolist()))


def _predicted(predictions: Predictions) -> NDArray[Any]:
    assert predictions.predicted is not None  # noqa: S101  # an estimator always predicts
    return predictions.predicted


def _pooled(results: Sequence[FoldResult]) -> tuple[NDArray[Any], NDArray[np.float64]] | None:
    """Return truth and scores of the test rows of all folds; ``None`` unless there are scores of two classes."""
    usable = [r.predictions for r in results if r.predictions.scores is not None and r.predictions.is_binary]
    if not usable or len(usable) != len(results):
        return None
    scores = [p.scores for p in usable if p.scores is not None]
    truth = np.concatenate([p.truth for p in usable])
    return (truth, np.concatenate(scores)) if len(np.unique(truth)) == 2 else None


def measure_roc(results: Sequence[FoldResult]) -> Curve | None:
    """Return the ROC curve of the test rows of all folds; ``None`` unless there are scores of two classes."""
    pooled = _pooled(results)
    if pooled is None:
        return None
    false_positive, true_positive, _ = roc_curve(*pooled)
    chosen = np.unique(np.linspace(0, len(false_positive) - 1, MAX_POINTS).round().astype(int))
    return Curve(x=tuple(false_positive[chosen].tolist()), y=tuple(true_positive[chosen].tolist()))


def measure_calibration(results: Sequence[FoldResult]) -> Curve | None:
    """Return mean probability and observed share of the positive class in bins of equally many rows.

    :returns: ``None`` unless there are probabilities of two classes.
    """
    pooled = _pooled(results)
    if pooled is None or not all(result.predictions.has_probabilities for result in results):
        return None
    truth, scores = pooled
    bins = [rows for rows in np.array_split(np.argsort(scores, kind="stable"), BINS) if len(rows)]
    return Curve(
        x=tuple(float(scores[rows].mean()) for rows in bins),
        y=tuple(float(truth[rows].mean()) for rows in bins),
        rows=tuple(len(rows) for rows in bins),
    )
