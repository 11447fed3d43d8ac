"""Corrections for many tests: laws, and statsmodels' published procedure as the second opinion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from airflow_mlops_provider.analysis.stats.corrections import benjamini_hochberg, sidak_level
from airflow_mlops_provider.records.multiple_testing import holm

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@given(p_values)
def test_adjustments_keep_the_order_and_bh_never_exceeds_holm(p):
    order = np.argsort(p, kind="stable")
    assert np.all(np.diff(benjamini_hochberg(p)[order]) >= 0)
    assert np.all(benjamini_hochberg(p) <= np.array(holm(p)) + 1e-12)


@given(p_values)
def test_bh_is_scipys(p):
    assert benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p))


def test_one_test_needs_no_correction():
    assert benjamini_hochberg([0.03]).tolist() == [0.03]
    assert sidak_level(0.05, 1) == pytest.approx(0.05)


@pytest.mark.parametrize("bad", [float("nan"), -0.1, 1.1])
def test_a_p_value_that_is_none_is_refused(bad):
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        benjamini_hochberg([0.5, bad])
