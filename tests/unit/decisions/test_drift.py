"""When a shift is drift: significance and effect, budgets, ranking, and never a pass on nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.decisions.drift import DriftPolicy, DriftRule, judge_drift
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import decode, encode
from airflow_mlops_provider.records.reports.drift import (
    ColumnDrift,
    ColumnKind,
    DriftReport,
    JointDrift,
    Measure,
    Problem,
    Role,
    Shift,
    WindowDrift,
)
from airflow_mlops_provider.records.verdict import Status


def shifted(name, effect, p, *, measure=Measure.KS_D, role=Role.FEATURE, adjusted=None):
    shift = Shift(
        measure=measure,
        effect=effect,
        effect_high=effect,
        p_value=p,
        adjusted_p_value=p if adjusted is None else adjusted,
        statement=f"{name}: median 1 -> 2, higher",
    )
    return ColumnDrift(column=name, role=role, kind=ColumnKind.NUMERIC, shifts=(shift,))


def report(*columns, rows=5000, joint=None):
    return DriftReport(reference_rows=rows, current_rows=rows, columns=columns, joint=joint)


def judge(*columns, policy=None, **kwargs):
    return judge_drift(report(*columns, **kwargs), policy or DriftPolicy())


@pytest.mark.parametrize(
    ("effect", "p", "status"),
    [
        (0.06, 1e-9, Status.FAIL),
        (0.04, 1e-9, Status.NOTICE),
        (0.06, 0.01, Status.PASS),
        (0.00, 1.0, Status.PASS),
    ],
)
def test_drift_needs_significance_and_effect(effect, p, status):
    assert judge(shifted("hours", effect, p)).status is status


def test_the_summary_names_the_worst_column_and_its_number_against_its_limit():
    verdict = judge(
        shifted("union", 0.01, 0.5),
        shifted("married", 0.16, 1e-9, measure=Measure.TVD),
        shifted("hours", 0.21, 1e-30),
    )
    assert verdict.summary == "2 of 3 columns drifted (worst: hours, KS D 0.21 > 0.05)"
    assert [finding.subject for finding in verdict.findings] == ["hours", "married", "union"]
    assert verdict.findings[0].detail == "hours: median 1 -> 2, higher (severe); assumes independent rows"


def test_the_level_is_the_months_budget_shared_by_its_checks():
    on_the_edge = shifted("x", 0.2, 0.05 / 30)
    assert judge(on_the_edge).status is Status.FAIL
    assert judge(on_the_edge, policy=DriftPolicy(checks_per_month=31)).status is Status.PASS


def test_the_joint_test_takes_a_fifth_of_the_budget():
    joint = JointDrift(auc=0.5, p_value=0.5, reference_rows=5000, current_rows=5000)
    on_the_edge = shifted("x", 0.2, 0.05 / 30)
    assert judge(on_the_edge, joint=joint).status is Status.PASS
    assert judge(on_the_edge, joint=joint, policy=DriftPolicy(joint=False)).status is Status.FAIL
    seen = replace(joint, auc=0.62, p_value=0.05 / 30 * 0.2, contributions={"hours": 0.1})
    verdict = judge(shifted("x", 0, 1), joint=seen)
    assert verdict.status is Status.FAIL
    assert "0 of 1 columns drifted" in verdict.summary
    assert "joint AUC 0.62 > 0.55" in verdict.summary
    assert "AUC lost without: hours 0.10; no column drifted by itself" in verdict.findings[0].detail
    together = judge(shifted("x", 0.2, 0.0), joint=seen).of_status(Status.FAIL)
    assert not any("by itself" in finding.detail for finding in together)
    assert judge(shifted("x", 0, 1), joint=replace(seen, auc=0.54)).status is Status.NOTICE


def test_too_few_rows_are_insufficient_evidence_and_never_no_drift():
    verdict = judge(shifted("x", 0.0, 1.0), rows=199)
    assert verdict.status is Status.INSUFFICIENT_EVIDENCE
    assert "199 rows" in verdict.summary
    assert judge(shifted("x", 0.0, 1.0), rows=200).status is Status.PASS


def test_a_report_without_any_column_is_insufficient_evidence():
    assert judge().status is Status.INSUFFICIENT_EVIDENCE


@pytest.mark.parametrize(
    ("problem", "status"),
    [
        (Problem.ABSENT, Status.FAIL),
        (Problem.ALL_MISSING, Status.FAIL),
        (Problem.TYPE_CHANGED, Status.FAIL),
        (Problem.TOO_FEW_VALUES, Status.INSUFFICIENT_EVIDENCE),
        (Problem.NO_LABELS_YET, Status.NOTICE),
        (Problem.NEW_COLUMN, Status.NOTICE),
        (Problem.REFERENCE_MISSING, Status.INSUFFICIENT_EVIDENCE),
        (Problem.INFINITE, Status.INSUFFICIENT_EVIDENCE),
        (Problem.UNSUPPORTED_TYPE, Status.PASS),
        (Problem.KEY, Status.PASS),
    ],
)
def test_a_column_that_cannot_be_compared_is_told(problem, status):
    broken = ColumnDrift(column="y", kind=ColumnKind.NUMERIC, problem=problem, statement="y: broken")
    verdict = judge(shifted("x", 0.0, 1.0), broken)
    assert verdict.status is status
    assert "y: broken" in [finding.detail.partition("; ")[0] for finding in verdict.findings]


def test_target_and_prediction_drift_are_told_apart_from_features():
    verdict = judge(
        shifted("x", 0.0, 1.0),
        shifted("wage", 0.3, 1e-9, role=Role.TARGET),
        shifted("score", 0.3, 1e-9, role=Role.PREDICTION),
    )
    assert verdict.summary == (
        "0 of 1 columns drifted, but the target and the prediction drifted (wage, KS D 0.3 > 0.05)"
    )
    assert {finding.detail.split(":")[0] for finding in verdict.of_status(Status.FAIL)} == {
        "target drift",
        "prediction drift",
    }


effects, p_values = st.floats(0, 1), st.floats(0, 1)


@given(effects, effects, p_values, p_values, st.sampled_from(list(Measure)[:4]))
def test_a_worse_number_never_earns_a_milder_status(effect, more, p, less, measure):
    mild = judge(shifted("x", min(effect, more), max(p, less), measure=measure))
    bad = judge(shifted("x", max(effect, more), min(p, less), measure=measure))
    assert bad.status.severity >= mild.status.severity


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("monthly_false_alarm", 0.0),
        ("monthly_false_alarm", 1.0),
        ("monthly_false_alarm", float("nan")),
        ("checks_per_month", 0),
        ("min_ks_d", -0.1),
        ("severe_ks_d", 1.1),
        ("severe_ks_d", 0.01),
        ("min_tvd", 2.0),
        ("min_missing_change", -1.0),
        ("min_unseen_share", float("nan")),
        ("min_joint_auc", 0.4),
        ("min_rows", 0),
        ("rule", "my_rule"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(key, value):
    with pytest.raises(BadInputError, match=f"DriftPolicy.{key}"):
        DriftPolicy(**{key: value})


def test_a_policy_is_read_from_plain_json():
    assert decode(DriftPolicy, encode(DriftPolicy())) == DriftPolicy()
    assert decode(DriftPolicy, {"rule": "psi"}).rule is DriftPolicy(rule="psi").rule is DriftRule.PSI
    with pytest.raises(BadInputError, match="unknown key 'min_ks'"):
        decode(DriftPolicy, {"min_ks": 0.1})


def windows(p_value, *, previous=None, **scores):
    scores = scores or {"hours": 9.0, "union": 1.0}
    return WindowDrift(
        column="day",
        windows=60,
        score=max(scores.values()),
        p_value=p_value,
        worst_column=max(scores, key=scores.get),
        standardised=scores,
        alarm_score=3.0,
        statements={"hours": "hours: median 1 -> 2, higher"},
        previous_alarm=previous,
    )


@pytest.mark.parametrize(
    ("p_value", "previous", "status"),
    [
        (0.05, True, Status.FAIL),
        (0.05, False, Status.NOTICE),
        (0.05, None, Status.NOTICE),
        (0.06, True, Status.PASS),
    ],
)
def test_only_the_second_unusual_window_in_a_row_is_an_alarm(p_value, previous, status):
    row_wise = shifted("hours", 0.9, 0.0)
    found = replace(report(row_wise), windows=windows(p_value, previous=previous))
    verdict = judge_drift(found, DriftPolicy())
    assert verdict.status is status
    assert "calibrated on 60 windows" in verdict.findings[0].detail
    assert "independent" not in verdict.findings[0].detail


def test_windows_name_the_columns_that_stand_out_and_a_lost_column_fails_at_once():
    found = replace(report(shifted("hours", 0, 1), shifted("union", 0, 1)), windows=windows(0.01, previous=True))
    verdict = judge_drift(found, DriftPolicy())
    assert verdict.summary.startswith("1 of 2 columns drifted (worst: hours, window score 9 > 3)")
    assert verdict.findings[0].detail == "hours: median 1 -> 2, higher; calibrated on 60 windows of the reference"
    lost = ColumnDrift(column="y", kind=ColumnKind.NUMERIC, problem=Problem.ABSENT, statement="y: missing")
    assert judge_drift(replace(report(lost), windows=windows(0.9)), DriftPolicy()).status is Status.FAIL


def measured(name, *, kind=ColumnKind.NUMERIC, p=0.5, chi=0.5, **distances):
    column = shifted(name, 0.2, p, measure=Measure.KS_D if kind is ColumnKind.NUMERIC else Measure.TVD)
    usual = {"psi": 0.0, "jensen_shannon": 0.0} | ({"wasserstein": 0.0} if kind is ColumnKind.NUMERIC else {})
    return replace(column, kind=kind, distances=usual | distances, p_values={"chi_squared": chi})


@pytest.mark.parametrize(
    ("rule", "quiet", "drifted"),
    [
        ("sidak_ks", {"p": 0.0018}, {"p": 0.0017}),
        ("chi_squared", {"chi": 0.0018}, {"chi": 0.0017}),
        ("wasserstein", {"wasserstein": 0.09}, {"wasserstein": 0.1}),
        ("wasserstein", {"kind": ColumnKind.CATEGORICAL}, {"kind": ColumnKind.CATEGORICAL, "jensen_shannon": 0.1}),
        ("jensen_shannon", {"jensen_shannon": 0.09}, {"jensen_shannon": 0.1}),
        ("psi", {"psi": 0.19}, {"psi": 0.2}),
    ],
)
def test_a_named_rule_judges_by_its_own_limit_and_says_so(rule, quiet, drifted):
    others = [measured(f"c{i}") for i in range(29)]
    policy = DriftPolicy(rule=rule)
    assert judge(measured("x", **quiet), *others, policy=policy).status is Status.PASS
    verdict = judge(measured("x", **drifted), *others, policy=policy)
    assert verdict.status is Status.FAIL
    assert [finding.subject for finding in verdict.of_status(Status.FAIL)] == ["x"]
    assert f"named rule {rule}" in verdict.findings[0].detail


def test_evidentlys_rule_needs_half_of_the_columns():
    columns = [measured("x", evidently_drifted=1.0), measured("y")]
    policy = DriftPolicy(rule="evidently")
    for share, status in ((0.49, Status.PASS), (0.5, Status.FAIL), (None, Status.INSUFFICIENT_EVIDENCE)):
        verdict = judge_drift(replace(report(*columns), evidently_share=share), policy)
        assert verdict.status is status
    assert "x drifted" in judge_drift(replace(report(*columns), evidently_share=0.5), policy).findings[0].detail


def test_what_a_rule_needs_and_was_not_measured_is_never_a_pass():
    column = replace(measured("x"), distances={"psi": 0.0, "jensen_shannon": 0.0})
    assert judge(column, policy=DriftPolicy(rule="wasserstein")).status is Status.INSUFFICIENT_EVIDENCE


@pytest.mark.parametrize(
    ("robust", "high", "status"),
    [
        (0.05, 0.05, Status.FAIL),
        (0.04, 0.04, Status.NOTICE),
        (0.04, 0.06, Status.INSUFFICIENT_EVIDENCE),
    ],
)
def test_a_distance_that_small_moves_explain_is_a_notice_that_says_so(robust, high, status):
    shift = replace(shifted("x", 0.3, 1e-9).shifts[0], robust=robust, robust_high=high)
    verdict = judge(replace(shifted("x", 0, 1), shifts=(shift,)))
    assert verdict.status is status
    assert ("of where they were" in verdict.findings[0].detail) == (status is Status.NOTICE)
    assert ("by the smallest of moves" in verdict.summary) == (status is Status.NOTICE)
    assert ("severe" in verdict.findings[0].detail) == (robust >= 0.1)


def test_an_interval_that_contains_the_limit_is_no_pass_when_nothing_can_be_computed_exactly():
    shift = replace(shifted("x", 0.0495, 1e-9).shifts[0], effect_high=0.0505)
    column = replace(shifted("x", 0, 1), shifts=(shift,))
    assert judge(column).status is Status.INSUFFICIENT_EVIDENCE


def test_the_chi_squared_rule_holds_its_p_value_against_its_level():
    columns = [measured(f"c{i}") for i in range(29)]
    verdict = judge(measured("x", chi=0.001), *columns, policy=DriftPolicy(rule="chi_squared"))
    worst = verdict.findings[0]
    assert (worst.subject, worst.measure, worst.observed) == ("x", "chi_squared", 0.001)
    assert worst.observed < worst.limit
    assert "worst: x, chi-squared p 0.001 < 0.0017" in verdict.summary


def test_the_joint_test_says_that_no_column_drifted_only_when_none_did():
    joint = JointDrift(auc=0.8, p_value=1e-9, reference_rows=5000, current_rows=5000)
    gone = ColumnDrift(column="y", kind=ColumnKind.NUMERIC, problem=Problem.ALL_MISSING, statement="y: all missing")
    for columns, said in (((), True), ((gone,), False)):
        found = judge(shifted("x", 0.0, 1.0), *columns, joint=joint).findings
        assert any("no column drifted by itself" in finding.detail for finding in found) is said


def test_numbers_on_either_side_of_a_limit_are_written_apart():
    assert "KS D 0.0501 > 0.05" in judge(shifted("x", 0.0501, 1e-9)).summary


def test_a_target_alone_is_not_summed_up_as_none_of_no_columns():
    target = shifted("z", 0.2, 1e-9, role=Role.TARGET)
    assert judge(target).summary == "the target drifted (z, KS D 0.2 > 0.05)"
    assert judge(replace(target, shifts=())).summary.startswith("no feature was compared")


def test_one_row_is_one_row():
    assert "reference has 1 row, fewer" in judge(shifted("x", 0.2, 1.0), rows=1).summary
