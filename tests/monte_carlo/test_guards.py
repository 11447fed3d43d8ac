"""Error rates of limits on further metrics, on real rows: see ``test_gate`` for the population.

The candidate answers otherwise on about 8 % of the rows. The harmless one changed as many right answers as wrong ones
in each class, so that it truly has the champion's accuracy, recall and precision. The harmful one lost recall.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from airflow_mlops_provider.analysis.evaluation import measure_evaluation
from airflow_mlops_provider.analysis.evaluation.metrics import METRICS, Predictions
from airflow_mlops_provider.decisions.evaluation import EvaluationPolicy
from airflow_mlops_provider.decisions.guards import judge_guards
from airflow_mlops_provider.records.metric_limits import MetricLimits
from airflow_mlops_provider.records.verdict import Status, worst
from tests.monte_carlo.test_gate import drawn, of_accuracy

pytestmark = pytest.mark.slow

REPLICATES = {500: 400, 5_000: 200}
THREE = {name: MetricLimits(max_drop=0.02) for name in ("recall", "precision", "balanced_accuracy")}
ONE = {"recall": MetricLimits(max_drop=0.02)}
DECLARED = tuple(METRICS[name] for name in THREE)


@cache
def harmless() -> Predictions:
    return _flipped({(True, 0): 0.02, (False, 0): 0.02, (True, 1): 0.02, (False, 1): 0.02})


@cache
def harmful() -> Predictions:
    """Of the positive rows 4 in 100 more are missed."""
    champion = of_accuracy().better
    positives = (champion.truth == 1).mean()
    return _flipped({(True, 1): 0.02 + 0.04 * positives, (False, 1): 0.02, (False, 0): 0.02})


def _flipped(shares: dict[tuple[bool, int], float]) -> Predictions:
    """The champion's answers, changed on a share of all rows: those that it had right or wrong, of one class."""
    champion, random = of_accuracy().better, np.random.default_rng(3)
    said = champion.predicted.copy()
    for (is_right, truth), share in shares.items():
        rows = np.flatnonzero(((champion.predicted == champion.truth) == is_right) & (champion.truth == truth))
        chosen = random.permutation(rows)[: round(share * len(said))]
        said[chosen] = 1 - said[chosen]
    return replace(champion, predicted=said)


def statuses(candidate: Predictions, guards: dict[str, MetricLimits], rows: int) -> list[Status]:
    champion, random = of_accuracy().better, np.random.default_rng(rows)
    found, policy = [], EvaluationPolicy(guards=guards)
    for _ in range(REPLICATES[rows]):
        chosen = random.integers(0, len(champion.truth), rows)
        report = measure_evaluation(
            drawn(candidate, chosen),
            drawn(champion, chosen),
            metric=METRICS["accuracy"],
            declared=[each for each in DECLARED if each.name in guards],
            limits=guards,
            alpha=policy.alpha,
        )
        found.append(worst(each.status for each in judge_guards(report, policy)))
    return found


@pytest.mark.parametrize("rows", REPLICATES)
def test_a_harmless_candidate_is_failed_by_any_of_three_limits_at_most_5_times_in_100(rows: int) -> None:
    counted = statuses(harmless(), THREE, rows)
    print(rows, {str(each): counted.count(each) for each in Status})
    assert counted.count(Status.FAIL) <= 0.05 * len(counted)


def test_5000_rows_show_that_a_harmless_candidate_keeps_three_limits() -> None:
    counted = statuses(harmless(), THREE, 5_000)
    assert counted.count(Status.PASS) >= 0.8 * len(counted)


@pytest.mark.parametrize("rows", REPLICATES)
def test_a_candidate_that_lost_twice_the_limit_passes_at_most_5_times_in_100(rows: int) -> None:
    counted = statuses(harmful(), ONE, rows)
    print(rows, {str(each): counted.count(each) for each in Status})
    assert counted.count(Status.PASS) <= 0.05 * len(counted)
