"""A verdict is the worst of its findings, and a finding is a number that can be judged by."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.exceptions import MLOpsError
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict, worst

findings = st.builds(
    Finding, subject=st.just("a"), measure=st.just("m"), observed=st.floats(-1e6, 1e6), status=st.sampled_from(Status)
)


@given(st.lists(findings, max_size=6))
def test_a_verdict_is_the_worst_of_its_findings_and_lists_them_worst_first(found):
    verdict = Verdict.of(found, summary="")
    assert verdict.status is worst(finding.status for finding in found)
    severities = [finding.status.severity for finding in verdict.findings]
    assert severities == sorted(severities, reverse=True)


def test_a_verdict_without_findings_is_never_a_pass():
    assert Verdict.of([], summary="").status is Status.INSUFFICIENT_EVIDENCE


def test_a_verdict_milder_than_its_worst_finding_is_refused():
    bad = Finding(subject="a", measure="m", observed=1.0, status=Status.FAIL)
    with pytest.raises(MLOpsError, match="milder"):
        Verdict(status=Status.PASS, summary="", findings=(bad,))


@pytest.mark.parametrize("number", ["observed", "limit", "p_value"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_nothing_to_judge_by(number, value):
    with pytest.raises(MLOpsError, match=f"{number} is {value}"):
        Finding(**{"subject": "a", "measure": "m", "observed": 1.0, "status": Status.FAIL, number: value})


def test_a_pass_needs_a_number():
    with pytest.raises(MLOpsError, match="a pass needs an observed number"):
        Finding(subject="a", measure="m", observed=None, status=Status.PASS)
    assert Finding(subject="a", measure="m", observed=None, status=Status.INSUFFICIENT_EVIDENCE).observed is None


def test_the_findings_of_one_status_keep_their_order():
    found = [Finding(subject=name, measure="m", observed=1.0, status=Status.NOTICE) for name in ("x", "y", "z")]
    bad = Finding(subject="bad", measure="m", observed=1.0, status=Status.FAIL)
    verdict = Verdict.of([*found, bad], summary="")
    assert [finding.subject for finding in verdict.of_status(Status.NOTICE)] == ["x", "y", "z"]
    assert verdict.of_status(Status.FAIL) == (bad,)
