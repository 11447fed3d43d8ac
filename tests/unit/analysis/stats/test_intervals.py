"""Intervals of proportions, against scipy and the published example."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from airflow_mlops_provider.analysis.stats.intervals import newcombe, wilson


@given(st.integers(1, 5000), st.data(), st.sampled_from([0.8, 0.95, 0.999]))
def test_wilson_is_scipys_and_contains_the_share(trials, data, confidence):
    successes = data.draw(st.integers(0, trials))
    low, high = wilson(successes, trials, confidence=confidence)
    expected = stats.binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert 0 <= low <= successes / trials <= high <= 1


def test_without_trials_everything_is_possible():
    assert wilson(0, 0) == (0, 1)


def test_newcombe_gives_the_published_example():
    assert newcombe(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_contradicting_counts_are_refused():
    with pytest.raises(ValueError, match="not a proportion"):
        wilson(5, 4)
    with pytest.raises(ValueError, match="not a proportion"):
        wilson(float("nan"), 4)
    with pytest.raises(ValueError, match="both sides"):
        newcombe(0, 0, 1, 2)
