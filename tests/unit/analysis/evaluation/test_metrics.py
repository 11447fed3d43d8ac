"""Metrics equal scikit-learn's on any rows, and their influence gives the spread that resampling whole rows gives."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.analysis.evaluation import measure_evaluation
from airflow_mlops_provider.analysis.evaluation.comparison import compare, estimate
from airflow_mlops_provider.analysis.evaluation.metrics import METRICS, Predictions, find_metric, majority_or_mean
from airflow_mlops_provider.decisions.evaluation import EvaluationPolicy, judge_evaluation
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.model_spec import Task
from airflow_mlops_provider.records.verdict import Status

ROWS = 1500


def scored(seed: int = 0, rows: int = ROWS, step: float = 0.0) -> Predictions:
    rng = np.random.default_rng(seed)
    truth = (rng.random(rows) < 0.2).astype(int)
    scores = 1 / (1 + np.exp(-(rng.normal(size=rows) + 1.5 * truth - 1)))
    scores = np.round(scores / step) * step if step else scores
    return Predictions(
        task=Task.CLASSIFICATION, truth=truth, predicted=(scores > 0.5).astype(int), scores=scores, classes=(0, 1)
    )


def valued(seed: int = 0) -> Predictions:
    rng = np.random.default_rng(seed)
    truth = rng.gamma(2, 10, ROWS)
    return Predictions(task=Task.REGRESSION, truth=truth, predicted=truth * rng.lognormal(0, 0.3, ROWS))


@given(
    truth=st.lists(st.integers(0, 1), min_size=4, max_size=40).filter(lambda t: 0 < sum(t) < len(t)),
    seed=st.integers(0, 2**16),
)
def test_average_precision_equals_scikit_learns_with_ties(truth: list[int], seed: int) -> None:
    scores = np.random.default_rng(seed).integers(0, 5, len(truth)) / 4
    p = Predictions(task=Task.CLASSIFICATION, truth=np.array(truth), scores=scores, classes=(0, 1))
    assert METRICS["average_precision"].of(p) == pytest.approx(sk.average_precision_score(truth, scores))


@given(
    pairs=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=40).filter(
        lambda pairs: len({*sum(pairs, ())}) > 1
    ),
)
def test_correlation_and_balanced_accuracy_equal_scikit_learns_on_any_classes(pairs: list[tuple[int, int]]) -> None:
    truth, said = (np.array(side) for side in zip(*pairs, strict=True))
    p = Predictions(task=Task.CLASSIFICATION, truth=truth, predicted=said, classes=(0, 1, 2, 3))
    assert METRICS["mcc"].of(p) == pytest.approx(sk.matthews_corrcoef(truth, said), abs=1e-12)
    recalls = [np.mean(said[truth == code] == code) for code in np.unique(truth)]
    assert METRICS["balanced_accuracy"].of(p) == pytest.approx(np.mean(recalls))


@pytest.mark.parametrize("percent", [10, 50, 95])
def test_the_pinball_loss_of_any_quantile_equals_scikit_learns(percent: int) -> None:
    p = valued()
    loss = find_metric(f"pinball_{percent}")
    assert loss.of(p) == pytest.approx(sk.mean_pinball_loss(p.truth, p.predicted, alpha=percent / 100))
    best = majority_or_mean(p, loss)
    assert all(loss.of(best) <= loss.of(majority_or_mean(p, METRICS[name])) for name in ("mae", "rmse"))


@pytest.mark.parametrize("name", ["pinball_0", "pinball_100", "pinball_x"])
def test_a_quantile_that_there_is_not_is_refused_by_name(name: str) -> None:
    with pytest.raises(BadInputError, match=name):
        find_metric(name)


@pytest.mark.parametrize(
    ("name", "make"),
    [("average_precision", scored), ("median_absolute_error", valued), ("mcc", scored), ("balanced_accuracy", scored)],
)
def test_the_interval_is_as_wide_as_resampling_whole_rows_makes_it(name: str, make) -> None:
    metric, p, rng = METRICS[name], make(), np.random.default_rng(7)
    plain = [metric.of(p.at(rng.integers(0, ROWS, ROWS))) for _ in range(400)]
    low, high = np.quantile(plain, [0.025, 0.975])
    found = estimate(metric, p)
    assert found.high - found.low == pytest.approx(high - low, rel=0.2)
    assert found.low <= found.value <= found.high


@pytest.mark.parametrize("name", ["average_precision", "balanced_accuracy", "mcc"])
def test_a_better_ranking_is_a_gain_and_the_same_one_is_none(name: str) -> None:
    better, worse = scored(), scored(step=0.5)
    assert compare(METRICS[name], better, better, name="champion").gain == 0
    if name == "average_precision":
        found = compare(METRICS[name], better, worse, name="champion")
        assert found.gain > 0
        assert found.p_value < 0.01


def test_logarithms_of_values_at_or_below_minus_one_leave_the_metric_out() -> None:
    p = Predictions(task=Task.REGRESSION, truth=np.array([1.0, 2.0]), predicted=np.array([-1.5, 2.0]))
    assert not METRICS["rmsle"].applies_to(p)


def test_values_of_a_decision_function_have_an_area_and_no_log_loss() -> None:
    p = Predictions(
        task=Task.CLASSIFICATION,
        truth=np.array([0, 1, 1, 0]),
        scores=np.array([0.1, 0.9, 0.8, 0.2]),
        classes=(0, 1),
        has_probabilities=False,
    )
    assert METRICS["roc_auc"].applies_to(p)
    assert not METRICS["log_loss"].applies_to(p)
    assert not METRICS["brier"].applies_to(p)


@pytest.mark.parametrize("name", ["recall", "precision", "f1", "roc_auc", "average_precision", "log_loss", "brier"])
def test_a_metric_speaks_of_the_class_that_is_named_positive(name: str) -> None:
    random = np.random.default_rng(4)
    truth = (random.random(ROWS) < 0.3).astype(int)
    scores = np.clip(truth * 0.3 + random.random(ROWS) * 0.7, 0, 1)
    said = Predictions(
        task=Task.CLASSIFICATION,
        truth=truth,
        predicted=(scores > 0.6).astype(int),
        scores=scores,
        classes=("left", "stayed"),
    )
    left, known = said.with_positive("left"), {"left": 1 - truth, "scores": 1 - scores, "said": (scores <= 0.6)}
    expected = {
        "recall": sk.recall_score(known["left"], known["said"]),
        "precision": sk.precision_score(known["left"], known["said"]),
        "f1": sk.f1_score(known["left"], known["said"]),
        "roc_auc": sk.roc_auc_score(known["left"], known["scores"]),
        "average_precision": sk.average_precision_score(known["left"], known["scores"]),
        "log_loss": sk.log_loss(known["left"], known["scores"]),
        "brier": sk.brier_score_loss(known["left"], known["scores"]),
    }
    assert METRICS[name].of(left) == pytest.approx(expected[name])
    assert (said.positive_class, left.positive_class, left.with_positive("left")) == ("stayed", "left", left)


def test_a_positive_class_that_there_is_not_is_refused_and_a_third_class_leaves_none() -> None:
    said = Predictions(
        task=Task.CLASSIFICATION, truth=np.array([0, 1]), predicted=np.array([0, -1]), classes=("a", "b")
    )
    with pytest.raises(BadInputError, match="positive_class 'c' is none of the classes"):
        said.with_positive("c")
    assert said.with_positive("a").predicted.tolist() == [1, -1]
    three = Predictions(task=Task.CLASSIFICATION, truth=np.array([0, 2]), classes=("a", "b", "c")).with_positive("a")
    assert (three.classes, three.positive_class) == (("a", "b", "c"), None)


def _with_recall(share: float, false_positives: float) -> Predictions:
    """4,000 rows, a tenth of them positive."""
    truth = np.repeat([0, 1], [3600, 400])
    said = np.concatenate([np.arange(3600) < 3600 * false_positives, np.arange(400) < 400 * share]).astype(int)
    return Predictions(task=Task.CLASSIFICATION, truth=truth, predicted=said, classes=(0, 1))


def test_a_declared_metric_that_fell_is_noticed_although_the_deciding_one_rose() -> None:
    candidate, champion = _with_recall(0.20, 0.0), _with_recall(0.79, 0.08)
    report = measure_evaluation(
        candidate,
        champion,
        metric=METRICS["accuracy"],
        declared=[METRICS[each] for each in ("accuracy", "recall", "f1")],
    )
    verdict = judge_evaluation(report, EvaluationPolicy())
    assert report.against_champion.gain == pytest.approx(0.013)
    assert verdict.status is Status.NOTICE
    noticed = {f.measure: f.detail for f in verdict.of_status(Status.NOTICE)}
    assert noticed["recall_gain_upper_bound"].startswith("recall got worse, 0.2 against 0.79 of the champion")
    assert set(noticed) == {"recall_gain_upper_bound", "f1_gain_upper_bound"}
    assert "the candidate may be promoted, though recall got worse" in verdict.summary


def test_equal_models_are_seldom_said_to_have_got_worse_in_one_of_five_metrics() -> None:
    declared = [METRICS[name] for name in ("accuracy", "recall", "precision", "f1", "balanced_accuracy")]
    noticed, random = 0, np.random.default_rng(11)
    for _ in range(60):
        truth = random.integers(0, 2, 400)
        ours, theirs = (np.where(random.random(400) < 0.8, truth, 1 - truth) for _ in range(2))
        both = [
            Predictions(task=Task.CLASSIFICATION, truth=truth, predicted=said, classes=(0, 1))
            for said in (ours, theirs)
        ]
        report = measure_evaluation(*both, metric=METRICS["accuracy"], declared=declared)
        found = judge_evaluation(report, EvaluationPolicy()).of_status(Status.NOTICE)
        noticed += any(finding.measure.endswith("_gain_upper_bound") for finding in found)
    # 9 of 60 would contradict 5 % at the one-sided 95 % bound only from 7 on.
    assert noticed <= 6
