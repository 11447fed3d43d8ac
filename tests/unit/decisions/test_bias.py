from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.decisions.bias import BiasPolicy, judge_bias
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.model_spec import Task
from airflow_mlops_provider.records.reports.bias import BiasReport, Discovery, SliceResult
from airflow_mlops_provider.records.verdict import Status


def piece(
    subject: str = "race=a", *, gap: float = 0.0, p: float | None = 0.5, rows: int = 500, rest: int = 5000
) -> SliceResult:
    return SliceResult(
        subject=subject,
        columns=("race",),
        support=rows,
        trials=rows,
        rest_trials=rest,
        value=0.8 - gap,
        low=0.75 - gap,
        high=0.85 - gap,
        rest_value=0.8,
        gap=gap,
        p_value=p,
    )


def report(*slices: SliceResult, direction: Direction = Direction.HIGHER) -> BiasReport:
    return BiasReport(
        task=Task.CLASSIFICATION,
        metric="accuracy",
        direction=direction,
        rows=5500,
        groups=None,
        value=0.8,
        columns=("race",),
        max_depth=1,
        slices=slices,
        method="two-proportion test",
    )


def judge(*slices: SliceResult, direction: Direction = Direction.HIGHER, **policy):
    return judge_bias(report(*slices, direction=direction), BiasPolicy(**policy))


def test_a_slice_that_is_worse_by_much_and_beyond_chance_fails() -> None:
    verdict = judge(piece(gap=0.1, p=1e-6), piece("race=b"))
    assert verdict.status is Status.FAIL
    assert verdict.findings[0].subject == "race=a"
    assert (verdict.findings[0].observed, verdict.findings[0].limit) == (0.1, 0.05)
    assert "1 of 2 slices fails" in verdict.summary
    assert "race=a" in verdict.summary


def test_a_large_gap_by_chance_passes_and_says_that_it_is_beyond_the_limit() -> None:
    verdict = judge(piece(gap=0.1, p=0.2))
    assert verdict.status is Status.PASS
    assert verdict.findings[0].is_within_chance
    assert verdict.findings[0].detail.endswith("beyond the limit, but not beyond chance")
    assert verdict.summary.endswith(", but 1 may be by more than the limit")


def test_a_small_gap_by_chance_passes_without_a_word() -> None:
    verdict = judge(piece(gap=0.02, p=0.2))
    assert verdict.status is Status.PASS
    assert not verdict.findings[0].is_within_chance
    assert "limit" not in verdict.summary


def test_a_significant_gap_too_small_to_matter_is_a_notice() -> None:
    assert judge(piece(gap=0.02, p=1e-9)).status is Status.NOTICE


def test_a_slice_too_small_to_judge_is_listed_and_never_called_fair() -> None:
    verdict = judge(piece(gap=0.4, p=1e-9, rows=49), piece("race=b"))
    assert verdict.status is Status.INSUFFICIENT_EVIDENCE
    small = verdict.findings[0]
    assert (small.subject, small.measure, small.observed, small.limit) == ("race=a", "support", 49, 50)
    assert "0.4" in small.detail


def test_a_slice_without_enough_others_to_compare_with_is_not_judged() -> None:
    verdict = judge(piece(rows=5000, rest=10))
    assert verdict.status is Status.INSUFFICIENT_EVIDENCE
    assert verdict.findings[0].measure == "rest_support"


def test_a_slice_whose_test_is_undefined_never_passes() -> None:
    assert judge(piece(p=None)).status is Status.INSUFFICIENT_EVIDENCE


def test_many_slices_need_stronger_evidence_each() -> None:
    suspect = piece(gap=0.1, p=0.01)
    assert judge(suspect).status is Status.FAIL
    assert judge(suspect, *(piece(f"race={i}") for i in range(9))).status is Status.PASS


def test_slices_too_small_to_judge_cost_the_others_nothing() -> None:
    suspect = piece(gap=0.1, p=0.01)
    verdict = judge(suspect, *(piece(f"race={i}", rows=5) for i in range(50)))
    assert verdict.status is Status.FAIL


def test_a_critical_slice_has_its_own_floor() -> None:
    assert judge(piece(), critical={"race=a": 0.79}).status is Status.PASS
    failed = judge(piece(), critical={"race=a": 0.81})
    assert failed.status is Status.FAIL
    assert failed.findings[0].measure == "accuracy_floor"
    assert judge(piece(), critical={"race=a": 0.79}, direction=Direction.LOWER).status is Status.FAIL


def test_a_critical_slice_that_is_not_there_or_too_small_is_not_a_pass() -> None:
    assert judge(piece(), critical={"race=z": 0.5}).status is Status.INSUFFICIENT_EVIDENCE
    assert judge(piece(rows=20), critical={"race=a": 0.5}).status is Status.INSUFFICIENT_EVIDENCE


def test_the_summary_counts_discoveries_among_the_slices_and_says_which_half() -> None:
    found = piece("race=a & sex=f", gap=0.2, p=1e-9)
    both = replace(report(piece()), discoveries=(Discovery(found=found, confirmed=found),))
    verdict = judge_bias(both, BiasPolicy())
    assert "1 of 2 slices (1 of them discovered) fails" in verdict.summary
    assert "race=a & sex=f has a gap of 0.2 (limit 0.05)" in verdict.summary
    assert "in 500 rows of the half tested" in verdict.findings[0].detail
    assert "gap 0.2, limit 0.05; p 2e-09 after Holm" in verdict.findings[0].detail


@pytest.mark.parametrize(
    ("critical", "hint"),
    [
        ("flag=TRUE", "'flag=true' is how it is written"),
        ("flag = 1", "'flag=true' is how it is written"),
        ("flag=maybe", "there are flag=true"),
        ("sex=x", "slices are of race"),
    ],
)
def test_a_critical_slice_that_is_not_there_has_its_own_words(critical: str, hint: str) -> None:
    verdict = judge(replace(piece("flag=true"), columns=("flag",)), critical={critical: 0.5})
    assert verdict.summary == (
        f"none of 1 slice is shown to be worse than the rest in accuracy, but there is no slice {critical}"
    )
    absent = next(finding for finding in verdict.findings if finding.subject == critical)
    assert absent.detail.startswith(f"there is no such slice; {hint}")


@pytest.mark.parametrize(
    ("slices", "words"),
    [
        ([piece(rows=5), piece("race=b")], "1 of 2 slices is too small to judge"),
        ([piece(rows=5), piece("race=b", rows=4)], "2 of 2 slices are too small to judge"),
        ([piece(rest=0)], "1 of 1 slice is without enough other rows to compare with"),
        (
            [piece(rows=5), piece("b", rest=0)],
            "1 of 2 slices is too small to judge and 1 without enough other rows to compare with",
        ),
        ([piece(p=None)], "1 of 1 slice is undefined in the metric"),
    ],
)
def test_the_summary_says_why_slices_are_not_judged(slices: list[SliceResult], words: str) -> None:
    assert words in judge(*slices).summary


def test_the_order_of_an_intersection_does_not_matter_for_its_floor() -> None:
    assert judge(piece("race=a & sex=f"), critical={"sex=f & race=a": 0.9}).status is Status.FAIL


@given(st.floats(-0.2, 0.3), st.floats(0, 0.3), st.floats(0, 1), st.floats(0, 1), st.integers(1, 200))
def test_a_worse_slice_never_earns_a_milder_status(gap: float, more: float, p: float, share: float, rows: int) -> None:
    others = [piece(f"race={i}") for i in range(3)]
    mild = judge(piece(gap=gap, p=p, rows=rows), *others).status
    severe = judge(piece(gap=gap + more, p=p * share, rows=rows), *others).status
    assert severe.severity >= mild.severity


@pytest.mark.parametrize(("key", "value"), [("min_support", 0), ("min_gap", -0.1), ("alpha", 0.0), ("alpha", 1.0)])
def test_a_policy_out_of_range_is_refused_by_key(key: str, value: float) -> None:
    with pytest.raises(BadInputError, match=key):
        BiasPolicy(**{key: value})
