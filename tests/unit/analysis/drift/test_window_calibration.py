"""Windows: an ordinary day is ordinary although every test that counts rows alarms; a shifted day stands out."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest

from airflow_mlops_provider.analysis.drift import measure_drift
from airflow_mlops_provider.analysis.drift.window_calibration import distances
from airflow_mlops_provider.analysis.drift.window_counts import Cells
from airflow_mlops_provider.analysis.stats.distances import jensen_shannon
from airflow_mlops_provider.decisions.drift import DriftPolicy, judge_drift
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.verdict import Status
from tests.builders.rows import Rows

in_batches = partial(Rows, batch=333)


def days(count, *, seed=0, rows=250, shift=0.0):
    """Days with weather: all rows of a day share its temperature, so rows are far from independent."""
    rng = np.random.default_rng(seed)
    frames = []
    for day in range(count):
        weather = rng.normal(scale=1.0)
        frames.append(
            pd.DataFrame(
                {
                    "day": f"2026-{day:04d}",
                    "temperature": weather + shift + rng.normal(scale=0.5, size=rows),
                    "price": rng.lognormal(size=rows),
                    "kind": rng.choice(["a", "b", "c"], rows, p=[0.5, 0.3, 0.2]),
                    "gap": np.where(rng.random(rows) < 0.1, np.nan, 1.0 + rng.random(rows)),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


REFERENCE = days(60)


def measure(current, reference=REFERENCE, **kwargs):
    return measure_drift(
        in_batches(reference, "before"),
        in_batches(current, "now"),
        window_column="day",
        joint=False,
        **kwargs,
    )


def test_an_ordinary_day_alarms_by_rows_and_not_by_windows():
    ordinary = days(1, seed=7)
    by_rows = measure_drift(
        in_batches(REFERENCE), in_batches(ordinary), joint=False, columns=list(ordinary.columns[1:])
    )
    assert judge_drift(by_rows, DriftPolicy()).status is Status.FAIL
    report = measure(ordinary)
    assert report.windows.windows == 60
    assert report.windows.p_value > 0.05
    verdict = judge_drift(report, DriftPolicy())
    assert verdict.status is Status.PASS
    assert "calibrated on 60 windows" in verdict.findings[0].detail


def test_a_shifted_day_stands_out_in_the_column_that_shifted():
    report = measure(days(1, seed=7, shift=6))
    assert report.windows.p_value == pytest.approx(1 / 61)
    assert report.windows.worst_column == "temperature"
    assert "median" in report.windows.statements["temperature"]


@pytest.mark.parametrize(("column", "change"), [("kind", lambda n: ["d"] * n), ("gap", lambda n: [np.nan] * n)])
def test_new_levels_and_missing_values_stand_out_too(column, change):
    today = days(1, seed=7)
    today.loc[: len(today) // 2 - 1, column] = change(len(today) // 2)
    windows = measure(today).windows
    assert windows.p_value == pytest.approx(1 / 61)
    assert windows.worst_column.startswith(column)


def test_the_order_of_rows_does_not_matter():
    today = days(1, seed=7)
    shuffled = REFERENCE.sample(frac=1, random_state=0)
    a, b = measure(today).windows, measure(today, shuffled).windows
    assert a.score == pytest.approx(b.score, rel=0.05)
    assert a.p_value == pytest.approx(b.p_value, abs=0.05)


def test_too_few_windows_are_said_and_rows_are_taken_as_independent():
    report = measure(days(1, seed=7), days(29))
    assert report.windows is None
    assert "29 windows" in judge_drift(report, DriftPolicy()).findings[0].detail


def test_a_time_stamp_is_no_window():
    frame = REFERENCE.assign(day=[f"t{i}" for i in range(len(REFERENCE))])
    with pytest.raises(BadInputError, match="'day' has more than 5,000"):
        measure(days(1, seed=7), frame)


def test_a_reference_without_the_window_column_is_named():
    with pytest.raises(BadInputError, match="no column 'day'"):
        measure(days(1), REFERENCE.drop(columns="day"))


def test_distances_of_windows_are_those_of_the_textbook():
    p, q = np.array([[8.0, 1.0, 1.0]]), np.array([[2.0, 4.0, 4.0]])
    levels = Cells()
    assert distances(levels, p, q)[0] == pytest.approx(jensen_shannon(p[0], q[0]))
    numbers = Cells(edges=np.array([0.0, 10.0]), scale=2.0)
    assert distances(numbers, p, q)[0] == pytest.approx((0.6 + 0.3) / 2 * 10 / 2)
    assert distances(numbers, p * 0, q)[0] == 1


def test_a_level_that_no_day_of_the_reference_held_is_an_effect_of_its_own():
    today = days(1, seed=7)
    today.loc[:4, "kind"] = "d"  # two in a hundred: far too few to move the mix
    windows = measure(today).windows
    assert windows.worst_column == "kind (unseen)"
    assert windows.p_value <= 0.05
    verdict = judge_drift(measure(today), DriftPolicy())
    assert verdict.status is Status.NOTICE
    assert "d" in verdict.findings[0].detail
    assert verdict.findings[0].subject == "kind"
    assert "an alarm when the next window is out of the ordinary too" in verdict.findings[0].detail
