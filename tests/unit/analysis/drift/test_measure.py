"""What is measured of two tables: kinds of columns, missing columns, unseen levels, exactness."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.stats import wasserstein_distance

from airflow_mlops_provider.analysis.drift import Precision, measure_drift
from airflow_mlops_provider.analysis.drift.profile_file import ProfiledDataset, shareable_profile
from airflow_mlops_provider.analysis.drift.scan import profile_rows
from airflow_mlops_provider.analysis.stats.distances import jensen_shannon, psi
from airflow_mlops_provider.analysis.stats.two_sample import chi_squared, ks, two_proportion
from airflow_mlops_provider.decisions.drift import judge_drift
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import canonical_json, decode, encode
from airflow_mlops_provider.records.policies.drift import DriftPolicy
from airflow_mlops_provider.records.reports.drift import ColumnKind, DriftReport, Measure, Problem, Role
from airflow_mlops_provider.records.verdict import Status
from tests.builders.rows import Rows

in_batches = partial(Rows, batch=777)


def measure(reference, current, **kwargs):
    return measure_drift(
        in_batches(pd.DataFrame(reference), "before"),
        in_batches(pd.DataFrame(current), "now"),
        **{"joint": False} | kwargs,
    )


def column(report, name):
    return next(found for found in report.columns if found.column == name)


def shift(report, name, measure):
    return next(found for found in column(report, name).shifts if found.measure is measure)


rng = np.random.default_rng(0)
N = 1500
NORMAL, MOVED = rng.normal(size=N), rng.normal(0.2, size=N)


def test_numeric_columns_are_compared_by_ks_with_its_exact_p_value():
    report = measure({"x": NORMAL}, {"x": MOVED}, precision=Precision(limits=(0.3,), level=1e-30, exact_rows=0))
    found, expected = shift(report, "x", Measure.KS_D), ks(NORMAL, MOVED)
    assert found.effect <= expected.statistic <= found.effect_high + 1e-12
    assert found.p_value >= expected.p_value


def test_an_interval_that_straddles_a_limit_is_replaced_by_the_exact_distance():
    exact = ks(NORMAL, MOVED)
    report = measure({"x": NORMAL}, {"x": MOVED}, precision=Precision(limits=(exact.statistic,), exact_rows=0))
    found = shift(report, "x", Measure.KS_D)
    assert found.effect == found.effect_high == exact.statistic
    assert found.p_value == exact.p_value


def test_text_columns_are_compared_by_level_with_unseen_levels_apart():
    a, b = ["x"] * 700 + ["y"] * 300, ["x"] * 500 + ["y"] * 460 + ["new"] * 40
    report = measure({"c": a}, {"c": b})
    assert shift(report, "c", Measure.TVD).effect == pytest.approx(0.2)
    assert shift(report, "c", Measure.TVD).p_value == chi_squared([700, 300, 0], [500, 460, 40]).p_value
    unseen = shift(report, "c", Measure.UNSEEN_SHARE)
    assert unseen.effect == pytest.approx(0.04)
    assert "'new' (40 times)" in unseen.statement


def test_identifiers_are_unseen_by_nature_and_no_drift():
    report = measure({"id": [f"a{i}" for i in range(800)]}, {"id": [f"b{i}" for i in range(900)]})
    assert shift(report, "id", Measure.UNSEEN_SHARE).effect == 0
    assert shift(report, "id", Measure.TVD).effect == 0


def test_a_number_of_two_levels_is_a_category_and_a_third_value_is_unseen():
    report = measure({"b": [0, 1] * 500}, {"b": [0, 1] * 450 + [7] * 100})
    assert column(report, "b").kind is ColumnKind.CATEGORICAL
    assert shift(report, "b", Measure.UNSEEN_SHARE).effect == pytest.approx(0.1)


def test_a_boolean_and_its_zeros_and_ones_are_the_same_column():
    report = measure({"b": [True, False] * 300}, {"b": [1, 0] * 300})
    assert column(report, "b").problem is None
    assert shift(report, "b", Measure.TVD).effect == 0


def test_missing_values_are_a_check_of_their_own():
    gaps = NORMAL.copy()
    gaps[:150] = np.nan
    report = measure({"x": NORMAL}, {"x": gaps})
    found = shift(report, "x", Measure.MISSING_CHANGE)
    assert found.effect == pytest.approx(0.1)
    assert found.p_value == two_proportion(0, N, 150, N).p_value
    assert found.statement == "x: missing 0.0 % -> 10.0 % of rows"


def test_p_values_are_adjusted_over_all_tests_that_could_reject():
    report = measure({"x": NORMAL, "y": NORMAL}, {"x": MOVED, "y": NORMAL + 1e-9})
    found = shift(report, "x", Measure.KS_D)
    assert found.adjusted_p_value == pytest.approx(found.p_value)
    report = measure({"x": NORMAL, "y": NORMAL}, {"x": MOVED, "y": MOVED[::-1] - 0.1})
    found = shift(report, "x", Measure.KS_D)
    assert found.adjusted_p_value == pytest.approx(2 * found.p_value)


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ({"x": NORMAL, "y": NORMAL}, {"x": NORMAL}, Problem.ABSENT),
        ({"x": NORMAL, "y": NORMAL}, {"x": NORMAL, "y": ["a"] * N}, Problem.TYPE_CHANGED),
        ({"x": NORMAL, "y": NORMAL}, {"x": NORMAL, "y": [None] * N}, Problem.ALL_MISSING),
        ({"x": NORMAL, "y": ["a"] * N}, {"x": NORMAL, "y": [np.nan] * N}, Problem.TYPE_CHANGED),
        ({"x": NORMAL, "y": NORMAL}, {"x": NORMAL, "y": [1.0] + [np.nan] * (N - 1)}, Problem.TOO_FEW_VALUES),
        ({"x": NORMAL}, {"x": NORMAL, "y": NORMAL}, Problem.NEW_COLUMN),
        ({"x": NORMAL, "y": [[1]] * N}, {"x": NORMAL, "y": [[1]] * N}, Problem.UNSUPPORTED_TYPE),
    ],
)
def test_a_column_that_cannot_be_compared_says_why(before, after, problem):
    found = column(measure(before, after), "y")
    assert found.problem is problem
    assert found.statement.startswith("y: ")


def test_labels_may_come_later():
    report = measure({"x": NORMAL, "t": [0, 1] * (N // 2)}, {"x": NORMAL}, target="t")
    assert column(report, "t").problem is Problem.NO_LABELS_YET
    assert column(report, "t").role is Role.TARGET


def test_time_stamps_row_labels_and_the_window_are_not_compared_unless_named():
    days = pd.date_range("2026-01-01", periods=N, freq="h")
    before = {"x": NORMAL, "at": days, "__index_level_0__": range(N), "day": range(N)}
    now = {"x": NORMAL, "at": days + pd.Timedelta(days=90), "__index_level_0__": range(N), "day": range(N)}
    assert [c.column for c in measure(before, now, window_column="day").columns] == ["x"]
    named = measure(before, now, columns=["at"])
    assert column(named, "at").kind is ColumnKind.TIME
    assert shift(named, "at", Measure.KS_D).effect == 1
    assert "median 2026-02-01" in shift(named, "at", Measure.KS_D).statement


@pytest.mark.parametrize(
    ("before", "after", "kwargs", "message"),
    [
        ({"x": [1.0]}, {"y": [1.0]}, {}, "before and current now share none of the columns"),
        ({"x": [1.0]}, {"x": [1.0]}, {"columns": ["z"]}, "before has no column 'z'"),
        ({"x": [1.0]}, {"x": [1.0]}, {"target": "z"}, "before has no column 'z'"),
        ({"x": [1.0]}, {"x": [1.0]}, {"column_kinds": {"z": ColumnKind.NUMERIC}}, "'column_kinds' names 'z'"),
        ({"x": [1.0]}, {"x": [1.0]}, {"column_kinds": {"x": ColumnKind.TIME}}, "it must be numeric or categorical"),
        ({"x": ["a"]}, {"x": ["a"]}, {"column_kinds": {"x": ColumnKind.NUMERIC}}, "holds categorical values"),
        ({"x": np.zeros(0)}, {"x": [1.0]}, {}, "before has no rows"),
    ],
)
def test_what_cannot_be_judged_is_an_error_that_names_it(before, after, kwargs, message):
    with pytest.raises(BadInputError, match=message):
        measure(before, after, **kwargs)


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ([None] * N, NORMAL, Problem.REFERENCE_MISSING),
        ([np.nan] * N, NORMAL, Problem.REFERENCE_MISSING),
        ([np.inf, *NORMAL[1:]], NORMAL, Problem.INFINITE),
        (NORMAL, [-np.inf, *NORMAL[1:]], Problem.INFINITE),
        ([[1]] * N, [[2]] * N, Problem.UNSUPPORTED_TYPE),
    ],
)
@pytest.mark.parametrize("windows", [None, "day"])
def test_one_bad_column_is_its_own_finding_and_the_others_are_judged(before, after, problem, windows):
    days = [i % 40 for i in range(N)]
    measured = measure(
        {"x": NORMAL, "y": before, "day": days}, {"x": MOVED, "y": after, "day": days}, window_column=windows
    )
    assert column(measured, "y").problem is problem
    assert shift(measured, "x", Measure.KS_D).adjusted_p_value < 0.01
    verdict = judge_drift(measured, DriftPolicy())
    told = next(finding for finding in verdict.findings if finding.subject == "y")
    quiet = problem is Problem.UNSUPPORTED_TYPE
    assert told.status is (Status.PASS if quiet else Status.INSUFFICIENT_EVIDENCE)


CODES = np.random.default_rng(1).choice(5, N, p=[0.3, 0.3, 0.2, 0.1, 0.1]) + 1


@pytest.mark.parametrize("typed", [np.int64, np.float64, str])
def test_a_new_code_is_seen_whatever_the_type_of_the_codes(typed):
    now = CODES.copy()
    now[:: N // 80] = 9
    found = shift(measure({"x": CODES.astype(typed)}, {"x": now.astype(typed)}), "x", Measure.UNSEEN_SHARE)
    assert found.effect == pytest.approx((now == 9).mean())
    assert "9" in found.statement
    assert column(measure({"x": CODES.astype(typed)}, {"x": CODES.astype(typed)}), "x").kind is ColumnKind.CATEGORICAL


def test_few_whole_numbers_are_codes_and_many_or_rare_ones_are_not():
    kinds = {
        20: np.arange(N) % 20,
        21: np.arange(N) % 21,
    }
    found = {levels: column(measure({"x": values}, {"x": values}), "x").kind for levels, values in kinds.items()}
    assert found == {20: ColumnKind.CATEGORICAL, 21: ColumnKind.NUMERIC}
    few = np.arange(300) % 15  # 5 % of the rows
    assert column(measure({"x": few}, {"x": few}), "x").kind is ColumnKind.NUMERIC


def test_what_whole_numbers_stand_for_can_be_declared():
    as_numbers = measure({"x": CODES}, {"x": CODES}, column_kinds={"x": ColumnKind.NUMERIC})
    assert column(as_numbers, "x").kind is ColumnKind.NUMERIC
    many = np.random.default_rng(2).integers(0, 400, N)
    as_codes = measure(
        {"x": many}, {"x": np.where(many < 200, many, 9_999)}, column_kinds={"x": ColumnKind.CATEGORICAL}
    )
    assert column(as_codes, "x").kind is ColumnKind.CATEGORICAL
    assert shift(as_codes, "x", Measure.UNSEEN_SHARE).effect > 0.3


def test_whole_numbers_that_turn_into_fractions_are_compared_as_numbers():
    moved = measure({"x": CODES * 1.0}, {"x": CODES + 0.01})
    assert column(moved, "x").kind is ColumnKind.NUMERIC
    assert judge_drift(moved, DriftPolicy()).status is Status.NOTICE


def test_codes_of_a_batch_with_thousands_of_numbers_are_still_counted():
    now = np.where(np.arange(N) % 2, CODES, np.arange(N) + 100)
    assert shift(measure({"x": CODES}, {"x": now}), "x", Measure.UNSEEN_SHARE).effect == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("before", "after", "is_key"),
    [
        (np.arange(N), np.arange(N) + N, True),
        (np.arange(N), np.arange(900), True),
        (np.arange(N) * 3600 + 1_700_000_000, np.arange(900) * 3600 + 1_800_000_000, True),
        (np.arange(N) * 1.0, np.arange(N) * 1.0 + N, True),
        (np.sort(np.random.default_rng(0).integers(0, 10**9, N)), np.arange(N) * 7 * 10**4, False),
        (np.random.default_rng(0).permutation(N), np.random.default_rng(0).permutation(N) + N, False),
        (np.arange(N) * 0.5, np.arange(N) * 0.5 + N, False),
    ],
)
def test_whole_numbers_that_rise_from_row_to_row_are_a_key_and_not_compared(before, after, is_key):
    measured = measure({"id": before, "x": NORMAL}, {"id": after, "x": NORMAL[: len(after)]}, joint=True)
    assert (column(measured, "id").problem is Problem.KEY) is is_key
    if is_key:
        assert "as keys and times do, so it is not compared" in column(measured, "id").statement
        verdict = judge_drift(measured, DriftPolicy())
        assert verdict.status is Status.PASS
        declared = measure({"id": before}, {"id": after}, column_kinds={"id": ColumnKind.NUMERIC})
        assert column(declared, "id").problem is None


def test_keys_alone_are_no_sign_that_nothing_drifted():
    verdict = judge_drift(measure({"id": np.arange(N)}, {"id": np.arange(N) + N}), DriftPolicy())
    assert verdict.status is Status.INSUFFICIENT_EVIDENCE


def test_a_current_batch_without_rows_is_measured_as_such():
    report = measure({"x": NORMAL}, {"x": np.zeros(0)}, joint=True)
    assert (report.current_rows, report.joint) == (0, None)


def test_the_report_survives_its_json_and_is_the_same_every_time():
    before = {"x": NORMAL, "c": rng.choice(list("abc"), N)}
    now = {"x": MOVED, "c": rng.choice(list("abd"), N)}
    first, second = (measure(before, now, joint=True) for _ in range(2))
    assert canonical_json(first) == canonical_json(second)
    assert decode(DriftReport, encode(first)) == first


def test_values_of_sensitive_columns_never_appear():
    before = {"x": NORMAL, "race": ["anna", "bert"] * (N // 2), "age": NORMAL + 40}
    now = {"x": NORMAL, "race": ["anna", "carla", "carla"] * (N // 3), "age": NORMAL + 60}
    text = canonical_json(measure(before, now, sensitive=["race", "age"], joint=True)).decode()
    assert not any(value in text for value in ("anna", "carla", "40.", "60."))


def test_an_interaction_that_no_column_shows_is_seen_by_the_joint_test():
    x, noise = rng.normal(size=(3000, 1)), rng.normal(size=(3000, 3))
    before = pd.DataFrame(np.hstack([x, x + 0.5 * noise[:, :1], noise[:, 1:]]), columns=list("abcd"))
    now = before.assign(a=rng.permutation(before["a"]))
    report = measure(before, now, joint=True)
    assert all(found.adjusted_p_value > 0.5 for c in report.columns for found in c.shifts)
    assert report.joint.auc > 0.6
    assert report.joint.p_value < 1e-4
    assert set(list(report.joint.contributions)[:2]) == {"a", "b"}


def test_whole_numbers_that_move_by_next_to_nothing_do_not_tell_the_sides_apart():
    own = np.random.default_rng(1)

    def parents():
        mother = own.integers(6, 19, 4000).astype(float)
        father = np.where(own.random(4000) < 0.7, mother, own.integers(6, 19, 4000))
        return pd.DataFrame({"mother": mother, "father": father})

    before, now = parents(), parents()
    moved = now.assign(mother=now.mother + 0.02 * now.mother.std())
    assert measure(before, moved, joint=True).joint.auc < 0.55
    assert measure(before, now.assign(mother=own.permutation(now.mother)), joint=True).joint.auc > 0.6


def test_the_joint_test_says_why_it_did_not_run():
    report = measure({"x": NORMAL[:60], "y": NORMAL[:60]}, {"x": MOVED, "y": MOVED}, joint=True)
    assert report.joint is None
    assert "fewer than 100 rows" in report.joint_note


def test_copies_of_a_row_count_once_when_their_group_is_named():
    frame = pd.DataFrame({"x": rng.normal(size=300), "c": rng.choice(list("ab"), 300), "who": range(300)})
    copied = pd.concat([frame] * 10, ignore_index=True)
    moved = pd.concat([frame.assign(x=frame.x + 0.12, who=frame.who + 1000)] * 10, ignore_index=True)
    by_rows = measure(copied.drop(columns="who"), moved.drop(columns="who"))
    by_group = measure(copied, moved, group_column="who")
    assert shift(by_rows, "x", Measure.KS_D).p_value < 1e-4
    once = measure(frame[["x", "c"]], moved[:300][["x", "c"]])
    assert shift(by_group, "x", Measure.KS_D) == shift(once, "x", Measure.KS_D)
    assert shift(by_group, "c", Measure.TVD).p_value == pytest.approx(shift(once, "c", Measure.TVD).p_value)
    assert by_group.group_column == "who"


def test_the_joint_test_does_not_take_known_people_for_the_same_distribution():
    people = rng.normal(size=(400, 6))

    def visits(who):
        frame = pd.DataFrame(people[who].repeat(4, axis=0), columns=list("abcdef")).assign(who=np.repeat(who, 4))
        return frame.sample(frac=1, random_state=0)

    before, now = visits(np.arange(200)), visits(np.arange(200, 400))
    careless = measure(before.drop(columns="who"), now.drop(columns="who"), joint=True)
    careful = measure(before, now, joint=True, group_column="who")
    assert careless.joint.auc > 0.7
    assert careful.joint.p_value > 0.001


@pytest.mark.parametrize("side", ["before", "now"])
def test_a_group_column_that_is_not_there_or_has_gaps_is_named(side):
    whole = pd.DataFrame({"x": NORMAL, "who": range(N)})
    for broken, message in (
        (whole.drop(columns="who"), f"{side} has no column 'who'"),
        (whole.assign(who=[None, *range(1, N)]), f"{side}: group column 'who' is missing in 1 rows"),
    ):
        frames = (broken, whole) if side == "before" else (whole, broken)
        with pytest.raises(BadInputError, match=message):
            measure(*frames, group_column="who")


def test_wasserstein_is_scipys_in_standard_deviations():
    report = measure({"x": NORMAL}, {"x": MOVED}, precision=Precision(wasserstein=True))
    expected = wasserstein_distance(NORMAL, MOVED) / NORMAL.std()
    assert column(report, "x").distances["wasserstein"] == pytest.approx(expected)


def test_psi_and_jensen_shannon_of_numbers_are_taken_over_the_references_deciles():
    report = measure({"x": NORMAL}, {"x": MOVED})
    cuts = np.quantile(NORMAL, np.arange(1, 10) / 10)
    tables = [np.bincount(np.searchsorted(cuts, side), minlength=10) for side in (NORMAL, MOVED)]
    assert column(report, "x").distances["psi"] == pytest.approx(psi(*tables), rel=0.1)
    assert column(report, "x").distances["jensen_shannon"] == pytest.approx(jensen_shannon(*tables), rel=0.1)


def test_a_profile_in_place_of_the_rows_gives_the_same_numbers_without_the_joint_test():
    before, now = {"x": NORMAL, "c": ["a", "b"] * (N // 2)}, {"x": MOVED, "c": ["a", "c"] * (N // 2)}
    rows, batch = in_batches(pd.DataFrame(before), "before"), in_batches(pd.DataFrame(now), "now")
    profiles = profile_rows(rows, rows.columns)
    known = ProfiledDataset(uri="p", schema=rows.schema, rows=N, profiles=profiles)
    report = measure_drift(known, batch)
    assert report.joint is None
    assert "profile without rows" in report.joint_note
    found, exact = shift(report, "x", Measure.KS_D), ks(NORMAL, MOVED).statistic
    assert found.effect <= exact <= found.effect_high + 1e-12
    assert shift(report, "c", Measure.TVD) == shift(measure(before, now), "c", Measure.TVD)
    shared = measure_drift(shareable_profile(known), batch)
    assert shift(shared, "x", Measure.KS_D).effect <= ks(NORMAL, MOVED).statistic
    assert shift(shared, "c", Measure.UNSEEN_SHARE).effect == pytest.approx(0.5)
