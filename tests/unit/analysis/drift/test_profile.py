"""Profiles: their KS interval always contains scipy's distance, they merge, and they never grow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.analysis.drift import profile as profiles
from airflow_mlops_provider.analysis.drift.bin_edges import choose_edges
from airflow_mlops_provider.analysis.drift.profile import ks_interval
from airflow_mlops_provider.analysis.drift.scan import profile_rows, sample_edges
from airflow_mlops_provider.analysis.stats.distances import ks_distance
from tests.builders.rows import Rows


def profile(values: Any, edges: Any = None, **kwargs: Any) -> Any:
    rows = Rows(pa.table({"x": pa.array(values)}), **{"batch": 1000} | kwargs)
    edges = sample_edges(rows, ["x"]) if edges is None else {"x": edges}
    return profile_rows(rows, ["x"], edges)["x"]


numbers = st.floats(-1e9, 1e9) | st.integers(-3, 3).map(float)
samples = st.lists(numbers, min_size=1, max_size=200)


@given(samples, samples, st.lists(numbers, max_size=20))
def test_the_interval_contains_the_exact_distance_wherever_the_edges_lie(a, b, extra):
    for edges in (choose_edges(np.array(a)), np.unique(extra), choose_edges(np.array([*a, *extra]), cells=4)):
        low, high = ks_interval(profile(a, edges), profile(b, edges))
        assert low - 1e-12 <= ks_distance(a, b) <= high + 1e-12
        assert 0 <= low <= high <= 1


@pytest.mark.parametrize("make", [lambda r, n: r.standard_cauchy(n), lambda r, n: r.integers(0, 40, n) * 1.0])
def test_the_interval_is_narrow_on_heavy_tails_and_a_point_on_discrete_values(make):
    rng = np.random.default_rng(0)
    a, b = make(rng, 30_000), make(rng, 20_000)
    edges = choose_edges(a)
    low, high = ks_interval(profile(a, edges), profile(b, edges))
    assert low <= ks_distance(a, b) <= high < low + 0.0025
    if np.unique(a).size == 40:
        assert low == high


def test_edges_suit_data_sorted_by_time():
    values = np.sort(np.random.default_rng(0).normal(size=100_000))
    reference = profile(values)
    assert np.diff(reference.cumulative).max() < 0.003


@given(samples, samples)
def test_profiles_of_parts_add_up_to_the_profile_of_the_whole(a, b):
    edges = choose_edges(np.array(a))
    merged, whole = profile(a, edges).merge(profile(b, edges)), profile([*a, *b], edges)
    assert merged.below.tolist() == whole.below.tolist()
    assert (merged.rows, merged.minimum, merged.maximum) == (whole.rows, whole.minimum, whole.maximum)


def test_profiles_with_other_edges_neither_merge_nor_compare():
    a, b = profile([1.0, 2.0], np.array([1.0])), profile([1.0, 2.0], np.array([2.0]))
    with pytest.raises(ValueError, match="edges"):
        a.merge(b)
    with pytest.raises(ValueError, match="edges"):
        ks_interval(a, b)


@given(st.lists(st.none() | st.floats(-5, 5) | st.just(float("nan")), min_size=1, max_size=60))
def test_null_and_nan_are_missing_and_every_row_is_counted(values):
    found = profile(pa.array(values, type=pa.float64()))
    missing = sum(value is None or np.isnan(value) for value in values)
    assert (found.rows, found.missing) == (len(values), missing)
    assert found.counts.sum() == found.values == len(values) - missing


def test_quantiles_are_exact_on_discrete_values_and_close_elsewhere():
    rng = np.random.default_rng(0)
    counts, smooth = rng.poisson(3, 5000) * 1.0, rng.lognormal(size=50_000)
    at = (0.05, 0.25, 0.5, 0.75, 0.95)
    assert profile(counts).quantiles(at) == pytest.approx(np.quantile(counts, at))
    assert profile(smooth).quantiles(at) == pytest.approx(np.quantile(smooth, at), rel=0.01)


@pytest.mark.parametrize("bad", [float("inf"), float("-inf")])
def test_infinite_values_are_counted_apart_and_as_missing(bad):
    found = profile([1.0, bad, 2.0, None])
    assert (found.rows, found.values, found.missing, found.infinite) == (4, 2, 2, 1)
    assert (found.minimum, found.maximum) == (1.0, 2.0)


def test_whole_numbers_are_counted_by_value_while_they_are_few():
    assert profile([1, 2, 2, None]).levels.counts == {"1": 1, "2": 2}
    assert profile([1.0, 2.0, np.nan]).levels.counts == {"1": 1, "2": 1}
    assert profile([1.0, 2.5]).levels is None
    assert profile(range(2_000)).levels is None


def test_rises_are_counted_in_the_order_of_the_rows():
    assert profile(range(100)).rises_throughout
    assert not profile([*range(50), *range(50)][::-1]).rises_throughout
    assert profile([0.5, 1.5, 2.5] * 30).rises == 0


def test_levels_and_rises_of_parts_add_up():
    one, other = profile([1, 2, 3], edges=np.array([2.0])), profile([3, 4], edges=np.array([2.0]))
    merged = one.merge(other)
    assert (merged.levels.counts, merged.infinite) == ({"1": 1, "2": 1, "3": 2, "4": 1}, 0)


def test_levels_are_counted_whatever_their_coding():
    texts = ["a", "b", None, "a"]
    plain, coded = profile(texts), profile(pa.array(texts).dictionary_encode())
    assert plain.counts == coded.counts == {"a": 2, "b": 1}
    assert plain.missing == coded.missing == 1


def test_too_many_levels_are_counted_in_groups_and_no_value_is_lost(monkeypatch):
    monkeypatch.setattr(profiles, "MAX_LEVELS", 1000)
    found = profile([f"id-{i}" for i in range(5000)])
    assert found.grouped
    assert sum(found.counts.values()) == found.values == 5000


def test_long_texts_are_cut_but_stay_apart():
    found = profile(["x" * 5000 + "a", "x" * 5000 + "b"])
    assert len(found.counts) == 2
    assert max(map(len, found.counts)) < 300


def test_booleans_dates_and_decimals_are_numbers():
    dates = pa.array([0, 86_400], type=pa.timestamp("s"))
    assert profile(pa.array([True, False, True])).counts.sum() == 3
    assert profile(dates.cast(pa.date32())).maximum == profile(dates).maximum == 86_400
    assert profile(dates.cast(pa.timestamp("ns", "UTC"))).maximum == pytest.approx(86_400)
    assert profile(pa.array([1, 2]).cast(pa.decimal128(21, 2))).maximum == 2
