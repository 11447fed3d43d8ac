from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_mlops_provider.decisions.decay import CUSUM_LIMIT, DecayPolicy, DecayRule, judge_decay
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.reports.decay import Cusum, DecayReport, WindowMetric
from airflow_mlops_provider.records.verdict import Status

QUIET = Cusum(score=0.4, baseline_windows=30, drop=0.001, since="d40")


def window(name: str, value: float, rows: int = 500) -> WindowMetric:
    return WindowMetric(window=name, rows=rows, value=value, std_error=0.02, is_proportion=True)


def report(*values: float, p: float = 0.5, rows: int = 500, **more) -> DecayReport:
    windows = tuple(window(f"d{at}", value, rows) for at, value in enumerate(values))
    made = DecayReport(
        metric="accuracy",
        direction=Direction.HIGHER,
        windows=windows,
        drop=values[0] - values[-1],
        p_value=p,
        between=None,
        method="two proportions",
        cusum=None,
    )
    return replace(made, **more)


def judge(made: DecayReport, **policy):
    return judge_decay(made, DecayPolicy(**policy))


def test_a_drop_that_is_large_and_beyond_chance_fails() -> None:
    verdict = judge(report(0.8, 0.7, p=1e-6))
    assert verdict.status is Status.FAIL
    assert verdict.summary == "accuracy of d1 is 0.7 against 0.8 of d0: decayed by 0.1"


def test_a_drop_within_chance_passes_and_says_what_it_assumes() -> None:
    verdict = judge(report(0.8, 0.77, p=0.01))
    assert verdict.status is Status.PASS
    assert "assumes independent rows" in verdict.findings[0].detail


def test_a_drop_beyond_chance_that_is_too_small_to_matter_is_a_notice() -> None:
    assert judge(report(0.8, 0.795, p=1e-9, rows=100_000)).status is Status.NOTICE


def test_too_few_rows_are_never_called_quiet() -> None:
    verdict = judge(report(0.8, 0.8, rows=150))
    assert verdict.status is Status.INSUFFICIENT_EVIDENCE
    assert "150 rows are too few (200 needed)" in verdict.summary


def test_the_test_and_the_cumulative_sum_share_the_budget() -> None:
    p = 0.05 / 30 * 0.9
    assert judge(report(0.8, 0.7, p=p)).status is Status.FAIL
    assert judge(report(0.8, 0.7, p=p, cusum=QUIET)).status is Status.PASS


def test_a_slow_drop_fails_by_the_cumulative_sum_and_says_since_when() -> None:
    slow = Cusum(score=CUSUM_LIMIT + 1, baseline_windows=30, drop=0.02, since="d33")
    verdict = judge(report(0.8, 0.79, cusum=slow))
    assert verdict.status is Status.FAIL
    assert verdict.summary == ("accuracy of d1 decayed slowly: mean drop 0.02 since d33 against the first 30 windows")


def test_a_slow_drop_too_small_to_matter_is_a_notice() -> None:
    slow = Cusum(score=CUSUM_LIMIT + 1, baseline_windows=30, drop=0.002, since="d33")
    assert judge(report(0.8, 0.8, cusum=slow)).status is Status.NOTICE


def test_raw_fails_on_any_loss() -> None:
    assert judge(report(0.8, 0.7999), rule=DecayRule.RAW).status is Status.FAIL
    assert judge(report(0.8, 0.8), rule=DecayRule.RAW).status is Status.PASS


@pytest.mark.parametrize("rule", [DecayRule.TWO_SIGMA, DecayRule.IQR])
def test_rules_of_the_history_follow_the_metrics_direction(rule: DecayRule) -> None:
    usual = (0.80, 0.81, 0.79, 0.80, 0.81, 0.79)
    assert judge(report(*usual, 0.79), rule=rule).status is Status.PASS
    assert judge(report(*usual, 0.70), rule=rule).status is Status.FAIL
    assert judge(report(*usual, 0.90), rule=rule).status is Status.PASS
    lower = report(*usual, 0.90, direction=Direction.LOWER, drop=0.1)
    assert judge(lower, rule=rule).status is Status.FAIL


@pytest.mark.parametrize("rule", [DecayRule.TWO_SIGMA, DecayRule.IQR])
def test_rules_of_the_history_need_one(rule: DecayRule) -> None:
    verdict = judge(report(0.8, 0.8, 0.5), rule=rule)
    assert verdict.status is Status.INSUFFICIENT_EVIDENCE
    assert "2 windows before it are too few (4 needed)" in verdict.summary


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("min_drop", -1),
        ("min_drop", float("nan")),
        ("monthly_false_alarm", 0),
        ("checks_per_month", 0),
        ("min_rows", 0),
    ],
)
def test_a_policy_out_of_range_is_refused_by_key(key: str, value: float) -> None:
    with pytest.raises(BadInputError, match=f"policy key '{key}'"):
        DecayPolicy(**{key: value})
