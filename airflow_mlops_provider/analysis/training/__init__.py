"""Train a model and measure it on held-out rows."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from threadpoolctl import threadpool_limits

from airflow_mlops_provider.analysis.training.cross_validation import (
    cross_validate,
    measure_calibration,
    measure_confusion,
    measure_metrics,
    measure_roc,
)
from airflow_mlops_provider.analysis.training.data import TrainingData
from airflow_mlops_provider.analysis.training.fitting import build_estimator
from airflow_mlops_provider.analysis.training.folds import make_folds, split_kind
from airflow_mlops_provider.analysis.training.importance import measure_importance
from airflow_mlops_provider.analysis.training.search import fit_best
from airflow_mlops_provider.records.model_spec import ModelSpec, Task
from airflow_mlops_provider.records.reports.training import TrainingReport

MIN_ROWS_FOR_THREADS = 100_000
"""With fewer rows, one thread is used, unless ``OMP_NUM_THREADS`` is set in the environment.

On cores that other tasks use too, several threads made histogram gradient boosting fifty times slower on few rows,
because its threads wait for each other after every step.
"""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A fitted estimator and the report on its training."""

    estimator: Any
    report: TrainingReport


def measure_training(
    build: Callable[..., Any],
    data: TrainingData,
    spec: ModelSpec,
    *,
    kinds: dict[str, str],
    started: float | None = None,
) -> Trained:
    """Train the model of ``spec`` on all rows, and estimate its metrics by cross-validation.

    :param build: the trainer function; it is called with ``spec.params``.
    :param data: the checked rows.
    :param spec: the declaration of the model.
    :param kinds: feature to the name of its kind of value, for the report.
    :param started: ``time.perf_counter()`` at the start of the training, in seconds; now by default.
    :raises BadInputError: when the trainer or its estimator raises; the message has its reason.
    """
    started = time.perf_counter() if started is None else started
    few = len(data.target) < MIN_ROWS_FOR_THREADS and "OMP_NUM_THREADS" not in os.environ
    with threadpool_limits(1 if few else None):
        return _measure(build, data, spec, kinds=kinds, started=started)


def _measure(
    build: Callable[..., Any], data: TrainingData, spec: ModelSpec, *, kinds: dict[str, str], started: float
) -> Trained:
    unfitted = build_estimator(build, spec.params, spec)
    folds = make_folds(data, spec)
    results = cross_validate(lambda part: fit_best(unfitted, part, spec)[0], data, folds, spec)
    fitting = time.perf_counter()
    estimator, search = fit_best(unfitted, data, spec)
    fit_seconds = time.perf_counter() - fitting
    report = TrainingReport(
        task=spec.task,
        rows=len(data.target),
        features=kinds,
        classes=_classes(data, spec),
        split=split_kind(spec),
        folds=len(folds),
        wanted_folds=spec.split.folds,
        metrics=measure_metrics(results, spec),
        positive_class=results[0].predictions.positive_class if results else None,
        confusion=measure_confusion(results, spec),
        roc=measure_roc(results),
        calibration=measure_calibration(results),
        importance=measure_importance(results, data, spec),
        search=search,
        fit_seconds=fit_seconds,
        total_seconds=time.perf_counter() - started,
    )
    return Trained(estimator=estimator, report=report)


def _classes(data: TrainingData, spec: ModelSpec) -> dict[str, int]:
    if spec.task is not Task.CLASSIFICATION:
        return {}
    return {str(label): int(count) for label, count in data.target.value_counts().sort_index().items()}
