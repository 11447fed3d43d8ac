from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.analysis.prediction import PredictionChecks, measure_shadow


def seen(predicted, probabilities=None) -> PredictionChecks:
    invariants = PredictionChecks()
    invariants.add(np.asarray(predicted), None if probabilities is None else np.asarray(probabilities, dtype=float))
    return invariants


def test_good_answers_break_nothing():
    invariants = seen([0, 1], [[0.7, 0.3], [0.4, 0.6]])
    assert (invariants.rows, invariants.not_finite, invariants.out_of_range) == (2, 0, 0)
    assert invariants.max_sum_error < 1e-12


def test_each_broken_answer_is_counted():
    assert seen([0, 1], [[np.nan, 0.3], [0.4, np.inf]]).not_finite == 2
    assert seen([0, 1], [[1.5, -0.5], [0.4, 0.6]]).out_of_range == 2
    assert seen([0, 1], [[0.5, 0.3], [0.4, 0.6]]).max_sum_error == pytest.approx(0.2)
    assert seen([1.0, np.nan, np.inf]).not_finite == 2
    assert seen(np.array(["a", None], dtype=object)).not_finite == 1


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.integers(1, 7))
def test_batches_add_up_to_the_whole(chances, size):
    whole = np.column_stack([chances, 1 - np.asarray(chances) * 0.9])
    labels = np.zeros(len(chances), dtype=int)
    together, pieces = seen(labels, whole), PredictionChecks()
    for start in range(0, len(chances), size):
        pieces.add(labels[start : start + size], whole[start : start + size])
    assert (pieces.rows, pieces.max_sum_error) == (together.rows, together.max_sum_error)


def batch(labels, scores) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"prediction": labels, "score": scores})


def test_a_shadow_agrees_with_itself_and_the_gap_is_symmetric():
    one = [batch([0, 1], [0.2, 0.8]), batch([1], [0.6])]
    two = [batch([0, 0], [0.2, 0.4]), batch([1], [0.9])]
    same = measure_shadow(one, one, is_classification=True)
    assert (same.rows, same.agreement, same.mean_abs_difference) == (3, 1.0, 0.0)
    there = measure_shadow(one, two, is_classification=True)
    assert there == measure_shadow(two, one, is_classification=True)
    assert there.agreement == pytest.approx(2 / 3)
    assert there.mean_abs_difference == pytest.approx((0.4 + 0.3) / 3)


def test_a_shadow_without_scores_is_compared_by_its_classes():
    plain = [pa.RecordBatch.from_pydict({"prediction": ["x", "y"]})]
    found = measure_shadow(
        [pa.RecordBatch.from_pydict({"prediction": ["x", "x"], "score": [0.1, 0.2]})], plain, is_classification=True
    )
    assert (found.agreement, found.mean_abs_difference) == (0.5, None)
