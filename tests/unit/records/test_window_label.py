"""Windows stand in the order of numbers and of time, whatever the order of their text is."""

from __future__ import annotations

import pytest

from airflow_mlops_provider.records.window_label import window_order


@pytest.mark.parametrize(
    "labels",
    [
        ["9", "10", "1e3"],
        ["-2", "-1.5", "0"],
        ["2025-12-31", "2026-01-01", "2026-01-02T00:00", "2026-01-02 09:30:00"],
        ["2026-01-01T00:00:00+02:00", "2026-01-01", "2026-01-01T00:00:00-02:00"],
        ["2026-09", "2026-10", "2027-01"],
        ["2026-W09", "2026-W10", "2027-W01"],
        ["2025-Q4", "2026-Q1", "2026Q2"],
    ],
)
def test_the_order_is_that_of_numbers_and_of_time(labels):
    by_text = sorted(labels)
    assert sorted(by_text, key=window_order) == labels


@pytest.mark.parametrize("label", ["02.01.2026", "1/2/2026", "2026-1-3", "2026-13", "2026-02-30", "week 9", "nan", ""])
def test_other_text_has_none(label):
    assert window_order(label) is None
