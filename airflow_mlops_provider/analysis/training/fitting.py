"""Build the user's estimator, seed it and fit it; its errors are reported as errors of the user's code."""

from __future__ import annotations

import copy
import random
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone, is_classifier, is_regressor

from airflow_mlops_provider.analysis.training.data import TrainingData
from airflow_mlops_provider.exceptions import BadInputError, MLOpsError, error_of_user_code, one_line
from airflow_mlops_provider.records.model_spec import ModelSpec, Task

_SHORT = 2  # characters of a value that is hidden in quotes alone
_MAX_REASON_LENGTH = 300  # characters of an error message of the user's code
FEW_ROWS, ROWS_PER_CLASS = 200, 20


def build_estimator(build: Callable[..., Any], params: Mapping[str, Any], spec: ModelSpec) -> Any:
    """Return the unfitted estimator of the trainer, with every ``random_state`` that is ``None`` set to the seed.

    :param build: the trainer function.
    :param params: its keyword arguments.
    :param spec: the declaration of the model, with its seed.
    :raises BadInputError: when the trainer raises, or returns no estimator for the task.
    """
    seed_everything(spec.seed)
    try:
        estimator = build(**params)
    except (Exception, SystemExit) as error:  # whatever the user's function raises
        reason = one_line(error, longest=_MAX_REASON_LENGTH)
        raise error_of_user_code(f"trainer {spec.trainer} raised {type(error).__name__}: {reason}", error) from error
    if not _fits_task(estimator, spec):
        kind = "classifier" if spec.task is Task.CLASSIFICATION else "regressor"
        raise BadInputError(
            f"trainer {spec.trainer} returned {type(estimator).__name__}, not a {kind} with fit and predict"
        )
    if not hasattr(estimator, "set_params"):
        return estimator
    states = [name for name, value in estimator.get_params().items() if _is_unset_random_state(name, value)]
    return estimator.set_params(**dict.fromkeys(states, spec.seed)) if states else estimator


def _fits_task(estimator: Any, spec: ModelSpec) -> bool:
    if isinstance(estimator, type) or not all(_has(estimator, name) for name in ("fit", "predict")):
        return False
    if not isinstance(estimator, BaseEstimator):
        return True  # estimators of other libraries, such as CatBoost, do not declare their task
    return bool(is_classifier(estimator) if spec.task is Task.CLASSIFICATION else is_regressor(estimator))


def _has(estimator: Any, method: str) -> bool:
    # A stack without a final estimator of its own gets one, and with it predict, by its fit.
    return hasattr(estimator, method) or hasattr(type(estimator), method)


def unfitted_copy(estimator: Any) -> Any:
    """Return an unfitted copy, by scikit-learn's ``clone`` where the estimator supports it, else a deep copy."""
    try:
        return clone(estimator)
    except (TypeError, RuntimeError):  # no get_params, or a constructor that changes its arguments
        return copy.deepcopy(estimator)


def _is_unset_random_state(name: str, value: Any) -> bool:
    return value is None and (name == "random_state" or name.endswith("__random_state"))


def seed_everything(seed: int) -> None:
    """Seed the global random generators of Python and numpy, for trainers that use them."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # such trainers use numpy's legacy generator


def fit(estimator: Any, data: TrainingData, spec: ModelSpec) -> Any:
    """Fit ``estimator`` in place, and return the fitted estimator.

    :param estimator: the unfitted estimator.
    :param data: the checked rows.
    :param spec: the declaration of the model, with its seed.
    :raises BadInputError: when the estimator raises. The message names the columns with missing values and of text.
    """
    seed_everything(spec.seed)
    try:
        with warnings.catch_warnings():
            # Warnings, such as that of missing convergence, are shown to the trainer's author and do not stop the fit.
            warnings.simplefilter("default")
            fitted = estimator.fit(data.features, data.target, **weights_of(estimator, data))
    except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever the user's estimator raises
        raise estimator_error(f"model {spec.name} cannot be fitted", error, data.features, spec) from None
    fitted = estimator if fitted is None else fitted
    if spec.task is Task.CLASSIFICATION and getattr(fitted, "classes_", None) is None:
        raise BadInputError(f"model {spec.name}: {type(fitted).__name__} has no classes_ after its fit")
    return fitted


def weights_of(estimator: Any, data: TrainingData) -> dict[str, Any]:
    """Return the row weights as keyword arguments of ``fit``; a pipeline passes them to its last step."""
    if data.weights is None:
        return {}
    steps = getattr(estimator, "steps", None)
    return {f"{steps[-1][0]}__sample_weight" if steps else "sample_weight": data.weights}


def estimator_error(what: str, error: BaseException, features: pd.DataFrame, spec: ModelSpec) -> MLOpsError:
    """Return the error to raise when the user's estimator has raised ``error``.

    Raise it ``from None``, because the traceback would show values that the message hides. The message names the
    columns with missing values and of text, which are the usual reasons.

    :param what: beginning of the message.
    :param error: what the estimator raised.
    :param features: the features that it was given.
    :param spec: the declaration of the model, with its sensitive columns.
    """
    reason = hide_values(one_line(error, longest=_MAX_REASON_LENGTH), features, spec.sensitive)
    return error_of_user_code(f"{what}: {type(error).__name__}: {reason}{_hint(features)}", error)


def _hint(features: pd.DataFrame) -> str:
    missing = [str(name) for name in features.columns if features[name].isna().any()]
    text = [str(name) for name in features.columns if features[name].dtype == object]
    hints = [f"columns with missing values: {', '.join(missing)}"] if missing else []
    hints += [f"columns of text: {', '.join(text)}"] if text else []
    return f" ({'; '.join(hints)})" if hints else ""


def fit_on_few_rows(build: Callable[..., Any], data: TrainingData, spec: ModelSpec) -> Any | None:
    """Return the trainer's estimator fitted on a few rows of every class, to inspect its types before the training.

    :returns: ``None`` when the fit fails; the training itself then reports the error if it fails too.
    """
    try:
        return fit(build_estimator(build, spec.params, spec), data.at(_few_rows(data, spec)), spec)
    except BadInputError:
        return None


def _few_rows(data: TrainingData, spec: ModelSpec) -> NDArray[np.intp]:
    spread = np.linspace(0, len(data.target) - 1, min(len(data.target), FEW_ROWS)).astype(np.intp)
    if spec.task is not Task.CLASSIFICATION:
        return np.unique(spread)
    codes = data.target.factorize()[0]
    of_each = [np.flatnonzero(codes == code)[:ROWS_PER_CLASS] for code in np.unique(codes)]
    return np.unique(np.concatenate([spread, *of_each]))


def hide_values(text: str, frame: pd.DataFrame, sensitive: Iterable[str]) -> str:
    """Return ``text`` with the values of the sensitive columns replaced by ``(hidden)``.

    Values of one or two characters are hidden in quotes alone: as words they are letters and counts like any others.

    :param text: a message.
    :param frame: the rows whose values may be in the message.
    :param sensitive: names of the sensitive columns.
    """
    for column in sensitive:
        if column not in frame.columns:
            continue
        for value in map(str, frame[column].dropna().unique()):
            if value not in text:
                continue
            for quoted in (repr(value), f'"{value}"'):
                text = text.replace(quoted, "(hidden)")
            if len(value) > _SHORT:
                text = re.sub(rf"(?<![\w.]){re.escape(value)}(?!\w)", "(hidden)", text)
    return text
