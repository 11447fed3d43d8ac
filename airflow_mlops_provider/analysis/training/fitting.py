"""Build the user's estimator, seed it, and fit it; the user's errors are told as the user's."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types
from sklearn.base import BaseEstimator, is_classifier, is_regressor

from airflow_mlops_provider.analysis.training.data import TrainingData
from airflow_mlops_provider.exceptions import BadInputError, one_line
from airflow_mlops_provider.records.model_spec import ModelSpec, Task

_LONGEST_REASON = 300  # characters of what the user's code says


def build_estimator(build: Callable[..., Any], params: Mapping[str, Any], spec: ModelSpec) -> BaseEstimator:
    """The unfitted estimator that the trainer returns, with every open ``random_state`` set to the model's seed.

    :raises BadInputError: when the trainer refuses the params, raises, or returns no estimator for the task.
    """
    seed_everything(spec.seed)
    try:
        estimator = build(**params)
    except (Exception, SystemExit) as error:  # whatever the user's function raises
        raise BadInputError(
            f"trainer {spec.trainer} raised {type(error).__name__}: {one_line(error, longest=_LONGEST_REASON)}"
        ) from error
    fits = is_classifier if spec.task is Task.CLASSIFICATION else is_regressor
    if not isinstance(estimator, BaseEstimator) or not fits(estimator):
        kind = "classifier" if spec.task is Task.CLASSIFICATION else "regressor"
        raise BadInputError(f"trainer {spec.trainer} returned {type(estimator).__name__}, not a scikit-learn {kind}")
    states = [name for name, value in estimator.get_params().items() if _is_open_state(name, value)]
    return estimator.set_params(**dict.fromkeys(states, spec.seed))


def _is_open_state(name: str, value: Any) -> bool:
    return value is None and (name == "random_state" or name.endswith("__random_state"))


def seed_everything(seed: int) -> None:
    """Seed the global generators, for trainers that use them."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # the legacy generator is what such trainers draw from


def fit(estimator: Any, data: TrainingData, spec: ModelSpec) -> Any:
    """Fit ``estimator`` in place on the features.

    :raises BadInputError: when it cannot learn from these rows, naming the columns with missing values if that is why.
    """
    seed_everything(spec.seed)
    try:
        with warnings.catch_warnings():
            # Convergence and the like are for the trainer's author to see, not reasons to stop.
            warnings.simplefilter("default")
            return estimator.fit(data.features, data.target)
    except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever the user's estimator raises
        raise refused(f"model {spec.name} cannot be fitted", error, data.features, spec) from None


def refused(what: str, error: BaseException, features: pd.DataFrame, spec: ModelSpec) -> BadInputError:
    """The estimator's refusal as ours: to be raised ``from None``, because a trace would show what the message hides.

    Names the columns with missing values and those of text, which are what estimators mostly refuse.
    """
    reason = hide_values(one_line(error, longest=_LONGEST_REASON), features, spec.sensitive)
    return BadInputError(f"{what}: {type(error).__name__}: {reason}{_hint(features)}")


def _hint(features: pd.DataFrame) -> str:
    missing = [str(name) for name in features.columns if features[name].isna().any()]
    text = [str(name) for name in features.columns if features[name].dtype == object]
    hints = [f"columns with missing values: {', '.join(missing)}"] if missing else []
    hints += [f"columns of text: {', '.join(text)}"] if text else []
    return f" ({'; '.join(hints)})" if hints else ""


def hide_values(text: str, frame: pd.DataFrame, sensitive: Iterable[str]) -> str:
    """``text`` without the quoted values of the sensitive columns that are no numbers."""
    for column in sensitive:
        if column in frame.columns and not types.is_numeric_dtype(frame[column]):
            for value in frame[column].dropna().unique():
                text = text.replace(repr(str(value)), "(hidden)")
    return text
