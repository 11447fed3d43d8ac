from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.decisions.verification import EVIDENCE_PURGED, judge_replay, judge_verification
from airflow_mlops_provider.records.reports.verification import Check, Replayed, ReplayReport, VerificationReport
from airflow_mlops_provider.records.verdict import Status


def check(holds: bool | None, measure: str = "evidence_unchanged") -> Check:
    return Check(subject="it", measure=measure, holds=holds, detail="" if holds else "says otherwise")


def judge(*checks: Check):
    return judge_verification(VerificationReport(name="wage", records=1, pieces=len(checks), checks=checks))


@pytest.mark.parametrize(
    ("holds", "status"), [(True, Status.PASS), (None, Status.INSUFFICIENT_EVIDENCE), (False, Status.FAIL)]
)
def test_one_check_decides_beside_one_that_holds(holds, status):
    verdict = judge(check(True), check(holds))
    assert verdict.status is status
    assert verdict.findings[0].detail == ("" if holds else "says otherwise")


@given(st.lists(st.sampled_from([True, None]), min_size=1, max_size=6))
def test_nothing_that_was_not_wrong_is_called_wrong(held):
    assert judge(*map(check, held)).status is not Status.FAIL
    assert judge(*map(check, held), check(False)).status is Status.FAIL


def test_nothing_recorded_is_no_pass():
    assert judge().status is Status.INSUFFICIENT_EVIDENCE
    assert "nothing is recorded about wage" in judge().summary


def test_evidence_purged_by_policy_is_counted_and_no_fault():
    verdict = judge(check(True), check(True, EVIDENCE_PURGED))
    assert verdict.status is Status.PASS
    assert "1 piece was purged by policy" in verdict.summary


@pytest.mark.parametrize(("changed", "status"), [(False, Status.PASS), (True, Status.NOTICE)])
def test_a_judgement_that_would_change_is_a_notice(changed, status):
    judged = Replayed(subject="record 1", before="pass", after="fail", changed=changed, detail="would not be promoted")
    verdict = judge_replay(ReplayReport(name="wage", judgements=(judged,)))
    assert verdict.status is status
    assert ("record 1" in verdict.summary) is changed


def test_nothing_to_judge_again_is_no_pass():
    assert judge_replay(ReplayReport(name="wage", judgements=())).status is Status.INSUFFICIENT_EVIDENCE
