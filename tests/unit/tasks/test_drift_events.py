"""A judgement is acted on by one run, however often its event is emitted."""

from __future__ import annotations

import types
from dataclasses import replace
from typing import Any

import pytest

from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.verdict import Status, Verdict
from airflow_mlops_provider.tasks.drift_events import unanswered

DRIFT = Outcome(
    kind=Kind.DRIFT,
    verdict=Verdict(status=Status.FAIL, summary="drifted", findings=()),
    evidence_uri="file:///e/drift/1.json",
    dataset=DatasetRef(uri="batches/1983.parquet"),
    judgement="sha256:1",
)


def told(*extras: Any) -> dict[str, list[Any]]:
    return {"drifted": [types.SimpleNamespace(extra=extra) for extra in extras]}


@pytest.fixture
def answer(evidence_root):
    def make(run_id, *extras, dag_id="retrain"):
        ti = types.SimpleNamespace(dag_id=dag_id, run_id=run_id)
        return unanswered(told(*extras), ti=ti, evidence_root=evidence_root)

    return make


def test_an_event_of_a_judgement_that_was_acted_on_is_left_out_for_every_other_run(answer):
    assert answer("run 1", DRIFT.to_json()) == [DRIFT]
    assert answer("run 2", DRIFT.to_json()) == []


def test_a_retry_of_the_run_that_acts_finds_its_judgement_again(answer):
    assert answer("run 1", DRIFT.to_json()) == answer("run 1", DRIFT.to_json()) == [DRIFT]


def test_events_that_come_together_are_told_once_each_and_new_ones_stay(answer):
    other = replace(DRIFT, judgement="sha256:2")
    answer("run 1", DRIFT.to_json())
    assert answer("run 2", DRIFT.to_json(), other.to_json(), other.to_json()) == [other]


def test_another_dag_answers_for_itself(answer):
    answer("run 1", DRIFT.to_json())
    assert answer("run 1", DRIFT.to_json(), dag_id="alarm") == [DRIFT]


def test_an_event_of_version_0_1_0_is_known_by_its_evidence(answer):
    old = replace(DRIFT, judgement=None)
    assert answer("run 1", old.to_json()) == [old]
    assert answer("run 2", old.to_json()) == []


def test_an_event_through_an_asset_watcher_is_read_and_one_of_another_kind_is_left_out(answer):
    assert answer("run 1", {"from_trigger": True, "payload": DRIFT.to_json()}, {"from_rest_api": True}, None) == [DRIFT]


def test_a_run_without_events_has_nothing_to_answer(answer, evidence_root):
    ti = types.SimpleNamespace(dag_id="retrain", run_id="run 1")
    assert unanswered(None, ti=ti, evidence_root=evidence_root) == []
