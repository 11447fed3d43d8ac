from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from airflow_mlops_provider.analysis.evaluation import measure_evaluation
from airflow_mlops_provider.analysis.evaluation.comparison import compare, estimate, estimate_all
from airflow_mlops_provider.analysis.evaluation.latency import check_invariants, measure_latency
from airflow_mlops_provider.analysis.evaluation.metrics import METRICS, Predictions, find_metric
from airflow_mlops_provider.analysis.evaluation.predictions import (
    from_model_output,
    read_prediction_table,
    recognise_task,
)
from airflow_mlops_provider.decisions.evaluation import EvaluationPolicy, judge_evaluation
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import decode, encode
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.model_spec import Task
from airflow_mlops_provider.records.reports.evaluation import EvaluationReport
from airflow_mlops_provider.records.verdict import Status

RNG = np.random.default_rng(11)
N = 800


def binary(noise: float = 0.8, seed: int = 0) -> Predictions:
    rng = np.random.default_rng(seed)
    truth = (np.arange(N) % 3 == 0).astype(int)
    scores = 1 / (1 + np.exp(-(2 * truth - 1 + rng.normal(0, noise, N))))
    return Predictions(
        task=Task.CLASSIFICATION,
        truth=truth,
        predicted=(scores >= 0.5).astype(int),
        scores=scores,
        classes=("no", "yes"),
    )


def three_classes() -> Predictions:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, N)
    scores = rng.dirichlet([1, 1, 1], N) + np.eye(3)[truth] * 0.6
    scores /= scores.sum(axis=1, keepdims=True)
    return Predictions(
        task=Task.CLASSIFICATION, truth=truth, predicted=scores.argmax(1), scores=scores, classes=("a", "b", "c")
    )


def regression(noise: float = 1.0) -> Predictions:
    truth = RNG.normal(10, 3, N)
    return Predictions(task=Task.REGRESSION, truth=truth, predicted=truth + RNG.normal(0, noise, N))


def by_name(predictions: Predictions) -> dict[str, float]:
    return {each.name: each.value for each in estimate_all(predictions)}


def test_metrics_of_two_classes_equal_scikit_learn() -> None:
    p = binary()
    assert by_name(p) == pytest.approx(
        {
            "accuracy": sk.accuracy_score(p.truth, p.predicted),
            "precision": sk.precision_score(p.truth, p.predicted),
            "recall": sk.recall_score(p.truth, p.predicted),
            "f1": sk.f1_score(p.truth, p.predicted),
            "roc_auc": sk.roc_auc_score(p.truth, p.scores),
            "log_loss": sk.log_loss(p.truth, p.scores),
            "brier": sk.brier_score_loss(p.truth, p.scores),
            "average_precision": sk.average_precision_score(p.truth, p.scores),
            "balanced_accuracy": sk.balanced_accuracy_score(p.truth, p.predicted),
            "mcc": sk.matthews_corrcoef(p.truth, p.predicted),
        }
    )


def test_metrics_of_three_classes_equal_scikit_learns_macro_average() -> None:
    p = three_classes()
    found = by_name(p)
    for name, score in (("precision", sk.precision_score), ("recall", sk.recall_score), ("f1", sk.f1_score)):
        assert found[name] == pytest.approx(score(p.truth, p.predicted, average="macro"))
    assert found["roc_auc"] == pytest.approx(sk.roc_auc_score(p.truth, p.scores, multi_class="ovr"))
    assert found["log_loss"] == pytest.approx(sk.log_loss(p.truth, p.scores))
    assert found["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(p.truth, p.predicted))
    assert found["mcc"] == pytest.approx(sk.matthews_corrcoef(p.truth, p.predicted))
    one_hot = np.eye(3)[p.truth]
    assert found["average_precision"] == pytest.approx(sk.average_precision_score(one_hot, p.scores, average="macro"))


def test_metrics_of_regression_equal_scikit_learn() -> None:
    p = regression()
    assert by_name(p) == pytest.approx(
        {
            "rmse": sk.root_mean_squared_error(p.truth, p.predicted),
            "mae": sk.mean_absolute_error(p.truth, p.predicted),
            "r2": sk.r2_score(p.truth, p.predicted),
            "median_absolute_error": sk.median_absolute_error(p.truth, p.predicted),
            "mape": sk.mean_absolute_percentage_error(p.truth, p.predicted),
            "rmsle": sk.root_mean_squared_log_error(p.truth, p.predicted),
        }
    )


def test_every_interval_holds_its_estimate_and_every_metric_says_which_way_is_better() -> None:
    for p in (binary(), three_classes(), regression()):
        for each in estimate_all(p):
            assert each.low <= each.value <= each.high
            assert each.direction is METRICS[each.name].direction
    assert METRICS["rmse"].direction is Direction.LOWER


def test_intervals_are_wider_when_rows_of_a_group_repeat_each_other() -> None:
    p = binary()
    groups = np.repeat(np.arange(N // 8), 8)
    same = Predictions(
        task=p.task,
        truth=np.repeat(p.truth[: N // 8], 8),
        predicted=np.repeat(p.predicted[: N // 8], 8),
        scores=np.repeat(p.scores[: N // 8], 8),
        classes=p.classes,
    )
    for name in ("accuracy", "roc_auc", "f1"):
        rows, together = (estimate(METRICS[name], same, groups=g) for g in (None, groups))
        assert together.high - together.low > 2 * (rows.high - rows.low), name
        assert together.method == "group bootstrap"


@pytest.mark.parametrize("name", ["accuracy", "roc_auc", "f1", "log_loss", "brier"])
def test_a_gain_is_positive_when_the_candidate_is_better_in_either_direction(name: str) -> None:
    good, bad = binary(0.6), binary(2.5, seed=1)
    better = compare(METRICS[name], good, bad, name="champion")
    worse = compare(METRICS[name], bad, good, name="champion")
    assert better.gain > 0 > worse.gain
    assert better.gain == pytest.approx(-worse.gain)
    assert better.p_value < 0.01 < 0.9 < worse.p_value
    assert better.bound(0.05).lower > 0 > worse.bound(0.05).upper


def test_bounds_are_ordered_by_how_strict_they_are() -> None:
    found = compare(METRICS["accuracy"], binary(0.6), binary(1.5, seed=1), name="champion", alphas=[0.02])
    lowers = [bound.lower for bound in found.bounds]
    assert lowers == sorted(lowers)
    assert 0.02 in [bound.alpha for bound in found.bounds]
    assert found.bound(0.03).alpha == 0.025


@pytest.mark.parametrize("name", ["accuracy", "f1", "brier"])
def test_a_bound_beyond_the_draws_is_no_nearer_than_the_normal_one(name: str) -> None:
    metric, alpha = METRICS[name], 0.05 / 100_000
    found = compare(metric, binary(0.6), binary(1.5, seed=1), name="champion", alphas=[alpha])
    error = (found.gain - found.bound(0.025).lower) / 1.96
    reach = -NormalDist().inv_cdf(alpha)
    assert found.bound(alpha).lower < found.gain - 0.9 * reach * error
    assert found.bound(alpha).upper > found.gain + 0.9 * reach * error
    assert "Student's t" in found.method
    assert "Student's t" not in compare(metric, binary(0.6), binary(1.5, seed=1), name="champion").method


def test_a_clear_gain_has_a_p_value_that_the_number_of_draws_does_not_limit() -> None:
    found = measure_evaluation(regression(), metric=METRICS["rmse"], alpha=0.05 / 10_000)
    assert found.against_dummy is not None
    assert 0 <= found.against_dummy.p_value < 0.05 / 10_000
    policy = EvaluationPolicy(challengers=10_000, min_rows=1)
    assert judge_evaluation(found, policy).status is Status.PASS


def test_a_model_compared_with_itself_gains_nothing() -> None:
    for p in (binary(), regression()):
        for name, metric in METRICS.items():
            if metric.applies_to(p):
                same = compare(metric, p, p, name="champion")
                assert (same.gain, same.bound(0.05).lower, same.bound(0.05).upper) == (0, 0, 0), name
                assert same.p_value >= 0.5
                assert math.copysign(1, same.gain) == 1


def test_the_dummy_of_an_area_is_one_half_and_of_r2_is_zero() -> None:
    area = measure_evaluation(binary(), metric=METRICS["roc_auc"]).against_dummy
    r2 = measure_evaluation(regression(), metric=METRICS["r2"]).against_dummy
    assert area is not None
    assert r2 is not None
    assert area.other_value == 0.5
    assert r2.other_value == pytest.approx(0)


def test_a_perfect_ranking_of_five_rows_does_not_beat_the_dummy_for_certain() -> None:
    p = Predictions(
        task=Task.CLASSIFICATION,
        truth=np.array([0, 0, 1, 1, 1]),
        scores=np.array([0.1, 0.2, 0.3, 0.4, 0.5]),
        classes=(0, 1),
    )
    found = measure_evaluation(p, metric=METRICS["roc_auc"]).against_dummy
    assert found is not None
    assert found.p_value == pytest.approx(0.1)


def test_a_report_survives_json() -> None:
    p = binary()
    report = measure_evaluation(p, binary(seed=3), metric=METRICS["accuracy"], groups=np.arange(N) // 4)
    assert decode(EvaluationReport, encode(report)) == report
    assert report.groups == N // 4


TABLE = pd.DataFrame(
    {
        "y": [0, 1, 1, 0, 1, 0],
        "label": [0, 1, 0, 0, 1, 1],
        "score": [0.1, 0.8, 0.4, 0.3, 0.9, 0.6],
        "logit": [-2.0, 1.5, -0.1, -1.0, 3.0, 0.2],
        "text": ["no", "yes", "no", "no", "yes", "yes"],
        "target": ["no", "yes", "yes", "no", "yes", "no"],
        "value": [0.5, 1.25, 7.0, 3.5, 2.0, 9.0],
        "one": [1, 1, 1, 1, 1, 1],
    }
)


def read(**spec) -> object:
    return read_prediction_table(TABLE, **spec)


def test_the_metric_decides_whether_a_column_holds_scores_or_classes() -> None:
    assert read(label="y", columns=["score"]).metric.name == "roc_auc"
    assert read(label="y", columns=["label"]).metric.name == "accuracy"
    assert read(label="value", columns=["score"], task=Task.REGRESSION).metric.name == "rmse"
    as_scores = read(label="y", columns=["label"], metric="roc_auc").models[0]
    assert as_scores.scores is not None
    cut = read(label="y", columns=["score"], metric="accuracy")
    assert cut.models[0].predicted.tolist() == [0, 1, 0, 0, 1, 1]
    assert "0.5 and above" in " ".join(cut.notes)


def test_text_labels_and_their_classes_are_read() -> None:
    found = read(label="target", columns=["text"]).models[0]
    assert found.classes == ("no", "yes")
    assert METRICS["accuracy"].of(found) == pytest.approx(4 / 6)


def test_the_task_is_recognised_and_said() -> None:
    assert recognise_task(TABLE["y"], "y") is Task.CLASSIFICATION
    assert recognise_task(TABLE["target"], "t") is Task.CLASSIFICATION
    assert recognise_task(TABLE["value"], "v") is Task.REGRESSION
    assert recognise_task(pd.Series(range(21)), "v") is Task.REGRESSION
    assert "recognised" in read(label="y", columns=["label"]).notes[0]


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ({"label": "one", "columns": ["score"], "metric": "roc_auc"}, "'one' has one class only"),
        ({"label": "y", "columns": ["logit"], "metric": "brier"}, r"'logit' holds values outside \[0, 1\]"),
        ({"label": "y", "columns": ["text"], "metric": "roc_auc"}, "'text' holds"),
        ({"label": "y", "columns": ["text"]}, "'text' holds"),
        ({"label": "y", "columns": ["label"], "metric": "gini"}, "'gini' is unknown"),
        (
            {"label": "y", "columns": ["score"], "metric": "rmse", "task": Task.CLASSIFICATION},
            "'rmse' is for regression",
        ),
    ],
)
def test_bad_columns_are_refused_by_name(spec: dict, named: str) -> None:
    with pytest.raises(BadInputError, match=named):
        read(**spec)


@pytest.mark.parametrize(("column", "value"), [("y", None), ("score", math.nan), ("score", math.inf)])
def test_missing_and_infinite_values_are_refused_by_column(column: str, value: float | None) -> None:
    broken = TABLE.astype({"y": float}).copy()
    broken.loc[2, column] = value
    with pytest.raises(BadInputError, match=f"'{column}' has 1"):
        read_prediction_table(broken, label="y", columns=["score"], metric="roc_auc")


def test_an_empty_table_is_refused() -> None:
    with pytest.raises(BadInputError, match="no rows"):
        read_prediction_table(TABLE.iloc[:0], label="y", columns=["score"])


def test_a_class_that_the_model_has_never_seen_counts_as_wrong() -> None:
    truth = pd.Series(["a", "b", "c", "a"], name="y")
    found = from_model_output(
        Task.CLASSIFICATION, truth, np.array(["a", "b", "a", "b"]), np.array([0.1, 0.9, 0.2, 0.8]), ("a", "b")
    )
    assert found.classes == ("a", "b", "c")
    assert METRICS["accuracy"].of(found) == 0.5
    assert found.scores is not None
    assert found.scores.shape == (4, 3)


def test_invariants_count_what_breaks_them() -> None:
    scores = np.array([[0.5, 0.5], [0.7, 0.7], [np.nan, 0.5], [1.2, -0.2]])
    found = check_invariants(Task.CLASSIFICATION, 4, np.array([0, 1, 1, 5]), scores, (0, 1))
    assert {each.name: each.violations for each in found} == {
        "one_answer_a_row": 0,
        "known_classes": 1,
        "finite": 1,
        "probabilities_in_range": 1,
        "probabilities_sum_to_one": 1,
    }
    assert all(bool(each.detail) == bool(each.violations) for each in found)
    assert check_invariants(Task.REGRESSION, 2, np.array([1.0, np.inf]), None, ())[-1].violations == 1


def test_latency_is_measured_within_its_budget() -> None:
    found = measure_latency(
        lambda frame: frame.to_numpy().sum(axis=1), TABLE[["score", "value"]], artifact_bytes=7, budget_seconds=0.05
    )
    assert 0 < found.p50_ms <= found.p95_ms <= found.p99_ms
    assert 0 < found.batch_p50_ms <= found.batch_p95_ms <= found.batch_p99_ms
    assert found.batch_rows == len(TABLE)
    assert found.rows_per_second > 0
    assert found.artifact_bytes == 7


def test_the_peak_of_memory_is_that_of_answering() -> None:
    def wasteful(frame: pd.DataFrame) -> np.ndarray:
        return np.ones((len(frame), 20 * 131_072 // len(frame))).sum(axis=1)  # twenty megabytes, whatever the rows

    modest = measure_latency(lambda frame: frame.to_numpy().sum(axis=1), TABLE[["score", "value"]], budget_seconds=0.05)
    greedy = measure_latency(wasteful, TABLE[["score", "value"]], budget_seconds=0.05)
    assert modest.peak_memory_mb < 5
    assert 15 < greedy.peak_memory_mb < 40


def test_an_unknown_metric_lists_those_there_are() -> None:
    with pytest.raises(BadInputError, match="accuracy, precision"):
        find_metric("acuracy")
