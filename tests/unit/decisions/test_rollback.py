from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.decisions.rollback import RollbackPolicy, judge_rollback
from airflow_mlops_provider.records.refs import ModelRef
from airflow_mlops_provider.records.reports.rollback import RollbackReport
from airflow_mlops_provider.records.reports.training import Symmetry
from airflow_mlops_provider.records.verdict import Status


def ref(version: str) -> ModelRef:
    return ModelRef(name="wage", version=version, uri=f"models:/wage/{version}", digest=f"sha256:{version}")


def report(difference: float | None = 0.0, **more) -> RollbackReport:
    smoke = None if difference is None else Symmetry(rows=20, max_abs_difference=difference)
    return RollbackReport(champion=ref("2"), target=ref("1"), restores=1, smoke=smoke, **more)


def judge(difference: float | None = 0.0, policy: RollbackPolicy | None = None, **more):
    return judge_rollback(report(difference, **more), policy or RollbackPolicy())


def test_a_version_that_answers_as_it_did_is_put_back():
    verdict = judge()
    assert verdict.status is Status.PASS
    assert "version 1" in verdict.summary
    assert "version 2" in verdict.summary


def test_a_version_that_answers_otherwise_is_not_put_back():
    verdict = judge(0.2)
    assert verdict.status is Status.FAIL
    assert (verdict.findings[0].observed, verdict.findings[0].limit) == (0.2, RollbackPolicy().max_smoke_difference)


def test_a_version_without_a_probe_batch_cannot_be_tested():
    assert judge(None).status is Status.INSUFFICIENT_EVIDENCE


def test_evidence_that_is_gone_is_a_notice_that_names_it():
    verdict = judge(missing_evidence=("file:///srv/mlops/bias/a.json",))
    assert verdict.status is Status.NOTICE
    assert verdict.findings[0].subject == "file:///srv/mlops/bias/a.json"


@pytest.mark.parametrize("difference", [0.0, None])
def test_a_champion_that_somebody_else_changed_stays(difference):
    verdict = judge(difference, expected=ref("3"))
    assert verdict.status is Status.FAIL
    assert "version 3" in verdict.findings[0].detail


@given(st.floats(0, 1), st.floats(0, 1), st.floats(1e-9, 1))
def test_a_larger_difference_never_earns_a_milder_status(one, other, limit):
    policy = RollbackPolicy(max_smoke_difference=limit)
    milder, worse = (judge(difference, policy).status.severity for difference in sorted((one, other)))
    assert milder <= worse
