"""What the decay rule states: how often a quiet month alarms, and how soon a drop is found.

Accuracy of 80 % in windows of labelled rows: a reference, 30 windows of history, then a month of 30 windows.
"""

from __future__ import annotations

import numpy as np
import pytest

from airflow_mlops_provider.analysis.decay import measure_decay, window_of_proportion
from airflow_mlops_provider.decisions.decay import DecayPolicy, DecayRule, judge_decay
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.verdict import Status

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

MONTHS = 400


def windows(rng, count, rows, *, right=0.8, between=0.0, start=0):
    shares = np.clip(right + between * rng.normal(size=count), 0, 1)
    return [
        window_of_proportion(f"d{start + at:03d}", hits / rows, rows)
        for at, hits in enumerate(rng.binomial(rows, shares))
    ]


def alarms(history, days, policy):
    """Day by day, as a Dag would ask."""
    found = []
    for at in range(1, len(days) + 1):
        report = measure_decay("accuracy", Direction.HIGHER, [*history, *days[:at]])
        found.append(judge_decay(report, policy).status is Status.FAIL)
    return found


def quiet_months(rows, *, between=0.0, policy=DecayPolicy(), history=31, seed=0):
    rng, found = np.random.default_rng([seed, rows]), 0
    for _ in range(MONTHS):
        past = windows(rng, history, rows, between=between)
        found += any(alarms(past, windows(rng, 30, rows, between=between, start=history), policy))
    print(f"{found} of {MONTHS} quiet months alarm at {rows} rows a day, {policy.rule}")
    return found


@pytest.mark.parametrize("rows", [500, 5_000])
@pytest.mark.parametrize("between", [0.0, 0.01])
def test_quiet_months_alarm_rarely_also_when_days_differ_by_themselves(rows, between, at_most):
    at_most(quiet_months(rows, between=between), MONTHS, 0.08 if between else 0.06)


@pytest.mark.parametrize(("rows", "at_least_share"), [(500, 0.66), (5_000, 0.99)])
def test_a_drop_of_three_points_is_found_within_a_week(rows, at_least_share, at_least):
    rng, found = np.random.default_rng([1, rows]), 0
    for _ in range(MONTHS):
        past = windows(rng, 31, rows)
        found += any(alarms(past, windows(rng, 7, rows, right=0.767, start=31), DecayPolicy()))
    print(f"a drop of 3.3 points is found within 7 days in {found} of {MONTHS} at {rows} rows a day")
    at_least(found, MONTHS, at_least_share)


def test_the_handbooks_rules_alarm_in_most_quiet_months(at_least):
    for rule, share in ((DecayRule.RAW, 0.95), (DecayRule.TWO_SIGMA, 0.4), (DecayRule.IQR, 0.15)):
        at_least(quiet_months(500, policy=DecayPolicy(rule=rule), seed=2), MONTHS, share)
