"""Hyper-parameter search by scikit-learn, on folds made as the model's own are."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV

from airflow_mlops_provider.analysis.evaluation.metrics import Metric
from airflow_mlops_provider.analysis.training.cross_validation import answers, metrics_of
from airflow_mlops_provider.analysis.training.data import TrainingData
from airflow_mlops_provider.analysis.training.fitting import fit, refused, seed_everything, unfitted_copy, weights_of
from airflow_mlops_provider.analysis.training.folds import make_folds
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.model_spec import ModelSpec, Search, SearchKind
from airflow_mlops_provider.records.reports.training import SearchResult


def fit_best(estimator: Any, data: TrainingData, spec: ModelSpec) -> tuple[Any, SearchResult | None]:
    """A fitted copy of ``estimator``, with the best parameters of the search when the model declares one.

    Run on a fold's training rows it searches there alone, so that the fold's other rows judge the whole procedure.

    :raises BadInputError: when the space names a parameter that the estimator lacks, or no combination can be judged.
    """
    if spec.search is None:
        return fit(unfitted_copy(estimator), data, spec), None
    folds = make_folds(data, spec, folds=spec.search.folds)
    if len(folds) < 2:
        raise BadInputError(f"model {spec.name}: too few rows to search hyper-parameters on {spec.search.folds} folds")
    search = _search(unfitted_copy(estimator), spec, spec.search, _Score(data, spec, metrics_of(spec)[0]), folds)
    seed_everything(spec.seed)
    try:
        search.fit(data.features, data.target, **weights_of(estimator, data))
    except Exception as error:  # noqa: BLE001  # whatever the user's estimator raises for some combination
        raise refused(f"model {spec.name}: the search failed", error, data.features, spec) from None
    best = {name: _plain(value) for name, value in search.best_params_.items()}
    means = search.cv_results_["mean_test_score"]
    score = float(means[search.best_index_]) * metrics_of(spec)[0].direction.sign
    result = SearchResult(tried=len(means), best=best, score=score)
    return fit(unfitted_copy(estimator).set_params(**search.best_params_), data, spec), result


class _Score:
    """scikit-learn's scorer interface over our own metric; larger is better."""

    def __init__(self, data: TrainingData, spec: ModelSpec, metric: Metric) -> None:
        self._data, self._spec, self._metric = data, spec, metric

    def __call__(self, estimator: Any, features: Any, target: Any) -> float:
        predictions = answers(estimator, TrainingData(features=features, target=target), self._spec)
        if not self._metric.applies_to(predictions):
            return float("nan")
        return self._metric.of(predictions) * self._metric.direction.sign


def _search(estimator: Any, spec: ModelSpec, search: Search, score: _Score, folds: list[Any]) -> Any:
    space = {name: list(values) for name, values in search.space.items()}
    known = estimator.get_params()
    for name in space:
        if name not in known:
            raise BadInputError(f"model {spec.name}: search: the estimator has no parameter {name!r}")
    given: dict[str, Any] = {"scoring": score, "cv": folds, "refit": _best, "error_score": "raise"}
    if search.kind is SearchKind.GRID:
        return GridSearchCV(estimator, space, **given)
    return RandomizedSearchCV(estimator, space, n_iter=search.iterations, random_state=spec.seed, **given)


def _best(results: Any) -> int:
    # A combination that one fold could not judge is not the best; scikit-learn's own choice would follow the NaN.
    means = np.nan_to_num(results["mean_test_score"], nan=-np.inf)
    if not np.isfinite(means).any():
        raise ValueError("no combination could be judged on every fold")
    return int(means.argmax())


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
