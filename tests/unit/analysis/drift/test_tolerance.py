"""A distance that is left when small moves are forgiven: its laws, its interval, and what is judged by it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.analysis.drift import Precision, measure_drift
from airflow_mlops_provider.analysis.drift.bin_edges import choose_edges
from airflow_mlops_provider.analysis.drift.profile_file import ProfiledDataset
from airflow_mlops_provider.analysis.drift.scan import profile_rows
from airflow_mlops_provider.analysis.drift.tolerance import TOLERANCE, ks_beyond_interval, robust_spread, tolerance_of
from airflow_mlops_provider.analysis.stats.distances import ks_distance, ks_distance_beyond
from airflow_mlops_provider.decisions.drift import DriftPolicy, judge_drift
from airflow_mlops_provider.records.reports.drift import ColumnKind, Measure
from airflow_mlops_provider.records.verdict import Status
from tests.builders.rows import Rows


def profiles(a, b, edges=None):
    given = {"x": choose_edges(np.array(a)) if edges is None else edges}
    return [profile_rows(Rows.of(x=np.array(side)), ["x"], given)["x"] for side in (a, b)]


samples = st.lists(st.floats(-1e3, 1e3) | st.integers(-3, 3).map(float), min_size=1, max_size=100)
moves = st.floats(0, 5) | st.sampled_from([0.5, 1.0, 2.0])


@given(samples, samples, moves, moves)
def test_what_is_left_is_the_ks_distance_at_nothing_and_never_grows(a, b, by, more):
    assert ks_distance_beyond(a, b, 0.0) == ks_distance(a, b)
    assert ks_distance_beyond(a, b, by + more) <= ks_distance_beyond(a, b, by) + 1e-12
    assert ks_distance_beyond(a, b, by) == pytest.approx(ks_distance_beyond(b, a, by), abs=1e-12)


@given(samples, st.floats(0.01, 5))
def test_nothing_is_left_of_a_move_of_all_values_that_is_forgiven(a, by):
    assert ks_distance_beyond(a, np.array(a) + by, by * 1.01 + 1e-9) == 0


@given(samples, samples, moves, samples)
def test_the_interval_contains_what_is_left_wherever_the_edges_lie(a, b, by, extra):
    for edges in (None, np.unique(extra), choose_edges(np.array([*a, *extra]), cells=4)):
        low, high = ks_beyond_interval(*profiles(a, b, edges), by)
        # A little less and a little more is forgiven, because sums are rounded.
        assert low <= ks_distance_beyond(a, b, max(0.0, by - 1e-9)) + 1e-12
        assert high >= ks_distance_beyond(a, b, by + 1e-9) - 1e-12


def test_the_spread_is_robust_and_that_of_a_constant_is_nothing():
    rng = np.random.default_rng(0)
    normal = np.append(rng.normal(scale=3, size=20_000), 1e9)
    assert robust_spread(profiles(normal, normal)[0]) == pytest.approx(3, rel=0.05)
    assert robust_spread(profiles([7.0] * 99 + [8.0], [7.0])[0]) == 0
    assert tolerance_of(profiles([-1.7e308, 1.7e308] * 50 + [0.0], [0.0])[0]) == 0


AGES = np.random.default_rng(0).integers(24, 35, 4000) * 1.0
SPREAD = robust_spread(profiles(AGES, AGES)[0])


def judged(reference, current, **kwargs):
    # Ages are few whole numbers, which would be compared by level.
    kinds = {"x": ColumnKind.NUMERIC}
    report = measure_drift(reference, Rows.of(**current), joint=False, column_kinds=kinds, **kwargs)
    return judge_drift(report, DriftPolicy()), report.columns[0].shifts[0]


def test_whole_numbers_that_all_move_a_little_are_a_notice_and_no_drift():
    verdict, shift = judged(Rows.of(x=AGES), {"x": AGES + 0.9 * TOLERANCE * SPREAD})
    assert shift.measure is Measure.KS_D
    assert shift.effect > 0.05
    assert shift.robust == shift.robust_high == 0
    assert verdict.status is Status.NOTICE
    assert "within a twentieth of the usual spread" in verdict.findings[0].detail
    assert "by the smallest of moves" in verdict.summary


@pytest.mark.parametrize("exact_rows", [0, 10**9])
def test_whole_numbers_that_move_by_more_are_drift(exact_rows):
    for moved in (AGES + 0.3 * SPREAD, AGES + 1):
        verdict, shift = judged(Rows.of(x=AGES), {"x": moved}, precision=Precision(exact_rows=exact_rows))
        assert verdict.status is Status.FAIL
        assert shift.robust >= 0.05


def test_the_column_is_read_again_where_its_profile_leaves_open_whether_values_moved():
    # Far more rows than are computed exactly anyway: what was read again has an exact answer.
    precision = Precision(exact_rows=0)
    _, shift = judged(Rows.of(x=AGES), {"x": AGES + 0.9 * TOLERANCE * SPREAD}, precision=precision)
    assert shift.robust == shift.robust_high
    verdict, _ = judged(Rows.of(x=AGES), {"x": AGES + 0.01 * SPREAD}, precision=precision)
    assert verdict.status is Status.NOTICE


def test_a_reference_without_rows_that_leaves_it_open_is_never_a_pass():
    rows = Rows.of(x=AGES)
    known = ProfiledDataset(uri="p", schema=rows.schema, rows=rows.rows, profiles=profile_rows(rows, ["x"]))
    verdict, shift = judged(known, {"x": AGES + 0.5})
    assert shift.robust < 0.05 < shift.robust_high
    assert verdict.status is Status.INSUFFICIENT_EVIDENCE
    assert judged(known, {"x": AGES + 1})[0].status is Status.FAIL
