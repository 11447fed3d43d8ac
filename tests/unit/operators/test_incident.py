"""An incident is closed as a task, by whoever triggered the run unless somebody else is named."""

from __future__ import annotations

import types

import pytest

from airflow_mlops_provider.airflow_versions import AirflowFailException
from airflow_mlops_provider.operators.incident import CloseIncidentOperator
from airflow_mlops_provider.operators.promotion import RollbackModelOperator
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.evidence.store import read_evidence
from tests.builders.world import new_world


def context(task_id, person=None):
    ti = types.SimpleNamespace(dag_id="d", run_id="r", task_id=task_id, map_index=-1, try_number=1)
    return {"ti": ti, "dag_run": types.SimpleNamespace(triggering_user_name=person)}


def test_a_rollback_and_the_end_of_its_incident_are_two_tasks(tmp_path, empty_mlflow):
    world = new_world(tmp_path / "mlops", empty_mlflow)
    world.champions_of_one_artifact(2)
    root = str(world.root)
    rollback = RollbackModelOperator(task_id="back", model="models:/wage/2", reason="nonsense", evidence_root=root)
    rolled_back = rollback.execute(context("back"))
    assert Outcome.from_json(rolled_back).model.version == "1"
    told = tmp_path / "postmortem.md"
    told.write_text("It was the time zone.")
    close = CloseIncidentOperator(
        task_id="close", incident=rolled_back, postmortem=str(told), person="", evidence_root=root
    )
    closed = Outcome.from_json(close.execute(context("close", "ada")))
    assert (closed.kind, closed.verdict.status) == (Kind.INCIDENT, Status.PASS)
    assert read_evidence(closed.evidence_uri).report["person"] == "ada"


def test_an_incident_that_nobody_closes_stays_open(evidence_root):
    close = CloseIncidentOperator(
        task_id="close", incident="file:///i.json", postmortem="p.md", evidence_root=evidence_root
    )
    with pytest.raises(AirflowFailException, match=r"^close: close spec: 'person' is empty"):
        close.execute(context("close"))
