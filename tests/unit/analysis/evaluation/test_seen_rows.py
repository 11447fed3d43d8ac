"""The share of a test's rows that a model has seen in its training."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from airflow_mlops_provider.analysis.evaluation.seen_rows import share_of_seen_rows


def frame(first, last):
    nr = np.arange(first, last)
    return pd.DataFrame({"hours": nr * 1.5, "kind": np.where(nr % 2, "a", "b"), "y": nr % 2})


@pytest.mark.parametrize(("first", "share"), [(0, 1.0), (25, 0.75), (50, 0.5), (100, 0.0)])
def test_rows_are_known_by_their_values(first, share):
    training = frame(0, 100)
    assert share_of_seen_rows(frame(first, first + 100), [training[:30], training[30:]]) == share


def test_how_a_value_is_kept_does_not_matter():
    training = frame(0, 100).astype({"kind": "category", "y": "int8"})[["y", "kind", "hours"]]
    assert share_of_seen_rows(frame(0, 100).astype({"y": "float64"}), [training]) == 1.0


def test_missing_values_are_equal():
    rows = frame(0, 10).assign(hours=[None, *range(9)])
    assert share_of_seen_rows(rows, [rows.copy()]) == 1.0


def test_rows_that_repeat_tell_nothing():
    rows = pd.DataFrame({"flag": np.arange(100) % 2, "y": 1})
    assert share_of_seen_rows(rows, [rows]) is None
    assert share_of_seen_rows(rows[:0], [rows]) is None
