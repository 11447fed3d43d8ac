"""What a model may be made of: scikit-learn's own composites are stored, and what is refused is named all at once."""

from __future__ import annotations

import functools
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, StackingClassifier, VotingClassifier
from sklearn.feature_selection import SelectKBest, chi2, mutual_info_classif
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.model_spec import ModelSpec, Task
from airflow_mlops_provider.stores.models import skops_types

SPEC = ModelSpec(
    name="toy",
    task=Task.CLASSIFICATION,
    target="y",
    features=("a", "b", "c"),
    trainer="toy:build",
    metrics={"accuracy": Direction.HIGHER},
)
RNG = np.random.default_rng(0)
FRAME = pd.DataFrame({"a": RNG.normal(size=120), "b": RNG.normal(size=120), "c": RNG.choice(list("xyz"), 120)})
TARGET = (FRAME.a > 0).astype(int)
NUMBERS, CATEGORIES = FRAME[["a", "b"]], FRAME.assign(c=FRAME.c.astype("category"))
PAIR = [("a", LogisticRegression()), ("b", DecisionTreeClassifier(max_depth=2))]
BY_TYPE = make_column_transformer(
    (OneHotEncoder(), make_column_selector(dtype_include=object)),
    (StandardScaler(), make_column_selector(dtype_include=np.number)),
)


@pytest.mark.parametrize(
    ("estimator", "features"),
    [
        (VotingClassifier(PAIR, voting="soft"), NUMBERS),
        (VotingClassifier(PAIR), NUMBERS),
        (StackingClassifier(PAIR), NUMBERS),
        (GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, scoring="roc_auc"), NUMBERS),
        (GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, scoring="f1"), NUMBERS),
        (TunedThresholdClassifierCV(LogisticRegression()), NUMBERS),
        (make_pipeline(BY_TYPE, LogisticRegression()), FRAME),
        (HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=3), CATEGORIES),
        (make_pipeline(MinMaxScaler(), SelectKBest(chi2, k=1), LogisticRegression()), NUMBERS),
        (make_pipeline(SelectKBest(mutual_info_classif, k=1), LogisticRegression()), NUMBERS),
        (KNeighborsClassifier(algorithm="ball_tree"), NUMBERS),
    ],
    ids=lambda each: type(each).__name__,
)
def test_scikit_learns_own_composites_are_stored_and_answer_the_same(estimator, features):
    fitted = estimator.fit(features, TARGET)
    again = skops_types.load(skops_types.save(fitted), SPEC)
    assert (again.predict(features) == fitted.predict(features)).all()


def mine(x):
    return x


def yours(x):
    return x


def test_every_type_that_is_not_trusted_is_named_at_once():
    pipeline = make_pipeline(
        FunctionTransformer(mine), FunctionTransformer(functools.partial(yours)), LogisticRegression()
    )
    data = skops_types.save(pipeline.fit(NUMBERS, TARGET))
    with pytest.raises(
        BadInputError, match=r"test_skops_types\.mine, .*test_skops_types\.yours, which are not trusted"
    ):
        skops_types.load(data, SPEC)


def test_no_warning_of_a_loaded_module_reaches_the_log():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        skops_types.load(skops_types.save(LogisticRegression().fit(NUMBERS, TARGET)), SPEC)
    assert caught == []
