"""Areas and medians by slice: the values are those of the slice's own rows, and fair slices are not accused."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import sklearn.metrics as sk

from airflow_mlops_provider.analysis.bias import measure_bias
from airflow_mlops_provider.analysis.bias.columns import plan_slices
from airflow_mlops_provider.analysis.bias.influence import influence_contrasts
from airflow_mlops_provider.analysis.evaluation.metrics import SLICE_METRICS, Predictions
from airflow_mlops_provider.records.model_spec import Task

ROWS = 2000


def scored(seed: int, lift: float = 0.0) -> tuple[Predictions, np.ndarray]:
    """Scores that separate the classes, by ``lift`` better outside of slice 0 than inside."""
    rng = np.random.default_rng(seed)
    slices, truth = rng.integers(0, 4, ROWS), (rng.random(ROWS) < 0.3).astype(int)
    scores = rng.normal(size=ROWS) + truth * np.where(slices == 0, 1.2, 1.2 + lift)
    return Predictions(task=Task.CLASSIFICATION, truth=truth, scores=scores, classes=(0, 1)), slices


def valued(seed: int) -> tuple[Predictions, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth, slices = rng.normal(size=ROWS), rng.integers(0, 4, ROWS)
    return Predictions(task=Task.REGRESSION, truth=truth, predicted=truth + rng.normal(size=ROWS)), slices


@pytest.mark.parametrize(
    ("name", "make", "reference"),
    [
        ("average_precision", scored, lambda p, rows: sk.average_precision_score(p.truth[rows], p.scores[rows])),
        ("median_absolute_error", valued, lambda p, rows: np.median(np.abs(p.predicted - p.truth)[rows])),
    ],
)
def test_a_slices_value_is_that_of_its_own_rows(name, make, reference) -> None:
    p, slices = make(0)
    table = pa.table({"s": slices})
    report = measure_bias(lambda: table, plan_slices(["s"], 1), p, SLICE_METRICS[name])
    assert report.value == pytest.approx(reference(p, slices >= 0))
    for piece in report.slices:
        inside = slices == int(piece.subject.partition("=")[2])
        assert piece.value == pytest.approx(reference(p, inside))
        assert piece.rest_value == pytest.approx(reference(p, ~inside))
        assert piece.low < piece.value < piece.high


@pytest.mark.parametrize(("name", "make"), [("average_precision", scored), ("median_absolute_error", valued)])
def test_a_fair_slice_is_accused_as_rarely_as_the_level_says(name, make) -> None:
    accused = 0
    for seed in range(200):
        p, slices = make(seed)
        accused += float(influence_contrasts(SLICE_METRICS[name], p, [slices == 0], None).p_values[0]) < 0.05
    assert accused <= 18  # of 200 at 5 %: more happen by chance once in about 100 times


def test_a_slice_that_is_served_worse_is_found() -> None:
    p, slices = scored(1, lift=1.5)
    found = influence_contrasts(SLICE_METRICS["average_precision"], p, [slices == 0], None)
    assert found.p_values[0] < 1e-4


def test_rows_of_a_group_count_as_one() -> None:
    p, slices = scored(2, lift=0.3)
    twice = p.at(np.repeat(np.arange(ROWS), 2))
    inside, groups = np.repeat(slices == 0, 2), np.repeat(np.arange(ROWS), 2)
    metric = SLICE_METRICS["average_precision"]
    once = influence_contrasts(metric, p, [slices == 0], None).p_values[0]
    assert influence_contrasts(metric, twice, [inside], groups).p_values[0] == pytest.approx(once, rel=0.05)


def test_a_slice_of_one_class_has_no_value() -> None:
    p, _ = scored(3)
    assert np.isnan(influence_contrasts(SLICE_METRICS["average_precision"], p, [p.truth == 0], None).values[0])
