"""What another policy would have decided, of a model's past decisions or of one piece of evidence."""

from __future__ import annotations

import pytest

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.verdict import Status


def test_replay_says_what_another_policy_would_have_changed(decided):
    outcome = run("replay", {"model": "wage", "policy": {"superiority": True, "margin": 0.0}, **root(decided)})
    assert outcome.verdict.status is Status.PASS
    stricter = run("replay", {"model": "wage", "policy": {"max_p99_latency_ms": 1}, **root(decided)})
    assert stricter.verdict.status is Status.NOTICE
    assert "3 of 3 past judgements would have been different" in stricter.verdict.summary
    assert "version 1 would not have been promoted" in stricter.verdict.findings[0].detail


def test_replay_under_a_milder_policy_promotes_what_was_refused(world):
    world.champions(1)
    model = world.register(seed=4)
    assert world.promote(model, policy={"superiority": True}, evidence=slight(world, model)).verdict.status is (
        Status.FAIL
    )
    outcome = run("replay", {"model": "wage", "policy": {"superiority": False}, **root(world)})
    assert "version 2 would have been promoted" in outcome.verdict.findings[0].detail


def test_replay_of_one_piece_of_evidence(world):
    world.champions(1)
    uri = world.evaluate(world.register(seed=4), gain=0.002)
    outcome = run("replay", {"evidence": uri, "policy": {"superiority": True}, **root(world)})
    assert "pass would be fail" in outcome.verdict.findings[0].detail


def test_replay_refuses_an_unknown_key(decided):
    with pytest.raises(BadInputError, match="marginn"):
        run("replay", {"model": "wage", "policy": {"marginn": 0.1}, **root(decided)})


def slight(world, model):
    return world.evidence_for(model, gain=0.002)


def root(world):
    return {"evidence_root": str(world.root)}
