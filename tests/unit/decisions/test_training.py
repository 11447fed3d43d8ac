from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.decisions.training import TrainingPolicy, judge_training
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import decode
from airflow_mlops_provider.records.metric_limits import Direction
from airflow_mlops_provider.records.model_spec import SplitKind, Task
from airflow_mlops_provider.records.reports.training import FoldMetric, Symmetry, TrainingReport
from airflow_mlops_provider.records.verdict import Status

POLICY = TrainingPolicy()


def report(*, difference: float | None = 0.0, mean: float | None = 0.7, seconds: float = 3.0, **metric: object):
    given = {"name": "roc_auc", "direction": Direction.HIGHER, "low": 0.6, "high": 0.8, "dummy": 0.5}
    return TrainingReport(
        task=Task.CLASSIFICATION,
        rows=1000,
        features={"a": "number"},
        split=SplitKind.GROUP,
        folds=5,
        metrics=(FoldMetric(**{**given, "mean": mean, **metric}),),
        symmetry=None if difference is None else Symmetry(rows=50, max_abs_difference=difference),
        fit_seconds=1.0,
        total_seconds=seconds,
    )


def status(policy: TrainingPolicy = POLICY, **given: object) -> Status:
    return judge_training(report(**given), policy).status


def test_a_symmetric_model_better_than_a_constant_passes():
    assert status() is Status.PASS


def test_an_asymmetric_artifact_fails_and_says_by_how_much():
    verdict = judge_training(report(difference=0.25), POLICY)
    assert verdict.status is Status.FAIL
    assert "(by 0.25) and was not registered" in verdict.summary


def test_an_artifact_that_was_not_read_back_is_insufficient_evidence():
    assert status(difference=None) is Status.INSUFFICIENT_EVIDENCE


def test_a_model_no_better_than_a_constant_is_a_notice_in_either_direction():
    assert status(mean=0.5) is Status.NOTICE
    assert status(name="rmse", direction=Direction.LOWER, mean=2.0, dummy=1.0) is Status.NOTICE
    assert status(name="rmse", direction=Direction.LOWER, mean=0.5, dummy=1.0) is Status.PASS


def test_a_deciding_metric_that_no_fold_could_judge_is_insufficient_evidence():
    assert status(mean=None, low=None, high=None, dummy=None) is Status.INSUFFICIENT_EVIDENCE


def test_a_training_over_its_budget_is_a_notice():
    assert status(TrainingPolicy(max_training_seconds=2.0)) is Status.NOTICE
    assert status(TrainingPolicy(max_training_seconds=4.0)) is Status.PASS


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_larger_difference_never_earns_a_milder_status(one, two):
    low, high = sorted((one, two))
    assert status(difference=low).severity <= status(difference=high).severity


def test_a_policy_that_makes_no_sense_is_refused():
    with pytest.raises(BadInputError, match="max_symmetry_difference"):
        TrainingPolicy(max_symmetry_difference=-1.0)
    with pytest.raises(BadInputError, match="max_training_seconds"):
        TrainingPolicy(max_training_seconds=0.0)
    with pytest.raises(BadInputError, match="unknown key 'max_seconds'"):
        decode(TrainingPolicy, {"max_seconds": 3})


@pytest.mark.parametrize(
    ("given", "policy", "said"),
    [
        ({"mean": 0.4}, POLICY, "no better than the best constant answer (0.500)"),
        ({"seconds": 9.0}, TrainingPolicy(max_training_seconds=5), "over its budget of 5 s"),
    ],
)
def test_the_summary_of_a_notice_says_why(given, policy, said):
    verdict = judge_training(report(**given), policy)
    assert (verdict.status, verdict.summary.endswith(said)) == (Status.NOTICE, True)


def test_fewer_folds_than_wanted_are_told():
    verdict = judge_training(replace(report(), wanted_folds=50), POLICY)
    assert "over 5 of the 50 wanted folds" in verdict.summary
    assert [f.measure for f in verdict.findings if "not as many groups" in f.detail] == ["folds"]
