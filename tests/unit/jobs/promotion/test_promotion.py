from __future__ import annotations

from airflow_mlops_provider.records.verdict import Status


def test_the_first_candidate_becomes_the_champion(world):
    first = world.register()
    outcome = world.promote(first)
    assert outcome.verdict.status is Status.PASS, outcome.verdict
    assert world.models.aliases("wage") == {"champion": "1"}
    assert [link.record.number for link in world.links] == [1]
