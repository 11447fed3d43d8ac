"""Two-sample tests: second opinions from scipy, and no p-value that is not a probability."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from airflow_mlops_provider.analysis.stats.two_sample import (
    EXACT_KS_ROWS,
    auc,
    binomial,
    chi_squared,
    ks,
    ks_p_value,
    pool_rare,
    two_proportion,
    welch,
)

proportions = st.tuples(st.integers(0, 300), st.integers(1, 300)).filter(lambda pair: pair[0] <= pair[1])
counts = st.lists(st.integers(0, 400), min_size=5, max_size=5).filter(any)


@given(proportions, proportions)
def test_two_proportions_give_a_probability_that_does_not_depend_on_the_order(a, b):
    there, back = two_proportion(*a, *b), two_proportion(*b, *a)
    assert 0 <= there.p_value <= 1
    assert there.p_value == pytest.approx(back.p_value)
    assert there.statistic == pytest.approx(-back.statistic)


@given(st.integers(0, 24), st.integers(25, 5000), st.integers(0, 24), st.integers(25, 5000), st.booleans())
def test_small_proportions_are_compared_exactly_as_by_scipy(a, n, b, m, failures):
    a, b = (n - a, m - b) if failures else (a, b)
    if min(a + b, n + m - a - b) / (n + m) * min(n, m) >= 25:
        return
    for side in ("two-sided", "greater", "less"):
        expected = stats.fisher_exact([[a, n - a], [b, m - b]], alternative=side).pvalue
        assert two_proportion(a, n, b, m, alternative=side).p_value == pytest.approx(min(expected, 1), rel=1e-6)


def test_the_exact_ks_law_and_its_limit_meet():
    for p in (0.5, 1e-2, 1e-5):
        rows = 2 * EXACT_KS_ROWS + 100
        distance = stats.kstwo.isf(p, rows // 2)
        assert ks_p_value(distance, rows, rows) == pytest.approx(p, rel=0.005)


def test_large_proportions_are_compared_by_the_pooled_z_test():
    p = two_proportion(300, 1000, 250, 1000).p_value
    assert p == pytest.approx(stats.chi2_contingency([[300, 700], [250, 750]], correction=False).pvalue)
    halves = [two_proportion(300, 1000, 250, 1000, alternative=side).p_value for side in ("greater", "less")]
    assert halves == pytest.approx([p / 2, 1 - p / 2])


def test_nothing_that_can_differ_gives_one():
    assert two_proportion(0, 10, 0, 20).p_value == two_proportion(10, 10, 20, 20).p_value == 1
    assert chi_squared([7, 0], [9, 0]).p_value == 1
    assert auc([1, 1], [1, 1]) == (0.5, 1)


@pytest.mark.parametrize("bad", [(1, 0, 1, 2), (3, 2, 1, 2), (-1, 2, 1, 2), (float("nan"), 2, 1, 2)])
def test_counts_that_are_no_proportion_are_refused(bad):
    with pytest.raises(ValueError, match="not two proportions"):
        two_proportion(*bad)


def test_ks_is_scipys_asymptotic_test():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=900), rng.normal(0.1, size=700)
    expected = stats.ks_2samp(a, b, method="asymp")
    assert ks(a, b) == pytest.approx((expected.statistic, expected.pvalue))
    assert ks_p_value(0.0, 5, 5) == 1


@given(counts, counts)
def test_chi_squared_is_scipys_where_no_cell_is_rare(a, b):
    a, b = [count + 30 for count in a], [count + 30 for count in b]
    expected = stats.chi2_contingency([a, b], correction=False)
    result = chi_squared(a, b)
    if pool_rare(a, b).shape[1] == 5:
        assert result == pytest.approx((expected.statistic, expected.pvalue), abs=1e-9)


@given(counts, counts)
def test_pooling_keeps_every_row_and_leaves_no_rare_cell(a, b):
    table = pool_rare(a, b)
    assert table.sum(axis=1).tolist() == [sum(a), sum(b)]
    smallest = table.sum(axis=1).min() / table.sum()
    assert table.shape[1] == 1 or (table.sum(axis=0) * smallest >= 5).all()


def test_a_side_without_rows_is_refused():
    with pytest.raises(ValueError, match="both sides"):
        chi_squared([0, 0], [1, 2])
    with pytest.raises(ValueError, match="both sides"):
        ks_p_value(0.1, 0, 5)


def test_auc_is_the_share_of_pairs_in_order():
    assert auc([3, 4, 5], [1, 2, 3]).statistic == pytest.approx(8.5 / 9)
    assert auc([1, 2], [3, 4]).p_value > 0.5


def test_binomial_is_exact():
    assert binomial(8, 10, 0.5, alternative="greater").p_value == pytest.approx(56 / 1024)


def test_welch_is_scipys_and_has_an_answer_for_constants():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.3, size=12), rng.normal(0, 2, size=9)
    assert welch(a, b).p_value == pytest.approx(stats.ttest_ind(a, b, equal_var=False, alternative="greater").pvalue)
    assert welch([1, 1], [1, 1]).p_value == welch([0, 0], [1, 1]).p_value == 1
    assert welch([2, 2], [1, 1]).p_value == 0
    with pytest.raises(ValueError, match="two values"):
        welch([1], [1, 2])
