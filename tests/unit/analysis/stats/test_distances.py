"""Laws of the distances, and scipy as the second opinion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import spatial, stats

from airflow_mlops_provider.analysis.stats.distances import (
    jensen_shannon,
    ks_distance,
    psi,
    total_variation,
    wasserstein,
)

samples = st.lists(st.floats(-1e6, 1e6) | st.integers(0, 3).map(float), min_size=1, max_size=60)
counts = st.lists(st.integers(0, 1000), min_size=4, max_size=4).filter(any)
OF_SAMPLES, OF_COUNTS = (ks_distance, wasserstein), (total_variation, jensen_shannon, psi)


@given(samples, samples)
def test_distances_of_samples_are_symmetric_and_never_negative(a, b):
    for distance in OF_SAMPLES:
        assert distance(a, a) == 0
        assert distance(a, b) == pytest.approx(distance(b, a))
        assert distance(a, b) >= 0


@given(counts, counts)
def test_distances_of_counts_are_symmetric_and_never_negative(a, b):
    for distance in OF_COUNTS:
        assert distance(a, a) == pytest.approx(0, abs=1e-7)
        assert distance(a, b) == pytest.approx(distance(b, a))
        assert distance(a, b) >= 0


@given(samples, samples)
def test_ks_distance_is_the_largest_gap_between_the_distribution_functions(a, b):
    gaps = [abs(np.mean(np.array(a) <= at) - np.mean(np.array(b) <= at)) for at in a + b]
    assert ks_distance(a, b) == pytest.approx(max(gaps), abs=1e-12)


@given(samples, samples)
def test_wasserstein_is_scipys(a, b):
    assert wasserstein(a, b) == pytest.approx(stats.wasserstein_distance(a, b), rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("make", [lambda r, n: r.standard_cauchy(n), lambda r, n: r.integers(0, 50, n) * 1.0])
@pytest.mark.parametrize("shift", [0.0, 0.02, 1.0])
def test_ks_by_blocks_is_ks_by_every_value(make, shift):
    rng = np.random.default_rng(0)
    a, b = make(rng, 20_000), make(rng, 30_001) + shift
    assert ks_distance(a, b) == pytest.approx(stats.ks_2samp(a, b, method="asymp").statistic, abs=1e-12)
    assert wasserstein(a, b) == pytest.approx(stats.wasserstein_distance(a, b), rel=1e-9)


@given(counts, counts)
def test_jensen_shannon_is_scipys_and_at_most_one(a, b):
    assert jensen_shannon(a, b) == pytest.approx(spatial.distance.jensenshannon(a, b, base=2), abs=1e-6)
    assert jensen_shannon(a, b) <= 1


@given(counts, counts)
def test_total_variation_bounds_every_difference_of_shares(a, b):
    p, q = np.array(a) / sum(a), np.array(b) / sum(b)
    assert np.abs(p - q).max() - 1e-12 <= total_variation(a, b) <= 1


@pytest.mark.parametrize("distance", OF_SAMPLES)
def test_a_nan_or_an_empty_side_is_an_error_and_not_a_distance(distance):
    with pytest.raises(ValueError, match="NaN"):
        distance([1.0, float("nan")], [1.0])
    with pytest.raises(ValueError, match="at least one"):
        distance([], [1.0])


@pytest.mark.parametrize("distance", OF_COUNTS)
def test_counts_without_rows_are_an_error_and_not_a_distance(distance):
    with pytest.raises(ValueError, match="not all zero"):
        distance([0, 0], [1, 2])
