"""A rollback opens an incident whose postmortem is half written; a person closes it with the other half."""

from __future__ import annotations

import pytest

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.jobs.decisions.incident import POSTMORTEM, UNFILLED
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.evidence.store import read_evidence


@pytest.fixture
def rolled_back(world):
    world.champions_of_one_artifact(2)
    return world, world.rollback(person="ada", run_key="dag/run/rollback")


def opened_by(outcome):
    uri = read_evidence(outcome.evidence_uri).details["incident"]
    return uri, read_evidence(uri)


def postmortem_of(world, evidence):
    return world.store.read_bytes(evidence.attachments[POSTMORTEM]).decode()


def close(world, tmp_path, incident, text, **keys):
    file = tmp_path / "postmortem.md"
    file.write_text(text)
    given = {"incident": incident, "postmortem": str(file), "person": "ada", "evidence_root": str(world.root)}
    return run("close", {**given, **keys})


def test_a_rollback_opens_an_incident_that_says_what_is_known(rolled_back):
    world, outcome = rolled_back
    _, incident = opened_by(outcome)
    assert (incident.kind, incident.verdict.status) == (Kind.INCIDENT, Status.NOTICE)
    assert "version 2 was taken back: it answers nonsense" in incident.verdict.findings[0].detail
    text = postmortem_of(world, incident)
    assert "# Incident wage-3: wage version 2 was taken back" in text
    assert "**Why it was taken back:** it answers nonsense" in text
    assert "taken back by ada; version 1 is in force again (decision 3)" in text
    assert all(uri in text for uri in world.links[1].record.evidence)
    assert text.count(UNFILLED) == 5


def test_a_retry_opens_no_second_incident(rolled_back):
    world, outcome = rolled_back
    assert world.rollback(person="ada", run_key="dag/run/rollback") == outcome
    assert len(world.store.uris("incident")) == 1


def test_a_rollback_that_was_not_made_opens_none(rolled_back):
    world, _ = rolled_back
    with pytest.raises(BadInputError, match="nothing to go back to"):
        world.rollback()
    assert len(world.store.uris("incident")) == 1


def test_an_incident_is_closed_with_its_postmortem_once(rolled_back, tmp_path):
    world, outcome = rolled_back
    uri, incident = opened_by(outcome)
    filled = postmortem_of(world, incident).replace(UNFILLED, "On Tuesday.")
    done = close(world, tmp_path, uri, filled)
    assert (done.kind, done.verdict.status) == (Kind.INCIDENT, Status.PASS)
    assert done.verdict.summary == "incident wage-3 closed by ada"
    closed = read_evidence(done.evidence_uri)
    assert (closed.report["opened"], postmortem_of(world, closed)) == (uri, filled)
    with pytest.raises(BadInputError, match=f"incident wage-3 is closed already, by {done.evidence_uri}"):
        close(world, tmp_path, uri, filled)


def test_the_rollback_itself_names_its_incident(rolled_back, tmp_path):
    world, outcome = rolled_back
    assert close(world, tmp_path, outcome.evidence_uri, "All is told.").verdict.status is Status.PASS


def test_a_postmortem_with_gaps_closes_nothing(rolled_back, tmp_path):
    world, outcome = rolled_back
    uri, incident = opened_by(outcome)
    with pytest.raises(BadInputError, match=r"postmortem\.md, line \d+: To be filled in"):
        close(world, tmp_path, uri, postmortem_of(world, incident))


def test_an_empty_postmortem_is_called_empty(rolled_back, tmp_path):
    world, outcome = rolled_back
    with pytest.raises(BadInputError, match=r"postmortem .* is empty"):
        close(world, tmp_path, outcome.evidence_uri, " ")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"person": " "}, "'person' is empty"),
        ({"postmortem": "/nowhere.md"}, r"postmortem /nowhere\.md: No such file"),
    ],
)
def test_what_cannot_close_an_incident_is_refused_by_name(rolled_back, tmp_path, keys, message):
    world, outcome = rolled_back
    with pytest.raises(BadInputError, match=message):
        close(world, tmp_path, outcome.evidence_uri, "All is told.", **keys)


def test_evidence_of_something_else_opens_no_incident(rolled_back, tmp_path):
    world, _ = rolled_back
    with pytest.raises(BadInputError, match="opens no incident"):
        close(world, tmp_path, next(iter(world.links[0].record.evidence)), "All is told.")
