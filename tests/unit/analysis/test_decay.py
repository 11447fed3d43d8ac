from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from airflow_mlops_provider.analysis.decay import (
    BASELINE_WINDOWS,
    measure_decay,
    window_of_proportion,
    window_of_rows,
)
from airflow_mlops_provider.analysis.evaluation.metrics import METRICS, Predictions
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.model_spec import Task
from airflow_mlops_provider.records.reports.decay import WindowMetric


def shares(*values: float, rows: int = 1000) -> list[WindowMetric]:
    return [window_of_proportion(f"w{at}", value, rows) for at, value in enumerate(values)]


def measured(*values: float, error: float = 0.1) -> list[WindowMetric]:
    return [
        WindowMetric(window=f"w{at}", rows=500, value=value, std_error=error, is_proportion=False)
        for at, value in enumerate(values)
    ]


def test_a_proportion_is_compared_by_counts() -> None:
    report = measure_decay("accuracy", Direction.HIGHER, shares(0.8, 0.75))
    pooled = 0.775
    z = 0.05 / math.sqrt(pooled * (1 - pooled) * 2 / 1000)
    assert report.p_value == pytest.approx(stats.norm.sf(z))
    assert report.drop == pytest.approx(0.05)
    assert report.between is None
    assert report.cusum is None


def test_a_metric_with_standard_errors_is_compared_by_both_of_them() -> None:
    report = measure_decay("rmse", Direction.LOWER, measured(1.0, 1.3))
    assert report.p_value == pytest.approx(stats.norm.sf(0.3 / math.sqrt(0.02)))
    assert report.drop == pytest.approx(0.3)


@given(st.floats(0, 1), st.floats(0, 1))
def test_what_is_worse_one_way_is_better_the_other(before: float, now: float) -> None:
    higher = measure_decay("accuracy", Direction.HIGHER, shares(before, now))
    lower = measure_decay("fpr", Direction.LOWER, shares(before, now))
    assert higher.drop == -lower.drop
    assert 0 <= higher.p_value <= 1


def test_windows_that_differ_by_themselves_weaken_the_test() -> None:
    rng = np.random.default_rng(0)
    uneven = shares(*np.clip(rng.normal(0.8, 0.03, BASELINE_WINDOWS), 0, 1), 0.75, rows=5000)
    even = shares(*([0.8] * BASELINE_WINDOWS), 0.75, rows=5000)
    noisy, still = (measure_decay("accuracy", Direction.HIGHER, windows) for windows in (uneven, even))
    assert noisy.between == pytest.approx(0.03, rel=0.4)
    assert still.between == 0
    assert noisy.p_value > 100 * still.p_value


def test_the_cumulative_sum_is_pages() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(0.8, 0.01, 50)
    values[40:] -= 0.015
    report = measure_decay("accuracy", Direction.HIGHER, shares(*values, rows=10_000))
    baseline, score = values[:BASELINE_WINDOWS], 0.0
    spread = max(baseline.std(ddof=1), np.sqrt(np.mean(baseline * (1 - baseline) / 10_000)))
    for value in values[BASELINE_WINDOWS:]:
        score = max(0.0, score + (baseline.mean() - value) / spread - 0.5)
    assert report.cusum is not None
    assert report.cusum.score == pytest.approx(score)
    assert report.cusum.since in {f"w{at}" for at in range(38, 43)}
    assert report.cusum.drop == pytest.approx(0.015, abs=0.006)


def test_a_metric_that_never_moved_gives_finite_numbers() -> None:
    report = measure_decay("accuracy", Direction.HIGHER, shares(*([1.0] * 40), 0.9))
    assert report.cusum is not None
    assert math.isfinite(report.cusum.score)
    assert report.cusum.score > 5
    same = measure_decay("accuracy", Direction.HIGHER, shares(*([1.0] * 41)))
    assert same.cusum is not None
    assert (same.cusum.score, same.cusum.since, same.p_value) == (0.0, "", 1.0)


def test_windows_without_any_error_differ_or_do_not() -> None:
    assert measure_decay("x", Direction.HIGHER, measured(1.0, 0.9, error=0.0)).p_value == 0
    assert measure_decay("x", Direction.HIGHER, measured(1.0, 1.0, error=0.0)).p_value == 1


def answers(rows: int, right: float = 0.8, seed: int = 0) -> Predictions:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, rows)
    predicted = np.where(rng.random(rows) < right, truth, 1 - truth)
    return Predictions(
        task=Task.CLASSIFICATION,
        truth=truth,
        predicted=predicted,
        scores=np.clip(0.5 + 0.3 * (2 * predicted - 1) + rng.normal(0, 0.1, rows), 0, 1),
        classes=(0, 1),
    )


def test_rows_of_a_proportion_keep_their_counts() -> None:
    said = answers(400)
    window = window_of_rows("monday", METRICS["accuracy"], said)
    assert (window.rows, window.is_proportion) == (400, True)
    assert window.value == pytest.approx((said.predicted == said.truth).mean())
    recall = window_of_rows("monday", METRICS["recall"], said)
    assert recall.rows == int((said.truth == 1).sum())


def test_rows_of_another_metric_get_the_bootstraps_error() -> None:
    window = window_of_rows("monday", METRICS["roc_auc"], answers(400))
    assert (window.rows, window.is_proportion) == (400, False)
    assert 0.005 < window.std_error < 0.05


def test_rows_that_belong_together_count_as_one() -> None:
    said = answers(400)
    twice = Predictions(
        task=said.task,
        truth=np.repeat(said.truth, 2),
        predicted=np.repeat(said.predicted, 2),
        classes=said.classes,
    )
    single = window_of_rows("monday", METRICS["accuracy"], said)
    paired = window_of_rows("monday", METRICS["accuracy"], twice, groups=np.repeat(np.arange(400), 2))
    assert paired.std_error == pytest.approx(single.std_error, rel=0.1)
