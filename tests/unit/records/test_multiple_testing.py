"""Holm's correction: its laws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.multiple_testing import holm

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@given(p_values)
def test_holm_lies_between_raw_and_bonferroni(p):
    for raw, adjusted in zip(p, holm(p), strict=True):
        assert raw <= adjusted <= min(1.0, raw * len(p)) + 1e-12


@given(p_values)
def test_a_smaller_p_value_stays_the_smaller_one(p):
    adjusted = [each for _, each in sorted(zip(p, holm(p), strict=True))]
    assert adjusted == sorted(adjusted)


def test_one_test_needs_no_correction():
    assert holm([0.03]) == [0.03]
    assert holm([]) == []


@pytest.mark.parametrize("bad", [float("nan"), -0.1, 1.1])
def test_a_p_value_that_is_none_is_refused(bad):
    with pytest.raises(BadInputError, match=r"\[0, 1\]"):
        holm([0.5, bad])
