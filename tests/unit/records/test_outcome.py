"""An Outcome fits into an XCom whatever its number of findings, and keeps the worst of them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.records.outcome import MAX_XCOM_BYTES, Kind, Outcome
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict


def outcome(count: int, words: str = "x" * 100) -> Outcome:
    findings = [
        Finding(
            subject=f"slice {i}",
            measure="gap",
            observed=0.1,
            status=Status.FAIL if i == count - 1 else Status.PASS,
            detail=words,
        )
        for i in range(count)
    ]
    return Outcome(kind=Kind.BIAS, verdict=Verdict.of(findings, summary="s"), evidence_uri="file:///e.json")


def test_a_few_findings_travel_whole():
    assert outcome(20).to_xcom() == outcome(20).to_json()


@given(count=st.integers(1, 4000), words=st.text(max_size=60))
def test_any_number_of_findings_fits_and_is_accounted_for(count: int, words: str):
    whole = outcome(count, words)
    sent = whole.to_xcom()
    assert len(json.dumps(sent).encode()) <= MAX_XCOM_BYTES
    read = Outcome.from_json(sent)
    assert read.verdict.status is Status.FAIL
    assert read.verdict.findings[0].status is Status.FAIL
    left = [f.observed for f in read.verdict.findings if f.measure == "findings_left_out"]
    kept = len(read.verdict.findings) - len(left)
    assert kept + sum(left) == count


def test_what_is_left_out_is_told():
    last = Outcome.from_json(outcome(4000).to_xcom()).verdict.findings[-1]
    assert last.detail == f"{last.observed:,.0f} more findings are in the evidence"
    assert last.observed == pytest.approx(4000, rel=0.1)
