"""What the named drift rules do, as ``docs/explanation/drift-error-rates.md`` has it: fewer replicates, same table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from airflow_mlops_provider.analysis.drift import Precision, measure_drift
from airflow_mlops_provider.analysis.drift.evidently_report import measure_evidently
from airflow_mlops_provider.analysis.drift.scan import profile_rows
from airflow_mlops_provider.decisions.drift import DriftPolicy, DriftRule, judge_drift
from airflow_mlops_provider.records.verdict import Status
from tests.monte_carlo.test_drift import NUMERIC, TABLE, Rows, draw, mix_change, more_missing, shifted, wider

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

ALL_VALUES = Precision(exact_rows=10**9, wasserstein=True)
TESTS = (DriftRule.SIDAK_KS, DriftRule.CHI_SQUARED)
LIMITS = (DriftRule.WASSERSTEIN, DriftRule.JENSEN_SHANNON, DriftRule.PSI)


def failing(reference, current, profiles=None):
    """The columns that each rule calls drifted."""
    report = measure_drift(reference, current, joint=False, precision=ALL_VALUES, profiles=profiles)
    verdicts = {rule: judge_drift(report, DriftPolicy(rule=rule)) for rule in (*TESTS, *LIMITS)}
    return {rule: {finding.subject for finding in found.of_status(Status.FAIL)} for rule, found in verdicts.items()}


def months_with_alarms(rows, months):
    rng, alarms = np.random.default_rng([9, rows]), dict.fromkeys((*TESTS, *LIMITS), 0)
    for _ in range(months):
        reference = Rows(draw(rng, rows))
        profiles = profile_rows(reference, reference.columns)
        days = [failing(reference, Rows(draw(rng, rows)), profiles) for _ in range(30)]
        for rule in alarms:
            alarms[rule] += any(day[rule] for day in days)
    print(rows, months, alarms)
    return alarms


def test_named_rules_in_quiet_months_of_500_rows_a_day(at_least, at_most):
    alarms = months_with_alarms(500, 30)
    for rule in TESTS:
        at_least(alarms[rule], 30, 0.40)
    for rule in (DriftRule.WASSERSTEIN, DriftRule.JENSEN_SHANNON):
        at_least(alarms[rule], 30, 0.95)
    at_most(alarms[DriftRule.PSI], 30, 0.05)


def test_named_rules_in_quiet_months_of_5_000_rows_a_day(at_least, at_most):
    alarms = months_with_alarms(5_000, 20)
    for rule in TESTS:
        at_least(alarms[rule], 20, 0.40)
    for rule in LIMITS:
        at_most(alarms[rule], 20, 0.05)


def found_by(change, *, rows=5_000, checks=40):
    rng, found = np.random.default_rng([10, rows]), dict.fromkeys((*TESTS, *LIMITS), 0)
    for _ in range(checks):
        reference = Rows(draw(rng, rows))
        current, column = change(draw(rng, rows), rng)
        for rule, columns in failing(reference, current).items():
            found[rule] += column in columns
    print(found)
    return found


def test_psi_misses_a_mix_change_of_ten_points(at_least, at_most):
    def change(table, rng):
        column = rng.choice(["region", "married", "smsa"])
        return mix_change(table, column, 0.10, rng), column

    found = found_by(change)
    at_most(found[DriftRule.PSI], 40, 0.05)
    at_most(found[DriftRule.JENSEN_SHANNON], 40, 0.75)
    for rule in TESTS:
        at_least(found[rule], 40, 0.95)


def test_no_named_rule_sees_missing_values():
    found = found_by(lambda table, rng: (more_missing(table, "wage", 0.05, rng), "wage"))
    assert not any(found.values())


def test_three_tenths_of_a_deviation_are_found_by_all_of_them_but_psi(at_least, at_most):
    def change(table, rng):
        column = rng.choice(NUMERIC)
        return shifted(table, column, 0.3), column

    found = found_by(change)
    at_most(found.pop(DriftRule.PSI), 40, 0.75)
    for hits in found.values():
        at_least(hits, 40, 0.95)


def test_tests_without_a_floor_page_on_two_hundredths_of_a_deviation_at_50_000_rows(at_least):
    found = found_by(lambda table, rng: (shifted(table, "wage", 0.02), "wage"), rows=50_000, checks=10)
    for rule in TESTS:
        at_least(found[rule], 10, 0.95)


@pytest.mark.parametrize(("rows", "share"), [(500, 1.0), (5_000, 0.0)])
def test_psi_counts_levels_instead_of_drift(rows, share):
    rng, weights = np.random.default_rng(0), 1 / np.arange(1, 106) ** 0.7
    names = np.array([f"level {i}" for i in range(105)])

    def column():
        return Rows(pa.table({"x": pa.array(rng.choice(names, rows, p=weights / weights.sum()))}))

    alarms = [bool(failing(column(), column())[DriftRule.PSI]) for _ in range(20)]
    assert np.mean(alarms) == share


def test_one_outlier_hides_a_shift_of_a_whole_deviation_from_wasserstein():
    rng = np.random.default_rng(0)
    reference, current = rng.normal(size=5_000), rng.normal(size=5_000) + 1
    outlier = np.append(reference[1:], 1_000.0)
    for before, found in ((reference, {"x"}), (outlier, set())):
        sides = (Rows(pa.table({"x": before})), Rows(pa.table({"x": current})))
        assert failing(*sides)[DriftRule.WASSERSTEIN] == found


@pytest.mark.parametrize("change", ["shift", "spread", "missing"])
def test_evidently_never_finds_one_drifted_column(change):
    rng = np.random.default_rng(13)
    reference, current = Rows(draw(rng, 2_000)), draw(rng, 2_000)
    drifted = {
        "shift": lambda: shifted(current, "wage", 1),
        "spread": lambda: wider(current, "wage", 1.5),
        "missing": lambda: more_missing(current, "wage", 0.6, rng),
    }[change]()
    found = measure_evidently(reference, drifted, TABLE.column_names)
    assert found.share < 0.5
    report = replace(measure_drift(reference, drifted, joint=False), evidently_share=found.share)
    assert judge_drift(report, DriftPolicy(rule=DriftRule.EVIDENTLY)).status is Status.PASS
    if change == "missing":
        assert "wage" not in found.drifted  # missing values are dropped


def test_any_column_drifted_by_evidently_alarms_on_most_quiet_days_of_500_rows(at_least):
    rng, checks = np.random.default_rng([12, 500]), 5
    days = [measure_evidently(Rows(draw(rng, 500)), Rows(draw(rng, 500)), TABLE.column_names) for _ in range(checks)]
    print([sorted(day.drifted) for day in days])
    assert all(day.share < 0.5 for day in days)
    at_least(sum(bool(day.drifted) for day in days), checks, 0.5)
