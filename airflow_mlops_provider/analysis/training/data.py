"""Check the rows of a training; an error names the column that a model cannot be trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.model_spec import ModelSpec, Task

_ISO_TIME = r"\d{4}(-\d{2}(-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?)?)?"


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """The ``n`` rows of a training.

    :param features: the features of the model, in the order of its declaration.
    :param target: labels or values, without missing ones.
    :param groups: group number of each row, shape ``(n,)``; ``None`` without a group column.
    :param times: rank of each row's time, shape ``(n,)``; ``None`` without a time column.
    :param weights: weight of each row in the fit, shape ``(n,)``; ``None`` when all weights are equal.
    """

    features: pd.DataFrame
    target: pd.Series[Any]
    groups: NDArray[np.intp] | None = None
    times: NDArray[Any] | None = None
    weights: NDArray[np.float64] | None = None

    def at(self, rows: NDArray[np.intp]) -> TrainingData:
        """Return the rows at these positions."""
        return TrainingData(
            features=self.features.iloc[rows],
            target=self.target.iloc[rows],
            groups=None if self.groups is None else self.groups[rows],
            times=None if self.times is None else self.times[rows],
            weights=None if self.weights is None else self.weights[rows],
        )


def columns_of(spec: ModelSpec) -> tuple[str, ...]:
    """Return the columns that a training of ``spec`` reads."""
    extra = [name for name in (spec.target, spec.group_column, spec.time_column, spec.weight_column) if name]
    return tuple(dict.fromkeys((*spec.features, *extra)))


def training_data(frame: pd.DataFrame, spec: ModelSpec, *, name: str) -> TrainingData:
    """Check the rows of ``frame`` for a training of ``spec``.

    :param frame: rows with the columns of :func:`columns_of`.
    :param spec: the declaration of the model.
    :param name: name of the dataset, for errors.
    :raises BadInputError: when there are no rows, a target value is missing or infinite, there is one class only, a
        feature has no values or infinite ones, a group or a time is missing, or a weight is not usable. The message
        names dataset and column.
    """
    if frame.empty:
        raise BadInputError(f"dataset {name} has no rows")
    for column in spec.features:
        _check_feature(frame[column], name)
    target = _checked_target(frame[spec.target], spec, name)
    return TrainingData(
        features=frame.loc[:, list(spec.features)],
        target=target,
        groups=None if spec.group_column is None else _group_codes(frame[spec.group_column], name, "group"),
        times=None if spec.time_column is None else _times(frame[spec.time_column], name),
        weights=None if spec.weight_column is None else _checked_weights(frame[spec.weight_column], name),
    )


def _check_feature(values: pd.Series[Any], name: str) -> None:
    if values.isna().all():
        raise BadInputError(f"dataset {name}: feature {values.name!r} is missing in all {len(values):,} rows")
    infinite = _infinite_count(values)
    if infinite:
        raise BadInputError(
            f"dataset {name}: feature {values.name!r} is infinite in {infinite:,} of {len(values):,} rows"
        )


def _infinite_count(values: pd.Series[Any]) -> int:
    if not types.is_float_dtype(values):
        return 0
    return int(np.isinf(values.to_numpy(dtype=np.float64, na_value=np.nan)).sum())


def _checked_target(target: pd.Series[Any], spec: ModelSpec, name: str) -> pd.Series[Any]:
    where = f"dataset {name}: target {target.name!r}"
    missing = int(target.isna().sum())
    if missing:
        raise BadInputError(f"{where} is missing in {missing:,} of {len(target):,} rows")
    if _infinite_count(target):
        raise BadInputError(f"{where} is infinite in {_infinite_count(target):,} of {len(target):,} rows")
    if spec.task is Task.REGRESSION and (not types.is_numeric_dtype(target) or types.is_bool_dtype(target)):
        raise BadInputError(f"{where} holds {target.dtype}, and regression needs numbers")
    try:
        distinct = target.nunique()
    except TypeError as error:  # lists, mappings
        raise BadInputError(f"{where} holds values that are neither text nor numbers") from error
    if distinct < 2:
        held = "one class only" if spec.task is Task.CLASSIFICATION else "one value only"
        raise BadInputError(f"{where} has {held}: there is nothing to learn")
    fractions = types.is_float_dtype(target) and bool((target != np.floor(target)).any())
    if spec.task is Task.CLASSIFICATION and fractions:
        raise BadInputError(f"{where} holds fractions, which are no classes; is the task regression?")
    return target


def _checked_weights(values: pd.Series[Any], name: str) -> NDArray[np.float64]:
    where = f"dataset {name}: weight column {values.name!r}"
    if not types.is_numeric_dtype(values) or types.is_bool_dtype(values):
        raise BadInputError(f"{where} holds {values.dtype}, and weights are numbers")
    weights = values.to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = int((~np.isfinite(weights) | (weights < 0)).sum())
    if wrong:
        raise BadInputError(f"{where} is missing, infinite or negative in {wrong:,} of {len(weights):,} rows")
    if not weights.any():
        raise BadInputError(f"{where} is 0 in every row")
    return weights


def _group_codes(values: pd.Series[Any], name: str, what: str) -> NDArray[np.intp]:
    codes, _ = values.factorize()
    missing = int((codes < 0).sum())
    if missing:
        raise BadInputError(f"dataset {name}: {what} column {values.name!r} is missing in {missing:,} rows")
    return codes


def _times(values: pd.Series[Any], name: str) -> NDArray[Any]:
    """Return the rank of each row's time, shape ``(n,)``: 0 for the earliest.

    Text must be dates and times of ISO 8601. Other text is refused, because its order is not that of time: as text,
    "10" comes before "9" and "02.01.2026" before "31.12.2025".
    """
    if values.isna().any():
        raise BadInputError(
            f"dataset {name}: time column {values.name!r} is missing in {int(values.isna().sum()):,} rows"
        )
    if types.is_string_dtype(values) or isinstance(values.dtype, pd.CategoricalDtype):
        values = _parsed_times(values.astype(str), name)
    return np.unique(values.to_numpy(), return_inverse=True)[1]


def _parsed_times(texts: pd.Series[Any], name: str) -> pd.Series[Any]:
    where = f"dataset {name}: time column {texts.name!r}"
    wrong = texts[~texts.str.fullmatch(_ISO_TIME)]
    if len(wrong):
        raise BadInputError(f"{where} is text that is no time of ISO 8601, such as 2026-01-31, in {len(wrong):,} rows")
    try:
        return pd.Series(pd.to_datetime(texts, format="ISO8601", utc=True))
    except ValueError as error:
        raise BadInputError(f"{where} holds text that is no day of the calendar") from error
