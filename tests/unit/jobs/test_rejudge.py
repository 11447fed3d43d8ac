"""A stored report is judged again by its kind's rule; words may differ, numbers may not."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from airflow_mlops_provider.decisions.purge import judge_purge
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.jobs.rejudge import judge_again, same_judgement
from airflow_mlops_provider.records.codec import encode
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.policies.purge import PurgePolicy
from airflow_mlops_provider.records.reports.purge import PurgeReport, Tombstone

REPORT = PurgeReport(
    purged_at="2026-11-30T00:00:00+00:00",
    tombstones=(Tombstone(name="drift/x.json", written_at="2024-01-01T00:00:00+00:00", sha256="sha256:0"),),
)
POLICY = PurgePolicy(retention_days=365)
WITHOUT_A_RULE = {
    Kind.PROFILE,
    Kind.PREDICTION,
    Kind.VERIFICATION,
    Kind.REPLAY,
    Kind.REPRODUCTION,
    Kind.INCIDENT,
    Kind.MIRROR,
}


def stored(record):
    return json.loads(json.dumps(encode(record)))


def test_a_stored_report_gives_the_verdict_that_it_gave():
    again = judge_again(Kind.PURGE, stored(REPORT), stored(POLICY), where="evidence x")
    assert again == judge_purge(REPORT, POLICY)


def test_another_policy_gives_its_own_verdict():
    again = judge_again(Kind.PURGE, stored(REPORT), {"retention_days": 9999}, where="evidence x")
    assert not same_judgement(again, judge_purge(REPORT, POLICY))


@pytest.mark.parametrize("kind", sorted(set(Kind) - WITHOUT_A_RULE))
def test_every_kind_judged_from_report_and_policy_has_a_rule_that_refuses_what_is_no_report(kind):
    with pytest.raises(BadInputError, match="evidence x holds no report"):
        judge_again(kind, None, {}, where="evidence x")
    with pytest.raises(BadInputError, match="report of evidence x"):
        judge_again(kind, {"nonsense": 1}, {}, where="evidence x")


@pytest.mark.parametrize("kind", sorted(WITHOUT_A_RULE))
def test_the_other_kinds_have_none(kind):
    assert judge_again(kind, {}, {}, where="evidence x") is None


def test_other_words_are_the_same_judgement_and_other_numbers_are_not():
    verdict = judge_purge(REPORT, POLICY)
    words = [replace(finding, detail="in other words") for finding in verdict.findings]
    assert same_judgement(verdict, replace(verdict, summary="as it was put before", findings=tuple(words)))
    numbers = [replace(finding, observed=(finding.observed or 0.0) + 1) for finding in verdict.findings]
    assert not same_judgement(verdict, replace(verdict, findings=tuple(numbers)))
