from __future__ import annotations

import pytest

from airflow_mlops_provider.decisions.evaluation import EvaluationPolicy, judge_evaluation
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.metric_limits import Direction, MetricLimits
from airflow_mlops_provider.records.model_spec import Task
from airflow_mlops_provider.records.reports.evaluation import Bound, Comparison, EvaluationReport, GuardedMetric
from airflow_mlops_provider.records.verdict import Finding, Status


def bounds(value: float, half: float) -> tuple[Bound, ...]:
    """Wider where the level is stricter, as bounds of one and the same value are."""
    levels = {0.05: 1.0, 0.025: 1.2, 0.05 / 3: 1.3, 0.0125: 1.4}
    return tuple(Bound(alpha=a, lower=value - half * w, upper=value + half * w) for a, w in levels.items())


def compared(metric: str, value: float, gain: float, half: float, **more) -> Comparison:
    known = {
        "other": "champion",
        "metric": metric,
        "value": value,
        "other_value": value - gain,
        "gain": gain,
        "bounds": bounds(gain, half),
        "p_value": 0.01,
        "method": "bootstrap",
        "rows": 5000,
        "units": 5000,
    }
    return Comparison(**(known | more))


def guarded(value: float = 0.8, half: float = 0.01, direction: Direction = Direction.HIGHER, **limits) -> GuardedMetric:
    return GuardedMetric(
        name="recall",
        direction=direction,
        limits=MetricLimits(**limits),
        value=value,
        bounds=bounds(value, half),
        method="wilson",
        units=5000,
    )


def report(guard: GuardedMetric, gain: Comparison | None = None) -> EvaluationReport:
    return EvaluationReport(
        task=Task.CLASSIFICATION,
        metric="accuracy",
        direction=Direction.HIGHER,
        rows=5000,
        groups=None,
        candidate=(),
        against_dummy=compared("accuracy", 0.917, 0.4, 0.01, other="dummy", p_value=1e-9),
        against_champion=compared("accuracy", 0.917, 0.005, 0.002),
        other_metrics=(gain or compared("recall", guard.value or 0.0, 0.0, 0.005),),
        guards=(guard,),
    )


def found(guard: GuardedMetric, gain: Comparison | None = None, **policy) -> Finding:
    verdict = judge_evaluation(report(guard, gain), EvaluationPolicy(**policy))
    return next(
        each for each in verdict.findings if each.measure.endswith(("_value_bound", "_gain_bound", "_measured"))
    )


def test_accuracy_that_rises_while_recall_collapses_is_refused_and_the_summary_says_so() -> None:
    fallen = compared("recall", 0.2, -0.59, 0.03)
    verdict = judge_evaluation(report(guarded(0.2, max_drop=0.02), fallen), EvaluationPolicy())
    assert verdict.status is Status.FAIL
    assert verdict.summary == "the champion stays: recall 0.2 against 0.79 of the champion (may lose 0.02)"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.72, Status.PASS),
        (0.705, Status.INSUFFICIENT_EVIDENCE),
        (0.695, Status.INSUFFICIENT_EVIDENCE),
        (0.68, Status.FAIL),
    ],
)
def test_a_floor_is_held_by_the_interval_of_the_value(value: float, expected: Status) -> None:
    assert found(guarded(value, 0.01, min=0.7)).status is expected


@pytest.mark.parametrize(
    ("value", "expected"), [(0.28, Status.PASS), (0.295, Status.INSUFFICIENT_EVIDENCE), (0.32, Status.FAIL)]
)
def test_a_ceiling_of_a_loss_is_held_the_other_way_round(value: float, expected: Status) -> None:
    finding = found(guarded(value, 0.01, Direction.LOWER, max=0.3))
    assert finding.status is expected
    assert finding.limit == 0.3


@pytest.mark.parametrize(
    ("gain", "expected"), [(0.0, Status.PASS), (-0.02, Status.INSUFFICIENT_EVIDENCE), (-0.04, Status.FAIL)]
)
def test_a_drop_is_held_by_the_interval_of_the_gain(gain: float, expected: Status) -> None:
    assert found(guarded(max_drop=0.02), compared("recall", 0.8, gain, 0.01)).status is expected


def test_an_open_guard_is_a_notice_where_the_policy_allows_it_and_the_value_is_within_the_limit() -> None:
    assert found(guarded(0.705, 0.01, min=0.7), allow_undecided_guards=True).status is Status.NOTICE
    assert found(guarded(0.695, 0.01, min=0.7), allow_undecided_guards=True).status is Status.INSUFFICIENT_EVIDENCE


def test_more_limits_need_a_clearer_fall_before_one_of_them_fails() -> None:
    one = guarded(0.689, 0.01, min=0.7)
    two = guarded(0.689, 0.01, min=0.7, max_drop=0.5)
    assert found(one).status is Status.FAIL
    assert found(two).status is Status.INSUFFICIENT_EVIDENCE


def test_a_policy_replaces_the_limits_that_the_model_declares() -> None:
    assert found(guarded(0.8, min=0.9)).status is Status.FAIL
    assert found(guarded(0.8, min=0.9), guards={"recall": MetricLimits(min=0.7)}).status is Status.PASS


def test_a_limit_on_what_was_not_measured_is_insufficient_evidence() -> None:
    finding = found(guarded(min=0.5), guards={"recall": MetricLimits(), "mcc": MetricLimits(min=0.1)})
    assert finding.status is Status.INSUFFICIENT_EVIDENCE
    assert finding.detail == "mcc has a limit, and the evaluation did not measure it"


def test_fewer_than_thirty_groups_never_pass_a_limit() -> None:
    few = compared("recall", 0.8, 0.0, 0.001, units=12)
    assert found(guarded(max_drop=0.02), few).status is Status.INSUFFICIENT_EVIDENCE
    allowed = found(guarded(max_drop=0.02), few, allow_undecided_guards=True)
    assert allowed.status is Status.INSUFFICIENT_EVIDENCE


def test_a_limit_of_a_policy_on_the_wrong_side_of_a_loss_is_refused() -> None:
    with pytest.raises(BadInputError, match="'min' of metric recall: lower values are better, so give 'max'"):
        found(guarded(0.2, direction=Direction.LOWER, max=0.3), guards={"recall": MetricLimits(min=0.1)})


def test_without_a_champion_only_the_limits_on_values_count() -> None:
    first = report(guarded(0.8, min=0.7, max_drop=0.02))
    alone = EvaluationReport(
        **{
            name: getattr(first, name)
            for name in ("task", "metric", "direction", "rows", "groups", "candidate", "guards")
        }
        | {"against_dummy": first.against_dummy}
    )
    measures = [each.measure for each in judge_evaluation(alone, EvaluationPolicy()).findings]
    assert "recall_value_bound" in measures
    assert "recall_gain_bound" not in measures
