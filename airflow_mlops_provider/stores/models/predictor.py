"""A loaded model version: checks what goes in by name, and answers."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.model_spec import ModelSpec
from airflow_mlops_provider.records.refs import ModelRef
from airflow_mlops_provider.stores.code.isolated import isolated
from airflow_mlops_provider.stores.models.artifact import Probe

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

_TIE = 1e-9
"""Probabilities closer than this count as equal: a classifier may round them otherwise when it is asked for a class."""
_PREDICT_MOST_PROBABLE = {
    f"sklearn.{name}"
    for name in (
        *("DecisionTreeClassifier", "ExtraTreeClassifier", "ExtraTreesClassifier", "RandomForestClassifier"),
        *("GradientBoostingClassifier", "HistGradientBoostingClassifier", "LogisticRegression", "MLPClassifier"),
        *("GaussianNB", "LinearDiscriminantAnalysis"),
    )
}
"""Whose ``predict`` is the likeliest class of their ``predict_proba``; a support vector machine's is not."""


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """Preprocessing and model as one thing that answers.

    :param spec: the declaration stored with the version.
    :param estimator: the fitted scikit-learn estimator or pipeline.
    :param columns: feature name to the kind of value it was trained on: ``number``, ``text``, ``boolean``, ``other``.
    :param probe: the batch stored with the version and its answers at training time.
    :param ref: the version, pinned.
    :param artifact_bytes: size of the stored artifact.
    :param code: the user's own code in the artifact, file name to content.
    """

    spec: ModelSpec
    estimator: Any
    columns: dict[str, str]
    probe: Probe | None = None
    ref: ModelRef | None = None
    artifact_bytes: int | None = None
    code: Mapping[str, bytes] = field(default_factory=dict)

    def function(self, name: str) -> Callable[..., Any]:
        """The function that ``module:function`` names in the version's own code, or in an installed module.

        :raises BadInputError: when there is no such module or function.
        """
        module, _, function = name.partition(":")
        try:
            load = isolated(self.code).import_module if self.code else importlib.import_module
            found = getattr(load(module), function, None)
        except ImportError as error:
            raise BadInputError(f"model {self.spec.name}: function {name!r}: {error}") from error
        if not callable(found):
            raise BadInputError(f"model {self.spec.name}: module {module!r} has no function {function!r}")
        return cast("Callable[..., Any]", found)

    @property
    def classes(self) -> tuple[Any, ...] | None:
        """The labels in the order of :meth:`probabilities`, as plain Python values; ``None`` for regression."""
        found = getattr(self.estimator, "classes_", None)
        return None if found is None else tuple(found.tolist())

    def predict(self, frame: pd.DataFrame) -> NDArray[Any]:
        """One label or value a row of ``frame``, which may hold further columns.

        :raises BadInputError: when a feature is missing or of another kind than in training, naming the column.
        """
        features = self.features_of(frame)
        with one_thread():
            answers = self.estimator.predict(features)
        return _one_per_row(answers)

    def probabilities(self, frame: pd.DataFrame) -> NDArray[np.float64] | None:
        """Class probabilities, shape (rows, classes); ``None`` when the model has none. Raises as :meth:`predict`."""
        if not hasattr(self.estimator, "predict_proba"):
            return None
        features = self.features_of(frame)
        with one_thread():
            answers: NDArray[np.float64] = self.estimator.predict_proba(features)
        return answers

    def decision_values(self, frame: pd.DataFrame) -> NDArray[np.float64] | None:
        """Values of the decision function of a classifier without probabilities, shape (rows,) or (rows, classes).

        ``None`` when it has probabilities, or neither. Raises as :meth:`predict`.
        """
        if hasattr(self.estimator, "predict_proba") or not hasattr(self.estimator, "decision_function"):
            return None
        features = self.features_of(frame)
        with one_thread():
            values: NDArray[np.float64] = self.estimator.decision_function(features)
        return values

    def answers(self, frame: pd.DataFrame) -> tuple[NDArray[Any], NDArray[np.float64] | None]:
        """Labels or values, and probabilities, of one pass where the labels follow from the probabilities.

        They do for scikit-learn's own classifiers that answer with the likeliest class. Any other is asked twice, and
        so are the rows where two classes are as likely as rounding can tell. Raises as :meth:`predict`.
        """
        if not self._predicts_most_probable_class():
            return self.predict(frame), self.probabilities(frame)
        probabilities = self.probabilities(frame)
        assert probabilities is not None  # noqa: S101  # such a classifier has them
        labels: NDArray[Any] = self.estimator.classes_[probabilities.argmax(axis=1)]
        tied = _has_tied_classes(probabilities)
        if tied.any():
            labels[tied] = self.predict(frame.loc[tied])
        return labels, probabilities

    def _predicts_most_probable_class(self) -> bool:
        last = self.estimator.steps[-1][1] if type(self.estimator).__name__ == "Pipeline" else self.estimator
        return f"{type(last).__module__.split('.')[0]}.{type(last).__name__}" in _PREDICT_MOST_PROBABLE

    def scores(self, frame: pd.DataFrame) -> NDArray[np.float64] | None:
        """The probability of the second class, shape (rows,), for two classes; all of them, (rows, k), for more.

        ``None`` when the model has no probabilities. Raises as :meth:`predict`.
        """
        return scores_of(self.probabilities(frame))

    def features_of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The features, in the model's order.

        :raises BadInputError: when one is missing or of another kind than in training, naming the column.
        """
        missing = [name for name in self.spec.features if name not in frame.columns]
        if missing:
            raise BadInputError(f"model {self.spec.name} needs column {missing[0]!r}, which the data do not have")
        chosen = decimals_as_floats(frame.loc[:, list(self.spec.features)])
        for name, found in kinds_of(chosen).items():
            expected = self.columns.get(name, found)
            # A column without any value arrives with no type worth comparing.
            if found != expected and not chosen[name].isna().all():
                raise BadInputError(
                    f"model {self.spec.name}: column {name!r} holds {found} values, "
                    f"but was trained on {expected} values"
                )
        return chosen


def _one_per_row(answers: Any) -> NDArray[Any]:
    """The answers with shape (rows,): some libraries answer with a column."""
    import numpy as np

    found = np.asarray(answers)
    return found[:, 0] if found.ndim == 2 and found.shape[1] == 1 else found


def decimals_as_floats(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its columns of decimal numbers, as warehouses export them, as floats; models take no decimals."""
    from pandas.api import types

    decimal = [
        name
        for name in frame.columns
        if frame[name].dtype == object and types.infer_dtype(frame[name], skipna=True) == "decimal"
    ]
    return frame.assign(**{name: frame[name].astype("float64") for name in decimal}) if decimal else frame


def one_thread() -> AbstractContextManager[object]:
    """One OpenMP thread, unless the user has set ``OMP_NUM_THREADS``.

    Tasks share their cores. On cores that were busy, two threads took five times the CPU time of one for 50,000 rows,
    because they wait for each other after every tree.
    """
    return nullcontext() if "OMP_NUM_THREADS" in os.environ else _thread_pools().limit(limits=1)


@cache
def _thread_pools() -> Any:
    # Finding the loaded libraries takes milliseconds, and an answer about one row should not.
    import sklearn.ensemble  # noqa: F401  # loads the OpenMP library that is to be limited
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def scores_of(probabilities: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
    """The probability of the second class, shape (rows,), for two classes; all of them, (rows, k), for more."""
    return probabilities[:, 1] if probabilities is not None and probabilities.shape[1] == 2 else probabilities


def _has_tied_classes(probabilities: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Rows whose two likeliest classes are as likely as rounding can tell, or not known to differ."""
    import numpy as np

    if probabilities.shape[1] < 2:
        return np.zeros(len(probabilities), dtype=bool)
    second, first = np.partition(probabilities, -2, axis=1)[:, -2:].T
    return np.asarray(~(first - second > _TIE))


def kinds_of(frame: pd.DataFrame) -> dict[str, str]:
    """Each column's kind, coarse enough that a column is of the same kind with missing values and without."""
    return {str(name): _kind(frame[name]) for name in frame.columns}


def _kind(values: pd.Series[Any]) -> str:
    from pandas.api import types

    dtype = values.dtype
    if types.is_bool_dtype(dtype):
        return "boolean"
    if types.is_numeric_dtype(dtype):
        return "number"
    if types.is_object_dtype(dtype):
        # Truth values with gaps arrive as objects, and so do dates and nested values.
        return _OF_OBJECTS.get(types.infer_dtype(values, skipna=True), "other")
    return "text" if types.is_string_dtype(dtype) or isinstance(dtype, types.CategoricalDtype) else "other"


_OF_OBJECTS = {"string": "text", "empty": "text", "boolean": "boolean", "decimal": "number", "integer": "number"}
