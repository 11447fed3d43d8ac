from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.decisions.reproduction import MAX_DIFFERENCE, judge_reproduction
from airflow_mlops_provider.records.refs import ModelRef
from airflow_mlops_provider.records.reports.reproduction import ReproducedMetric, ReproductionReport
from airflow_mlops_provider.records.reports.training import Symmetry
from airflow_mlops_provider.records.verdict import Status

MODEL = ModelRef(name="wage", version="1", uri="models:/wage/1", digest="sha256:1")


def judge(difference: float | None = 0.0, *, again: str = "sha256:a", metric: float | None = 0.7, **more):
    given = {"trainer_unchanged": True, **more}
    report = ReproductionReport(
        model=MODEL,
        content_digest="sha256:a",
        content_digest_again=again,
        probe=None if difference is None else Symmetry(rows=20, max_abs_difference=difference),
        metrics=(ReproducedMetric(name="roc_auc", recorded=0.7, again=metric),),
        seconds=1.0,
        **given,
    )
    return judge_reproduction(report)


def test_the_same_content_passes():
    assert judge().status is Status.PASS


def test_other_content_with_the_same_answers_is_a_notice():
    assert judge(again="sha256:b").status is Status.NOTICE


@pytest.mark.parametrize("more", [{"trainer_unchanged": False}, {"changed_packages": {"numpy": "1.26 -> 2.0"}}])
def test_a_changed_trainer_or_package_is_a_notice_of_its_own(more):
    verdict = judge(**more)
    assert verdict.status is Status.NOTICE
    assert {finding.measure for finding in verdict.of_status(Status.NOTICE)} <= {"file_changed", "version_changed"}


@pytest.mark.parametrize("metric", [0.6, 0.70001])
def test_another_metric_fails(metric):
    assert judge(metric=metric).status is Status.FAIL


def test_a_metric_that_is_not_known_both_times_is_a_notice():
    assert judge(metric=None).status is Status.NOTICE


def test_a_version_without_a_probe_batch_is_not_shown_to_be_the_same():
    assert judge(None).status is Status.INSUFFICIENT_EVIDENCE


@given(st.floats(0, 1))
def test_other_answers_fail(difference):
    verdict = judge(difference, again="sha256:b")
    assert (verdict.status is Status.FAIL) is (difference > MAX_DIFFERENCE)
