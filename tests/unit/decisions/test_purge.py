from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_mlops_provider.decisions.purge import PurgePolicy, judge_purge
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.reports.purge import PurgeReport, Tombstone
from airflow_mlops_provider.records.verdict import Status

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def stone(days: float, kind: str = "drift") -> Tombstone:
    name = f"{kind}/20260101T000000.000000Z-{'0' * 64}.json"
    return Tombstone(name=name, written_at=(NOW - timedelta(days=days)).isoformat(), sha256=f"sha256:{'0' * 64}")


def judge(*stones: Tombstone, kinds: tuple[Kind, ...] = (), **more):
    report = PurgeReport(purged_at=NOW.isoformat(), tombstones=stones, **more)
    return judge_purge(report, PurgePolicy(retention_days=30, kinds=kinds))


def test_what_was_past_its_time_went_rightly():
    assert judge(stone(31), stone(400, "bias")).status is Status.PASS


def test_one_file_that_was_not_due_fails_and_its_kind_is_named():
    verdict = judge(stone(31), stone(29, "bias"))
    assert verdict.status is Status.FAIL
    assert (verdict.findings[0].subject, verdict.findings[0].limit) == ("bias", 30)


def test_a_kind_that_the_policy_does_not_name_was_not_due():
    assert judge(stone(400, "bias"), kinds=(Kind.DRIFT,)).status is Status.FAIL
    assert judge(stone(400), kinds=(Kind.DRIFT,)).status is Status.PASS


def test_nothing_to_remove_is_a_pass():
    assert judge().status is Status.PASS


@pytest.mark.parametrize(("dry_run", "said"), [(True, "would be removed"), (False, "removed")])
def test_a_preview_says_what_would_go(dry_run, said):
    assert judge(stone(31), dry_run=dry_run).summary.startswith(f"1 files of evidence older than 30 days {said}")


@given(st.lists(st.floats(0.01, 1000), min_size=1, max_size=5))
def test_a_purge_passes_just_when_all_of_it_was_due(ages):
    assert (judge(*map(stone, ages)).status is Status.PASS) is (min(ages) >= 30)
