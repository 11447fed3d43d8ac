"""One pass gives what two would: labels that follow from probabilities are those that the estimator would say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.model_spec import ModelSpec, Task
from airflow_mlops_provider.stores.models import Predictor

LIKELIEST = [
    *(DecisionTreeClassifier(max_depth=3), ExtraTreeClassifier(max_depth=3), LogisticRegression(), GaussianNB()),
    *(ExtraTreesClassifier(10, max_depth=3), RandomForestClassifier(10, max_depth=3), LinearDiscriminantAnalysis()),
    *(GradientBoostingClassifier(n_estimators=5), HistGradientBoostingClassifier(max_iter=5)),
    MLPClassifier((4,), max_iter=2000, tol=0.01),
]
OTHERS = [SVC(probability=True, random_state=0), RidgeClassifier()]


def fitted(estimator, classes):
    rng = np.random.default_rng(3)
    # Whole numbers, so that many rows are alike and trees find leaves where two classes are equally likely.
    frame = pd.DataFrame({"a": rng.integers(0, 4, 400), "b": rng.integers(0, 4, 400)})
    labels = np.array(["no", "yes", "maybe"])[(frame.a + rng.integers(0, 4, 400)) % classes]
    spec = ModelSpec(
        name="toy",
        task=Task.CLASSIFICATION,
        target="y",
        features=("a", "b"),
        trainer="toy:build",
        metrics={"accuracy": Direction.HIGHER},
    )
    model = make_pipeline(StandardScaler(), estimator).fit(frame, labels)
    return Predictor(spec=spec, estimator=model, columns={"a": "number", "b": "number"}), frame


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("estimator", [*LIKELIEST, *OTHERS], ids=lambda estimator: type(estimator).__name__)
@pytest.mark.filterwarnings("ignore")  # what scikit-learn thinks of small samples is not the question here
def test_labels_and_probabilities_of_one_pass_are_those_of_two(estimator, classes):
    model, frame = fitted(estimator, classes)
    labels, probabilities = model.answers(frame)
    np.testing.assert_array_equal(labels, model.predict(frame))
    if probabilities is not None:
        np.testing.assert_array_equal(probabilities, model.probabilities(frame))


@pytest.mark.parametrize("estimator", LIKELIEST, ids=lambda estimator: type(estimator).__name__)
def test_those_that_answer_with_the_likeliest_class_are_known(estimator):
    assert Predictor._predicts_most_probable_class(fitted(estimator, 2)[0])


def test_those_that_answer_otherwise_are_asked_twice():
    assert not fitted(RidgeClassifier(), 2)[0]._predicts_most_probable_class()
