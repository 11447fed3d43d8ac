"""Hyper-parameter search by scikit-learn, on folds of the model's own split."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV

from airflow_mlops_provider.analysis.evaluation.declared_metrics import metric_of
from airflow_mlops_provider.analysis.evaluation.metrics import Metric
from airflow_mlops_provider.analysis.training.cross_validation import predictions_of
from airflow_mlops_provider.analysis.training.data import TrainingData
from airflow_mlops_provider.analysis.training.fitting import (
    estimator_error,
    fit,
    seed_everything,
    unfitted_copy,
    weights_of,
)
from airflow_mlops_provider.analysis.training.folds import make_folds
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.model_spec import ModelSpec, Search, SearchKind
from airflow_mlops_provider.records.reports.training import SearchResult


def fit_best(estimator: Any, data: TrainingData, spec: ModelSpec) -> tuple[Any, SearchResult | None]:
    """Return a fitted copy of ``estimator``, with the best parameters of the search when the model declares one.

    In cross-validation it is called with the training rows of a fold, so the test rows of the fold measure search and
    fit together (nested cross-validation, Varma & Simon 2006).

    :param estimator: the unfitted estimator.
    :param data: the rows to fit and to search on.
    :param spec: the declaration of the model.
    :returns: the fitted estimator, and the result of the search; ``None`` when the model declares no search.
    :raises BadInputError: when there are too few rows for two folds, the estimator has no such parameter, or the
        metric is not defined for any combination on every fold.
    """
    if spec.search is None:
        return fit(unfitted_copy(estimator), data, spec), None
    folds = make_folds(data, spec, folds=spec.search.folds)
    if len(folds) < 2:
        raise BadInputError(f"model {spec.name}: too few rows to search hyper-parameters on {spec.search.folds} folds")
    search = _search(unfitted_copy(estimator), spec, spec.search, _Scorer(data, spec, metric_of(spec)), folds)
    seed_everything(spec.seed)
    try:
        search.fit(data.features, data.target, **weights_of(estimator, data))
    except Exception as error:  # noqa: BLE001  # whatever the user's estimator raises for some combination
        raise estimator_error(f"model {spec.name}: the search failed", error, data.features, spec) from None
    best = {name: _python_value(value) for name, value in search.best_params_.items()}
    means = search.cv_results_["mean_test_score"]
    score = float(means[search.best_index_]) * metric_of(spec).direction.sign
    result = SearchResult(tried=len(means), best=best, score=score)
    return fit(unfitted_copy(estimator).set_params(**search.best_params_), data, spec), result


class _Scorer:
    """A metric as a scorer of scikit-learn, which is higher for a better estimator."""

    def __init__(self, data: TrainingData, spec: ModelSpec, metric: Metric) -> None:
        self._data, self._spec, self._metric = data, spec, metric

    def __call__(self, estimator: Any, features: Any, target: Any) -> float:
        predictions = predictions_of(estimator, TrainingData(features=features, target=target), self._spec)
        if not self._metric.applies_to(predictions):
            return float("nan")
        return self._metric.of(predictions) * self._metric.direction.sign


def _search(estimator: Any, spec: ModelSpec, search: Search, score: _Scorer, folds: list[Any]) -> Any:
    space = {name: list(values) for name, values in search.space.items()}
    known = estimator.get_params()
    for name in space:
        if name not in known:
            raise BadInputError(f"model {spec.name}: search: the estimator has no parameter {name!r}")
    given: dict[str, Any] = {"scoring": score, "cv": folds, "refit": _best_index, "error_score": "raise"}
    if search.kind is SearchKind.GRID:
        return GridSearchCV(estimator, space, **given)
    return RandomizedSearchCV(estimator, space, n_iter=search.iterations, random_state=spec.seed, **given)


def _best_index(results: Any) -> int:
    # A combination without a score in some fold must not be the best; scikit-learn itself might choose the NaN.
    means = np.nan_to_num(results["mean_test_score"], nan=-np.inf)
    if not np.isfinite(means).any():
        raise ValueError("no combination could be judged on every fold")
    return int(means.argmax())


def _python_value(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
