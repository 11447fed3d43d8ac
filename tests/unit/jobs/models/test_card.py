from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.jobs.models.card import CARD_TAG
from airflow_mlops_provider.records.codec import encode
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.evidence.store import read_evidence


def card(world, model, evidence, **keys):
    return run("card", {"model": model, "evidence": evidence, **world.where, **keys})


def test_a_card_is_stored_with_the_model_and_linked_from_it(world):
    model = world.register()
    outcome = card(world, model, world.evidence_for(model)[:3])
    assert (outcome.kind, outcome.verdict.status, outcome.model) == (Kind.MODEL_CARD, Status.NOTICE, model)
    found = read_evidence(outcome.evidence_uri)
    markdown = world.store.read_bytes(found.attachments["model_card.md"])
    assert world.models.attachment(model, "model_card.md") == markdown
    assert b"# Model card: wage version 1" in markdown
    assert world.store.read_bytes(found.attachments["model_card.html"]).startswith(b"<!doctype html>")
    assert world.models.version_tags(model)[CARD_TAG] == outcome.evidence_uri


def test_text_in_the_declaration_of_today_is_used_without_training_again(world):
    model = world.register()
    spec = replace(world.models.spec(model), card={"intended_use": "Written after training."})
    outcome = card(world, encode(spec), world.evidence_for(model)[:3])
    assert outcome.verdict.status is Status.PASS
    assert b"Written after training." in world.models.attachment(model, "model_card.md")


def test_a_card_without_metrics_fails_and_is_written_all_the_same(world):
    model = world.register()
    outcome = card(world, model, [])
    assert outcome.verdict.status is Status.FAIL
    assert outcome.verdict.summary == "the card lacks 2 sections (metrics and slices)"
    assert world.models.attachment(model, "model_card.html") is not None


def test_evidence_of_another_model_is_refused_by_name(world):
    other, model = world.register(), world.register(seed=1)
    with pytest.raises(BadInputError, match=r"/bias/.* speaks of wage version 1, not of wage version 2"):
        card(world, model, world.evidence_for(other)[2:3])


def test_a_failed_card_stops_a_promotion(world):
    model = world.register()
    evidence = [*world.evidence_for(model)[:3], card(world, model, []).evidence_uri]
    assert "because model_card failed" in world.promote(model, evidence).verdict.summary
