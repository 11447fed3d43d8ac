from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_mlops_provider.decisions.prediction import judge_prediction
from airflow_mlops_provider.records.refs import ModelRef
from airflow_mlops_provider.records.reports.prediction import PredictionReport, Scoring, ShadowComparison
from airflow_mlops_provider.records.reports.training import Symmetry
from airflow_mlops_provider.records.verdict import Status

GOOD = Scoring(
    model=ModelRef(name="wage", version="1", uri="models:/wage/1"),
    rows=10,
    probe=Symmetry(rows=5, max_abs_difference=0.0),
)
BROKEN = (
    {"probe": Symmetry(rows=5, max_abs_difference=0.1)},
    {"not_finite": 1},
    {"out_of_range": 1},
    {"max_sum_error": 0.1},
)


def test_good_answers_pass():
    assert judge_prediction(PredictionReport(scoring=GOOD, seconds=1.0)).status is Status.PASS


@pytest.mark.parametrize("change", BROKEN, ids=lambda each: next(iter(each)))
def test_each_broken_invariant_fails_and_is_named(change):
    verdict = judge_prediction(PredictionReport(scoring=replace(GOOD, **change), seconds=1.0))
    assert verdict.status is Status.FAIL
    assert verdict.findings[0].measure in verdict.summary
    assert "nothing was written" in verdict.summary


@pytest.mark.parametrize("change", BROKEN, ids=lambda each: next(iter(each)))
def test_a_shadow_never_makes_a_batch_fail(change):
    report = PredictionReport(scoring=GOOD, shadow=replace(GOOD, **change), seconds=1.0)
    assert judge_prediction(report).status is Status.NOTICE


def test_a_version_without_a_probe_batch_is_a_notice():
    assert judge_prediction(PredictionReport(scoring=replace(GOOD, probe=None), seconds=1.0)).status is Status.NOTICE


def test_the_comparison_is_told():
    comparison = ShadowComparison(rows=10, agreement=0.9, mean_abs_difference=0.05)
    report = PredictionReport(scoring=GOOD, shadow=GOOD, comparison=comparison, seconds=1.0)
    assert "agrees on 90.0 % of them" in judge_prediction(report).summary


def test_the_summary_of_a_notice_says_why():
    for change, said in (
        ({"shadow_trouble": "model 'wage' has no version 9"}, ", but the shadow could not score them"),
        ({"scoring": replace(GOOD, probe=None)}, ", but the version carries no probe batch"),
        ({"shadow": replace(GOOD, not_finite=3)}, ", but shadow wage 1 has values_not_finite 3 (limit 0)"),
    ):
        verdict = judge_prediction(PredictionReport(**{"scoring": GOOD, "seconds": 1.0, **change}))
        assert (verdict.status, verdict.summary.endswith(said)) == (Status.NOTICE, True)


def test_a_regression_speaks_of_no_probabilities():
    measures = {f.measure for f in judge_prediction(PredictionReport(scoring=GOOD, seconds=1.0)).findings}
    assert measures == {"probe_max_abs_difference", "values_not_finite"}
    classes = replace(GOOD, counts={"0": 4, "1": 6})
    measures = {f.measure for f in judge_prediction(PredictionReport(scoring=classes, seconds=1.0)).findings}
    assert "probabilities_out_of_range" in measures
