from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import StackingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from airflow_mlops_provider.analysis.training import measure_training
from airflow_mlops_provider.analysis.training.cross_validation import cross_validate, measure_calibration, measure_roc
from airflow_mlops_provider.analysis.training.data import TrainingData, training_data
from airflow_mlops_provider.analysis.training.fitting import build_estimator
from airflow_mlops_provider.analysis.training.folds import make_folds, split_kind
from airflow_mlops_provider.analysis.training.importance import MAX_SHUFFLED_ROWS
from airflow_mlops_provider.analysis.training.search import fit_best
from airflow_mlops_provider.analysis.training.symmetry import measure_symmetry, probe_rows
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import decode, encode
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.model_spec import ModelSpec, Search, SearchKind, Split, SplitKind, Task
from airflow_mlops_provider.records.reports.training import TrainingReport

SPEC = ModelSpec(
    name="toy",
    task=Task.CLASSIFICATION,
    target="y",
    features=("a", "b"),
    trainer="toy:build",
    metrics={"roc_auc": Direction.HIGHER, "accuracy": Direction.HIGHER},
    group_column="g",
    time_column="t",
)


def rows(count: int = 240, groups: int = 40, times: int = 6, seed: int = 0) -> TrainingData:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": rng.normal(size=count), "b": rng.normal(size=count)})
    frame["y"] = (frame.a + rng.normal(size=count) > 0).astype(int)
    frame["g"], frame["t"] = rng.integers(0, groups, count), rng.integers(0, times, count)
    return training_data(frame, SPEC, name="toy")


def of_kind(kind: SplitKind, folds: int = 5) -> ModelSpec:
    return replace(SPEC, split=Split(kind=kind, folds=folds))


@given(
    st.integers(20, 120), st.integers(2, 30), st.integers(2, 12), st.integers(2, 6), st.sampled_from(list(SplitKind))
)
@settings(max_examples=60, deadline=None)
def test_folds_never_share_rows_and_keep_what_their_kind_promises(count, groups, times, folds, kind):
    data, spec = rows(count, groups, times), of_kind(kind, folds)
    made = make_folds(data, spec)
    assert len(made) <= folds
    tested = np.concatenate([test for _, test in made]) if made else np.array([])
    assert len(tested) == len(set(tested.tolist()))
    for train, test in made:
        assert not set(train.tolist()) & set(test.tolist())
        assert len(test) > 0
        assert data.target.iloc[train].nunique() == 2
        if split_kind(spec) is SplitKind.GROUP:
            assert not set(data.groups[train].tolist()) & set(data.groups[test].tolist())
        if split_kind(spec) is SplitKind.TIME:
            assert data.times[train].max() < data.times[test].min()


def test_auto_prefers_groups_then_time_then_chance():
    assert split_kind(SPEC) is SplitKind.GROUP
    assert split_kind(replace(SPEC, group_column=None)) is SplitKind.TIME
    assert split_kind(replace(SPEC, group_column=None, time_column=None)) is SplitKind.RANDOM


def test_the_same_seed_gives_the_same_folds():
    first, second = make_folds(rows(), SPEC), make_folds(rows(), SPEC)
    assert all(np.array_equal(a, c) and np.array_equal(b, d) for (a, b), (c, d) in zip(first, second, strict=True))
    other = make_folds(rows(), replace(SPEC, seed=1))
    assert not all(np.array_equal(a, c) for (a, _), (c, _) in zip(first, other, strict=True))


def measured(estimator=None, spec=SPEC, data=None):
    return measure_training(lambda: estimator or LogisticRegression(), data or rows(), spec, kinds={"a": "number"})


def test_a_report_survives_encoding():
    report = measured().report
    assert decode(TrainingReport, encode(report)) == report


def test_a_constant_model_scores_as_the_dummy_and_importance_is_nothing():
    report = measured(DummyClassifier(strategy="prior")).report
    auc, accuracy = report.metrics
    assert auc.mean == auc.dummy == 0.5
    assert accuracy.mean == pytest.approx(accuracy.dummy, abs=0.05)
    assert {each.mean for each in report.importance} == {0.0}


def test_the_feature_that_matters_is_the_most_important_one():
    importance = measured().report.importance
    assert importance[0].feature == "a"
    assert importance[0].mean > 0.1 > abs(importance[1].mean)


def test_the_interval_is_the_corrected_resampled_t():
    metric = measured().report.metrics[1]
    values, ratio, t = np.array(metric.folds), 1 / 4, 2.7764451051977987
    half = t * np.sqrt((1 / 5 + ratio) * values.var(ddof=1))
    assert metric.high - metric.mean == pytest.approx(half, rel=0.05)
    assert metric.mean - metric.low == pytest.approx(metric.high - metric.mean)


def test_curves_start_and_end_where_curves_do():
    data = rows()
    results = cross_validate(
        lambda part: LogisticRegression().fit(part.features, part.target), data, make_folds(data, SPEC), SPEC
    )
    roc, calibration = measure_roc(results), measure_calibration(results)
    assert (roc.x[0], roc.y[0], roc.x[-1], roc.y[-1]) == (0, 0, 1, 1)
    assert list(roc.x) == sorted(roc.x)
    assert sum(calibration.rows) == 240
    assert list(calibration.x) == sorted(calibration.x)


def test_without_two_groups_nothing_is_held_out_and_nothing_is_claimed():
    data = replace(rows(), groups=np.zeros(240, dtype=np.intp))
    report = measured(data=data).report
    assert report.folds == 0
    assert report.metrics[0].mean is None
    assert report.roc is None
    assert report.importance == ()


def test_an_estimator_that_gets_predict_by_its_fit_is_one():
    stack = StackingClassifier([("tree", DecisionTreeClassifier())])
    assert not hasattr(stack, "predict")
    assert build_estimator(lambda: stack, {}, SPEC) is stack


def test_open_random_states_are_seeded_and_set_ones_are_kept():
    spec = replace(SPEC, seed=7)
    assert build_estimator(DecisionTreeClassifier, {}, spec).get_params()["random_state"] == 7
    kept = build_estimator(lambda: DecisionTreeClassifier(random_state=3), {}, spec)
    assert kept.get_params()["random_state"] == 3


@pytest.mark.parametrize("kind", list(SearchKind))
def test_a_search_finds_the_depth_that_the_data_have(kind):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=600), "b": rng.normal(size=600)})
    frame = frame.assign(y=((frame.a > 0) ^ (frame.b > 0)).astype(int), g=range(600), t=0)
    search = Search(space={"max_depth": (1, 4)}, kind=kind, iterations=2)
    spec = replace(SPEC, search=search)
    _, result = fit_best(DecisionTreeClassifier(random_state=0), training_data(frame, spec, name="xor"), spec)
    assert result.best == {"max_depth": 4}
    assert result.tried == 2
    assert result.score > 0.8


def test_a_search_for_a_metric_where_lower_is_better_reports_it_as_it_is():
    search = Search(space={"C": (1e-6, 1.0)})
    spec = replace(SPEC, metrics={"log_loss": Direction.LOWER}, search=search)
    _, result = fit_best(LogisticRegression(), rows(), spec)
    assert result.best == {"C": 1.0}
    assert 0 < result.score < 0.69


def test_a_search_over_a_parameter_that_does_not_exist_names_it():
    spec = replace(SPEC, search=Search(space={"depth": (1, 2)}))
    with pytest.raises(BadInputError, match="no parameter 'depth'"):
        fit_best(DecisionTreeClassifier(), rows(), spec)


class Keeps:
    """Answers that can be made to differ."""

    def __init__(self, labels, scores=None):
        self._labels, self._scores = np.asarray(labels), scores

    def predict(self, frame):
        return self._labels

    def scores(self, frame):
        return None if self._scores is None else np.asarray(self._scores)


@pytest.mark.parametrize(
    ("model", "difference"),
    [
        (Keeps([0, 1], [0.2, 0.8]), 0.0),
        (Keeps([0, 1], [0.2, 0.9]), pytest.approx(0.1)),
        (Keeps([1, 1], [0.2, 0.8]), 1.0),
        (Keeps([0, 1]), 1.0),
        (Keeps([0, 1], [0.2, np.nan]), 1.0),
    ],
)
def test_symmetry_is_the_largest_difference_of_any_answer(model, difference):
    frame = pd.DataFrame({"a": [1, 2]})
    measured = measure_symmetry(model, frame, (0, 1), (0.2, 0.8))
    assert measured.max_abs_difference == difference
    assert measured.rows == 2


def test_text_labels_are_compared_as_labels():
    frame = pd.DataFrame({"a": [1, 2]})
    assert measure_symmetry(Keeps(["x", "y"]), frame, ("x", "y"), None).max_abs_difference == 0
    assert measure_symmetry(Keeps(["x", "z"]), frame, ("x", "y"), None).max_abs_difference == 1


def test_probe_rows_are_few_and_the_same_for_the_same_seed():
    features = rows().features
    assert len(probe_rows(features, seed=1)) == 50
    pd.testing.assert_frame_equal(probe_rows(features, seed=1), probe_rows(features, seed=1))
    assert len(probe_rows(features.head(3), seed=1)) == 3


class Foreign:
    """What a library outside scikit-learn offers: fit and predict, and nothing of scikit-learn's protocol."""

    def fit(self, features, target, sample_weight=None):
        self.classes_ = np.unique(target)
        self.weights = sample_weight
        return self

    def predict(self, features):
        return (features["a"].to_numpy() > 0).astype(int)[:, None]  # a column, as CatBoost answers


def test_any_estimator_with_fit_and_predict_is_trained():
    spec = replace(SPEC, metrics={"accuracy": Direction.HIGHER})
    trained = measure_training(Foreign, rows(), spec, kinds={})
    assert trained.report.metrics[0].mean > 0.6


@pytest.mark.parametrize("wrong", [object(), LinearRegression(), Foreign], ids=["nothing", "regressor", "class"])
def test_what_is_no_classifier_is_refused_by_name(wrong):
    with pytest.raises(BadInputError, match="not a classifier with fit and predict"):
        build_estimator(lambda: wrong, {}, SPEC)


def test_a_category_keeps_its_type_while_it_is_shuffled():
    class TypeBound(LogisticRegression):
        def fit(self, features, target, sample_weight=None):
            self.seen_ = features.dtypes
            return super().fit(features[["a"]], target)

        def predict(self, features):
            assert (features.dtypes == self.seen_).all()
            return super().predict(features[["a"]])

        def predict_proba(self, features):
            assert (features.dtypes == self.seen_).all()
            return super().predict_proba(features[["a"]])

    data = rows()
    features = data.features.assign(b=pd.cut(data.features.b, 3, labels=["low", "middle", "high"]))
    importance = measured(TypeBound(), data=replace(data, features=features)).report.importance
    assert importance[0].feature == "a"
    assert {each.feature: each.mean for each in importance}["b"] == 0


def test_importance_of_a_wide_table_asks_the_model_a_bounded_number_of_times():
    calls = []

    class Counting(LogisticRegression):
        def predict_proba(self, features):
            calls.append(len(features))
            return super().predict_proba(features)

    rng = np.random.default_rng(0)
    names = tuple(f"f{i}" for i in range(400))
    frame = pd.DataFrame(rng.normal(size=(300, 400)), columns=list(names))
    frame["y"] = (frame.f0 + rng.normal(size=300) > 0).astype(int)
    spec = replace(SPEC, features=names, group_column=None, time_column=None, metrics={"roc_auc": Direction.HIGHER})
    report = measure_training(Counting, training_data(frame, spec, name="wide"), spec, kinds={}).report
    assert report.importance[0].feature == "f0"
    assert len(calls) < 100  # one call for each feature, repeat and fold would be 6,000
    assert sum(calls) <= MAX_SHUFFLED_ROWS + 5 * 300


@pytest.mark.parametrize("estimator", [LinearSVC(), RidgeClassifier(), SGDClassifier()], ids=str)
def test_the_area_of_a_classifier_without_probabilities_comes_from_its_decision_function(estimator):
    spec = replace(SPEC, metrics={"roc_auc": Direction.HIGHER, "average_precision": Direction.HIGHER})
    report = measured(estimator, spec).report
    assert report.metrics[0].mean > 0.7
    assert report.roc is not None
    assert report.calibration is None
    _, result = fit_best(estimator, rows(), replace(spec, search=Search(space={"fit_intercept": (True, False)})))
    assert result.score > 0.7


def test_weights_of_rows_reach_the_fit_of_a_pipeline_and_of_a_search():
    frame = pd.DataFrame({"a": [0.0, 0.0, 1.0, 1.0] * 30, "b": 0.0, "y": [0, 1, 1, 0] * 30, "w": [9, 1, 9, 1] * 30})
    spec = replace(SPEC, weight_column="w", group_column=None, time_column=None)
    data = training_data(frame, spec, name="toy")
    for search in (None, Search(space={"logisticregression__C": (1.0,)})):
        fitted, _ = fit_best(make_pipeline(StandardScaler(), LogisticRegression()), data, replace(spec, search=search))
        assert fitted.predict_proba(frame[["a", "b"]])[2, 1] > 0.8
    unweighted = fit_best(LogisticRegression(), replace(data, weights=None), spec)[0]
    assert unweighted.predict_proba(frame[["a", "b"]])[2, 1] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("weights", "words"),
    [([-1.0], "negative"), ([float("nan")], "missing"), (["x"], "numbers"), ([0], "0 in every row")],
)
def test_weights_that_are_none_are_refused_by_column(weights, words):
    frame = pd.DataFrame({"a": [0.0, 1.0], "b": 0.0, "y": [0, 1], "w": weights * 2})
    spec = replace(SPEC, weight_column="w", group_column=None, time_column=None)
    with pytest.raises(BadInputError, match=f"weight column 'w'.*{words}"):
        training_data(frame, spec, name="toy")


def times_of(texts):
    frame = pd.DataFrame({"a": 0.5, "b": 0.0, "y": [0, 1] * (len(texts) // 2), "g": 1, "t": texts})
    return training_data(frame, SPEC, name="toy").times.tolist()


def test_times_in_text_are_ordered_as_times():
    assert times_of(["2026-01-02T00:30:00+02:00", "2026-01-01T23:00:00Z"]) == [0, 1]
    assert times_of(["1999", "2026"]) == [0, 1]
    assert times_of([9, 10]) == [0, 1]


@pytest.mark.parametrize("texts", [["9", "10"], ["31.12.2025", "02.01.2026"], ["week 9", "week 10"]])
def test_text_that_is_no_time_is_refused_by_column(texts):
    with pytest.raises(BadInputError, match="time column 't' is text that is no time of ISO 8601"):
        times_of(texts)
