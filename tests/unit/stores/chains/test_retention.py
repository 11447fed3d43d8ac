from __future__ import annotations

import shutil
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.decision_record import Effect
from airflow_mlops_provider.records.evidence_name import kind_in, parse_dated
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.stores.chains.retention import Reason, still_needed
from airflow_mlops_provider.stores.evidence.store import EvidenceStore, read_evidence
from tests.builders.history import History

STEPS = ["promote", "promote", "refuse", "await", "roll back", "close", "check"]


def happened(root, steps):
    made = History(root, days=len(steps))
    for step in steps:
        made.next_day()
        {
            "promote": lambda: made.decide(Effect.MOVED),
            "refuse": lambda: made.decide(Effect.STAYS),
            "await": lambda: made.decide(Effect.AWAITING_APPROVAL),
            "roll back": made.roll_back,
            "close": made.close_incident,
            "check": made.check_a_batch,
        }[step]()
    return made


def needs(made, *, days=0.0):
    return still_needed(made.store, since=datetime.now(UTC) - timedelta(days=days))


def everything(root):
    store = EvidenceStore(str(root))
    return {file.name for kind in Kind for file in store.dated(kind)}


@pytest.fixture
def root(tmp_path):
    return tmp_path / "mlops"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(STEPS), max_size=12), days=st.integers(0, 12), again=st.booleans())
def test_a_purge_removes_nothing_that_something_still_needs_and_all_the_rest(tmp_path, steps, days, again):
    root = tmp_path / uuid.uuid4().hex
    made = happened(root, steps)
    retention = days + 0.5
    named, before, profiles = needs(made, days=retention), everything(root), set(made.store.profiles())
    assert made.needed_for_sure() <= named.evidence.keys()
    assert named.evidence.keys() <= before
    for _ in range(2 if again else 1):
        run("purge", {"retention_days": retention, "evidence_root": str(root)})
    limit = datetime.now(UTC) - timedelta(days=retention)
    young = {name for name in before if parse_dated(name).written_at > limit}
    assert before & everything(root) == young | named.evidence.keys()
    left = set(made.store.profiles())
    assert named.profiles.keys() <= left
    assert all(made.store.profiles()[name] > limit for name in left - named.profiles.keys())
    assert left <= profiles
    assert len(made.links) >= len(steps) - steps.count("roll back") - steps.count("close") - steps.count("check")
    shutil.rmtree(root)


def test_a_champion_and_the_one_before_need_their_evidence_data_and_profiles(root):
    made = happened(root, ["promote"] * 3)
    found = needs(made)
    second, third = (link.record for link in made.links[1:])
    assert {ref for ref, reason in found.datasets.items() if reason is Reason.IN_FORCE} == {
        second.datasets["training"],
        third.datasets["training"],
    }
    assert sorted(map(kind_in, found.evidence)) == ["evaluation"] * 4 + ["promotion"] * 4
    assert set(found.evidence.values()) == {Reason.IN_FORCE}
    assert len(found.profiles) == 2


def test_an_open_incident_needs_what_the_version_that_was_taken_back_was_promoted_on(root):
    made = happened(root, ["promote", "promote", "roll back"])
    withdrawn = made.links[1].record
    [uri] = withdrawn.evidence
    name = uri.removeprefix(f"{made.store.root}/")
    assert needs(made).evidence[name] is Reason.OPEN_INCIDENT
    assert needs(made).datasets[withdrawn.datasets["training"]] is Reason.OPEN_INCIDENT
    made.close_incident()
    assert name not in needs(made).evidence


def test_a_record_in_its_term_needs_the_data_that_it_speaks_of(root):
    made = happened(root, ["check"])
    [(ref, reason)] = needs(made, days=1).datasets.items()
    assert (ref.uri.startswith("/data/batch-"), reason) == (True, Reason.IN_TERM)
    assert ref.fingerprint
    assert not needs(made, days=-1).datasets
    made.store.index.remove(made.store.index.places())
    assert needs(made, days=1).datasets == {ref: reason}


def test_a_purge_lists_the_datasets_that_are_still_referred_to(root):
    made = happened(root, ["promote", "check"])
    outcome = run("purge", {"retention_days": 0.5, "evidence_root": str(root)})
    found = read_evidence(outcome.evidence_uri)
    listed = made.store.read_bytes(found.attachments["datasets.csv"]).decode().splitlines()
    assert listed[0] == "uri,fingerprint,reason"
    assert len(listed) == found.report["datasets"] + 1 == 3
    training = made.links[0].record.datasets["training"]
    assert f"{training.uri},{training.fingerprint},{Reason.IN_FORCE}" in listed


def test_profiles_go_only_with_all_kinds_or_by_name_and_a_preview_removes_none(root):
    made = happened(root, ["check"])
    assert isinstance(made.data("other"), DatasetRef)
    for keys, left in (({"preview": True}, 2), ({"kinds": ["drift"]}, 2), ({"kinds": ["profile"]}, 0)):
        outcome = run("purge", {"retention_days": 1e-9, "evidence_root": str(root), **keys})
        assert len(made.store.profiles()) == left, keys
    assert [f.subject for f in outcome.verdict.findings] == ["kept profiles"]
