from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.decisions.evaluation import EvaluationPolicy, judge_evaluation
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import decode
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.model_spec import Task
from airflow_mlops_provider.records.reports.evaluation import (
    Bound,
    Comparison,
    EvaluationReport,
    Invariant,
    Latency,
)
from airflow_mlops_provider.records.verdict import Status


def comparison(
    gain: float, half: float, *, other: str = "champion", rows: int = 5000, p: float = 0.2, units: int | None = None
) -> Comparison:
    return Comparison(
        other=other,
        metric="accuracy",
        value=0.8,
        other_value=0.8 - gain,
        gain=gain,
        bounds=(
            Bound(alpha=0.0125, lower=gain - 2 * half, upper=gain + 2 * half),
            Bound(alpha=0.05, lower=gain - half, upper=gain + half),
        ),
        p_value=p,
        method="bootstrap",
        rows=rows,
        units=rows if units is None else units,
    )


DUMMY = comparison(0.3, 0.01, other="dummy", p=1e-9)


def report(champion: Comparison | None = None, dummy: Comparison | None = DUMMY, **more) -> EvaluationReport:
    return EvaluationReport(
        task=Task.CLASSIFICATION,
        metric="accuracy",
        direction=Direction.HIGHER,
        rows=5000,
        groups=None,
        candidate=(),
        against_dummy=dummy,
        against_champion=champion,
        **more,
    )


def status(champion: Comparison | None = None, policy: EvaluationPolicy | None = None, **more) -> Status:
    return judge_evaluation(report(champion, **more), policy or EvaluationPolicy()).status


def test_a_better_candidate_that_cannot_be_much_worse_is_promoted() -> None:
    assert status(comparison(0.004, 0.008)) is Status.PASS


@pytest.mark.parametrize("rows", [100, 500, 1999, 2000, 50_000])
def test_few_rows_do_not_block_a_candidate_whose_rule_holds(rows: int) -> None:
    assert status(comparison(0.02, 0.02, rows=rows)) is Status.PASS


def test_the_champion_stays_when_the_candidate_may_be_worse_than_the_margin() -> None:
    assert status(comparison(0.01, 0.016)) is Status.FAIL


def test_with_few_rows_an_undecided_gain_is_insufficient_evidence() -> None:
    assert status(comparison(0.01, 0.016, rows=1999)) is Status.INSUFFICIENT_EVIDENCE
    assert status(comparison(-0.01, 0.016, rows=1999)) is Status.INSUFFICIENT_EVIDENCE


def test_with_few_rows_a_candidate_that_is_clearly_worse_still_fails() -> None:
    assert status(comparison(-0.05, 0.016, rows=500)) is Status.FAIL


def test_an_equal_candidate_is_not_promoted() -> None:
    assert status(comparison(0.0, 0.0)) is Status.FAIL
    assert status(comparison(0.0, 0.0, rows=500)) is Status.INSUFFICIENT_EVIDENCE


def test_superiority_needs_a_bound_above_zero_and_its_test() -> None:
    strict = EvaluationPolicy(superiority=True)
    assert status(comparison(0.02, 0.015, p=0.01), strict) is Status.PASS
    assert status(comparison(0.02, 0.015, p=0.06), strict) is Status.FAIL
    assert status(comparison(0.02, 0.021, p=0.01), strict) is Status.FAIL


def test_the_level_is_shared_over_the_challengers_of_one_test_set() -> None:
    close = comparison(0.01, 0.012)
    assert status(close) is Status.PASS
    assert status(close, EvaluationPolicy(challengers=4)) is Status.FAIL


def test_the_first_candidate_must_beat_a_dummy() -> None:
    assert status() is Status.PASS
    assert status(dummy=comparison(0.01, 0.012, other="dummy")) is Status.FAIL
    assert status(dummy=comparison(0.01, 0.012, other="dummy", rows=300)) is Status.INSUFFICIENT_EVIDENCE
    assert status(dummy=comparison(0.02, 0.012, other="dummy", p=0.2)) is Status.FAIL


def test_a_candidate_better_than_the_champion_but_not_than_a_dummy_is_refused() -> None:
    assert status(comparison(0.1, 0.01), dummy=comparison(-0.1, 0.01, other="dummy", p=1.0)) is Status.FAIL


def test_a_handful_of_groups_decides_nothing() -> None:
    assert status(comparison(0.1, 0.01, units=8)) is Status.INSUFFICIENT_EVIDENCE


def test_a_broken_invariant_fails_however_good_the_numbers_are() -> None:
    broken = Invariant(name="finite", violations=3, detail="3 rows have a score that is NaN or infinite")
    assert status(comparison(0.1, 0.01), invariants=(broken,)) is Status.FAIL
    assert status(dummy=None, invariants=(broken,)) is Status.FAIL


def test_nothing_measured_is_never_a_pass() -> None:
    assert status(dummy=None) is Status.INSUFFICIENT_EVIDENCE


def test_latency_is_held_against_its_limit() -> None:
    quick = Latency(
        p50_ms=1, p95_ms=2, p99_ms=3, calls=100, batch_rows=1000, batch_p50_ms=5, batch_p95_ms=6,
        batch_p99_ms=7, rows_per_second=2e5, peak_memory_mb=4,
    )  # fmt: skip
    assert status(latency=quick, policy=EvaluationPolicy(max_p99_latency_ms=3)) is Status.PASS
    assert status(latency=quick, policy=EvaluationPolicy(max_p99_latency_ms=2)) is Status.FAIL
    assert status(policy=EvaluationPolicy(max_p99_latency_ms=2)) is Status.INSUFFICIENT_EVIDENCE


def test_rows_the_candidate_was_trained_on_are_noticed() -> None:
    assert status(held_out=False) is Status.NOTICE


def test_the_summary_says_which_number_against_which_limit() -> None:
    verdict = judge_evaluation(report(comparison(0.01, 0.016)), EvaluationPolicy())
    assert verdict.summary.startswith("the champion stays")
    assert "gain at least -0.006, limit -0.005" in verdict.summary


@given(st.floats(-0.1, 0.1), st.floats(0, 0.1), st.floats(0, 0.1), st.integers(30, 10_000), st.booleans())
def test_a_smaller_gain_never_earns_a_milder_status(
    gain: float, less: float, half: float, rows: int, superiority: bool
) -> None:
    policy = EvaluationPolicy(superiority=superiority)
    better, worse = (status(comparison(g, half, rows=rows, p=0.01), policy) for g in (gain, gain - less))
    assert worse.severity >= better.severity


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("margin", -0.1),
        ("confidence", 1.0),
        ("confidence", 0.4),
        ("min_rows", 0),
        ("challengers", 0),
        ("max_p99_latency_ms", 0.0),
    ],
)
def test_a_policy_out_of_range_is_refused_by_key(key: str, value: float) -> None:
    with pytest.raises(BadInputError, match=key):
        EvaluationPolicy(**{key: value})


def test_an_unknown_key_of_the_policy_is_refused() -> None:
    with pytest.raises(BadInputError, match="'margins'"):
        decode(EvaluationPolicy, {"margins": 0.1})


@pytest.mark.parametrize(
    ("share", "limit", "expected"),
    [
        (None, None, Status.PASS),
        (0.0, None, Status.PASS),
        (0.1, None, Status.NOTICE),
        (0.6, None, Status.INSUFFICIENT_EVIDENCE),
        (0.6, 0.7, Status.NOTICE),
        (0.1, 0.0, Status.INSUFFICIENT_EVIDENCE),
    ],
)
def test_a_champion_that_was_trained_on_the_rows_is_a_notice_or_too_much(share, limit, expected):
    policy = EvaluationPolicy(max_champion_overlap=limit)
    assert status(comparison(0.02, 0.01), policy, champion_overlap=share) is expected


def test_what_the_champion_was_trained_on_decides_in_words_too():
    verdict = judge_evaluation(report(comparison(0.02, 0.01), champion_overlap=0.6), EvaluationPolicy())
    assert verdict.summary == "not enough evidence: the champion was trained on 60% of the rows"
