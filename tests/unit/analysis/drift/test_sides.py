"""Profiles on both sides: the verdict is that of the rows, or it is that the profiles leave it open."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_mlops_provider.analysis.drift import measure_drift
from airflow_mlops_provider.analysis.drift.profile_file import ProfiledDataset, shareable_profile
from airflow_mlops_provider.analysis.drift.scan import edges_of, profile_rows
from airflow_mlops_provider.decisions.drift import DriftPolicy, DriftRule, judge_drift
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.reports.drift import ColumnKind, Problem
from airflow_mlops_provider.records.verdict import Status
from tests.builders.rows import Rows


def profiled(rows, like=None, uri="day.profile"):
    """The profile of rows, with the edges of another one."""
    edges = None if like is None else edges_of(like.profiles)
    return ProfiledDataset(
        uri=uri, schema=rows.schema, rows=rows.rows, profiles=profile_rows(rows, rows.columns, edges)
    )


def table(seed, rows, *, shift=0.0, missing=0.02, mix=0.3, new=0.0):
    """Numbers with heavy tails and with ties, codes, levels and a flag, with gaps."""
    rng = np.random.default_rng(seed)

    def gaps(values):
        return [None if gone else value for value, gone in zip(values, rng.random(rows) < missing, strict=True)]

    kinds = rng.choice(["a", "b", "c", "new"], rows, p=[mix, 0.6 - mix, 0.4 - new, new])
    return Rows.of(
        wage=gaps((rng.standard_t(2, rows) + shift).tolist()),
        hours=gaps((rng.poisson(40, rows) + shift / 2).round(1).tolist()),
        educ=gaps(rng.integers(8, 16, rows).tolist()),
        kind=kinds.tolist(),
        flag=(rng.random(rows) < mix).astype(float).tolist(),
    )


CASES = {
    "seed": st.integers(0, 10_000),
    "rows": st.sampled_from([150, 400, 3_000]),
    "shift": st.sampled_from([0.0, 0.05, 0.15, 0.6]),
    "missing": st.sampled_from([0.02, 0.05, 0.3]),
    "mix": st.sampled_from([0.3, 0.33, 0.45]),
    "new": st.sampled_from([0.0, 0.005, 0.03]),
}


def found(verdict):
    return {(finding.subject, finding.measure): finding.status for finding in verdict.findings}


@settings(max_examples=60, deadline=None)
@given(rule=st.sampled_from(["default", "sidak_ks", "psi", "chi_squared"]), **CASES)
def test_the_verdict_of_two_profiles_is_that_of_the_rows_or_left_open(rule, seed, rows, **moved):
    sides = table(seed, 2_000), table(seed + 1, rows, **moved)
    policy = DriftPolicy(joint=False, rule=DriftRule(rule))
    reference = profiled(sides[0])
    profiles = reference, profiled(sides[1], reference)
    by_rows = judge_drift(measure_drift(*sides, joint=False), policy)
    by_profiles = judge_drift(measure_drift(*profiles, joint=False), policy)
    expected, statuses = found(by_rows), found(by_profiles)
    open_ = {key for key, status in statuses.items() if status is Status.INSUFFICIENT_EVIDENCE}
    assert statuses.keys() == expected.keys()
    assert {key: status for key, status in statuses.items() if key not in open_} == {
        key: status for key, status in expected.items() if key not in open_
    }
    if open_ <= {key for key, status in expected.items() if status is Status.INSUFFICIENT_EVIDENCE}:
        assert by_profiles.status is by_rows.status
    elif Status.FAIL not in expected.values():
        assert "leave open" in by_profiles.summary


def test_most_verdicts_follow_from_the_profiles():
    decided = 0
    for seed in range(20):
        sides = table(seed, 4_000), table(seed + 50, 2_000, shift=0.3 * (seed % 2))
        reference = profiled(sides[0])
        verdict = judge_drift(measure_drift(reference, profiled(sides[1], reference), joint=False), DriftPolicy())
        decided += verdict.status is (Status.FAIL if seed % 2 else Status.PASS)
    assert decided >= 18


@pytest.mark.parametrize("profiles", [("reference",), ("current",)])
def test_one_side_may_be_rows(profiles):
    sides = table(1, 2_000), table(2, 2_000, shift=0.6)
    both = profiled(sides[0]), profiled(sides[1], profiled(sides[0]))
    chosen = [both[i] if role in profiles else sides[i] for i, role in enumerate(("reference", "current"))]
    expected = found(judge_drift(measure_drift(*both, joint=False), DriftPolicy()))
    assert found(judge_drift(measure_drift(*chosen, joint=False), DriftPolicy())) == expected
    assert Status.FAIL in expected.values()


@settings(max_examples=30, deadline=None)
@given(**CASES)
def test_a_shared_profile_of_the_batch_is_never_surer_than_the_rows(seed, rows, **moved):
    sides = table(seed, 2_000), table(seed + 1, rows, **moved)
    reference = profiled(sides[0])
    shared = shareable_profile(profiled(sides[1], reference))
    expected = found(judge_drift(measure_drift(*sides, joint=False), DriftPolicy(joint=False)))
    statuses = found(judge_drift(measure_drift(reference, shared, joint=False), DriftPolicy(joint=False)))
    for key, status in statuses.items():
        if key[1] != "unseen_share" and expected.get(key) is Status.FAIL:
            assert status in (Status.FAIL, Status.INSUFFICIENT_EVIDENCE)
        if expected.get(key) is Status.PASS:
            assert status is not Status.FAIL


def test_an_interval_that_contains_the_limit_is_insufficient_evidence():
    sides = Rows.of(x=np.arange(2_000.0) / 7), Rows.of(x=np.arange(2_000.0) / 7 + 14)
    reference = profiled(sides[0])
    few = {"x": reference.profiles["x"].edges[[333, 666]]}
    profiles = [
        ProfiledDataset(uri="p", schema=side.schema, rows=side.rows, profiles=profile_rows(side, ["x"], few))
        for side in sides
    ]
    verdict = judge_drift(measure_drift(*profiles, joint=False), DriftPolicy(min_ks_d=0.06))
    assert verdict.status is Status.INSUFFICIENT_EVIDENCE
    assert "undecided: x, which profiles without rows leave open" in verdict.summary
    assert "KS D lies between" in verdict.findings[0].detail


def test_other_edges_are_refused_with_the_column_and_both_profiles():
    one, other = (profiled(table(seed, 500), uri=f"{seed}.profile") for seed in (1, 2))
    with pytest.raises(BadInputError, match=r"column 'wage' has other edges in 2\.profile than in 1\.profile"):
        measure_drift(one, other, joint=False)


def test_groups_of_rows_are_refused_with_a_batch_that_is_a_profile():
    rows = table(1, 500)
    with pytest.raises(BadInputError, match=r"current day\.profile is a profile"):
        measure_drift(rows, profiled(rows), joint=False, group_column="kind")


def test_a_column_that_the_batchs_profile_lacks_is_not_known_to_be_gone():
    rows = table(1, 500)
    reference = profiled(rows)
    report = measure_drift(reference, profiled(Rows(rows.table.drop_columns(["educ"])), reference), joint=False)
    assert next(column.problem for column in report.columns if column.column == "educ") is Problem.NOT_IN_PROFILE
    verdict = judge_drift(report, DriftPolicy(joint=False))
    assert verdict.status is Status.INSUFFICIENT_EVIDENCE
    assert "undecided: educ, which a profile does not tell" in verdict.summary


def test_codes_that_a_profile_does_not_count_one_by_one_are_not_judged():
    rng = np.random.default_rng(0)
    reference = profiled(Rows.of(shop=rng.integers(0, 5, 3_000)))
    current = profiled(Rows.of(shop=np.concatenate([np.arange(1_500), rng.integers(0, 5, 60_000)])), reference)
    report = measure_drift(reference, current, joint=False, column_kinds={"shop": ColumnKind.CATEGORICAL})
    assert report.columns[0].problem is Problem.NOT_IN_PROFILE


WINDOWS = 40


def day(seed, *, shift=0.0, missing=0.02):
    """Rows of a day share its weather."""
    rng = np.random.default_rng(seed)
    wind = rng.normal() + shift
    return Rows.of(
        wind=np.where(rng.random(300) < missing, np.nan, wind + rng.normal(scale=0.5, size=300)),
        kind=rng.choice(["a", "b", "c"], 300, p=[0.5, 0.3, 0.2]),
        code=rng.integers(0, 6, 300),
    )


def days_with(current):
    """Rows of all days, the profile of them all, of each and of the current day."""
    days = [day(seed) for seed in range(WINDOWS)]
    labelled = [each.table.append_column("day", [[f"{number:02d}"] * 300]) for number, each in enumerate(days)]
    reference = Rows(pa.concat_tables(labelled))
    whole = profiled(Rows(reference.table.drop_columns(["day"])))
    profiles = {f"{number:02d}": profiled(each, whole) for number, each in enumerate(days)}
    return reference, whole, profiles, profiled(current, whole)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(100, 10_000), shift=st.sampled_from([0.0, 1.5, 2.5, 5.0]), missing=st.sampled_from([0.02, 0.2]))
def test_calibration_by_day_profiles_gives_the_verdict_of_the_rows_or_leaves_it_open(seed, shift, missing):
    current = day(seed, shift=shift, missing=missing)
    reference, whole, profiles, today = days_with(current)
    by_rows = measure_drift(reference, current, joint=False, window_column="day")
    by_profiles = measure_drift(whole, today, joint=False, windows=profiles)
    windows = by_profiles.windows
    assert windows.windows == WINDOWS
    assert windows.p_value_low <= windows.p_value <= windows.p_value_high
    assert windows.p_value_low <= by_rows.windows.p_value <= windows.p_value_high
    expected, verdict = (judge_drift(each, DriftPolicy()) for each in (by_rows, by_profiles))
    assert verdict.status in (expected.status, Status.INSUFFICIENT_EVIDENCE)
    if verdict.status is Status.INSUFFICIENT_EVIDENCE:
        assert "profiles without rows leave open" in verdict.summary


def test_a_day_far_off_stands_out_among_day_profiles_and_an_ordinary_one_does_not():
    statuses = []
    for seed, shift in ((500, 6.0), (501, 0.0)):
        _, whole, profiles, today = days_with(day(seed, shift=shift))
        report = measure_drift(whole, today, joint=False, windows=profiles)
        statuses.append(judge_drift(report, DriftPolicy()).status)
    assert statuses == [Status.NOTICE, Status.PASS]


def test_too_few_day_profiles_are_said():
    _, whole, profiles, today = days_with(day(1))
    report = measure_drift(whole, today, joint=False, windows=dict(list(profiles.items())[:10]))
    assert report.windows is None
    assert "only 10 windows" in report.window_note


def test_a_window_with_other_edges_or_without_a_column_is_refused_by_name():
    _, whole, profiles, today = days_with(day(1))
    other = profiled(day(7), uri="other.profile")
    with pytest.raises(BadInputError, match=r"'wind' has other edges in other\.profile, window 03"):
        measure_drift(whole, today, joint=False, windows=profiles | {"03": other})
    less = profiled(Rows(day(3).table.drop_columns(["kind"])), whole, uri="less.profile")
    with pytest.raises(BadInputError, match=r"window 03, less\.profile, has no column 'kind'"):
        measure_drift(whole, today, joint=False, windows=profiles | {"03": less})
