"""How long evidence is kept comes from the task or from the configuration, never from a guess."""

from __future__ import annotations

import importlib
import types

import pytest

from airflow_mlops_provider.airflow_versions import AirflowFailException
from airflow_mlops_provider.exceptions import BackendError, FormerNameWarning
from airflow_mlops_provider.operators.purge import PurgeEvidenceOperator
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.stores.evidence.store import EvidenceStore

OLD = "drift/20200101T000000.000000Z-" + "a" * 64 + ".json"
CONTEXT = {"ti": types.SimpleNamespace(dag_id="d", run_id="r", task_id="purge", map_index=-1, try_number=1)}


@pytest.fixture
def store(evidence_root):
    made = EvidenceStore(evidence_root)
    made.attach(OLD, b"{}")
    return made


def purge(root, **keys):
    return Outcome.from_json(PurgeEvidenceOperator(task_id="purge", evidence_root=root, **keys).execute(CONTEXT))


def test_the_task_says_how_long(store, evidence_root):
    assert purge(evidence_root, retention_days="30", preview="True").kind is Kind.PURGE
    assert store.holds(store.uri_of(OLD))
    purge(evidence_root, retention_days=30, kinds=["bias"])
    assert store.holds(store.uri_of(OLD))
    purge(evidence_root, retention_days=30)
    assert not store.holds(store.uri_of(OLD))


def test_else_the_configuration_does(store, evidence_root, monkeypatch):
    monkeypatch.setenv("AIRFLOW__MLOPS__RETENTION_DAYS", "30")
    purge(evidence_root)
    assert not store.holds(store.uri_of(OLD))


def test_with_neither_nothing_goes(store, evidence_root):
    with pytest.raises(AirflowFailException, match=r"give 'retention_days', or set \[mlops\] retention_days"):
        purge(evidence_root)
    assert store.holds(store.uri_of(OLD))


def test_a_configuration_that_is_no_number_is_named(store, evidence_root, monkeypatch):
    monkeypatch.setenv("AIRFLOW__MLOPS__RETENTION_DAYS", "a year")
    with pytest.raises(BackendError, match=r"\[mlops\] retention_days is 'a year'"):
        purge(evidence_root)


@pytest.mark.parametrize("given", ["perhaps", "2"])
def test_a_preview_that_is_neither_yes_nor_no_removes_nothing(store, evidence_root, given):
    with pytest.raises(AirflowFailException, match=f"purge: 'preview' is '{given}'; say true or false"):
        purge(evidence_root, retention_days=30, preview=given)
    assert store.holds(store.uri_of(OLD))


def test_the_former_module_still_holds_the_operator_and_says_where_it_is():
    former = importlib.import_module("airflow_mlops_provider.operators.retention")
    with pytest.warns(FormerNameWarning, match=r"operators\.retention is now called .*operators\.purge"):
        assert former.PurgeEvidenceOperator is PurgeEvidenceOperator
