"""Every reference Dag, run in order by ``dag.test()`` on real data, with a real MLflow on SQLite."""

from __future__ import annotations

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from airflow.utils.state import TaskInstanceState

from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.chains.decision_chain import DecisionChain
from airflow_mlops_provider.stores.chains.in_force import champion_of
from airflow_mlops_provider.stores.evidence.store import EvidenceStore, read_evidence
from demo.services import SlackReceiver
from demo.story import batch_without, damaged_batch

pytestmark = [
    pytest.mark.floor_too,
    # dag.test() runs Airflow itself in this process, whose warnings are not ours to answer.
    pytest.mark.filterwarnings("ignore"),
]


PARKS_TASKS = hasattr(TaskInstanceState, "AWAITING_INPUT")
"""Whether a task that asks a person waits in a state of its own, as from Airflow 3.3 on, or behind a trigger."""


class Finished:
    """A finished run, asked for the Outcomes of its tasks."""

    def __init__(self, run):
        self.state = str(getattr(run.state, "value", run.state))
        self._tasks = {ti.task_id: ti for ti in run.get_task_instances()}

    def task_state(self, task_id):
        state = self._tasks[task_id].state
        return str(getattr(state, "value", state))

    def outcome(self, task_id, key="return_value"):
        value = self._tasks[task_id].xcom_pull(task_ids=task_id, key=key)
        return None if value is None else Outcome.from_json(value)

    def status(self, task_id):
        found = self.outcome(task_id)
        return found.verdict.status if found else None


@pytest.fixture(scope="module")
def slack():
    receiver = SlackReceiver()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", receiver.connection)
        yield receiver
    receiver.stop()


@pytest.fixture(scope="module")
def run(reference_dags, slack):
    """Run a reference Dag by its id; the first call has trained the first champion."""
    try:
        from airflow.dag_processing.dagbag import sync_bag_to_db
    except ImportError:  # Airflow 3.1
        from airflow.models.dagbag import sync_bag_to_db

    bag = reference_dags()
    assert bag.import_errors == {}
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    DagBundlesManager().sync_bundles_to_db()
    sync_bag_to_db(bag, "mlops", None)

    # Every param is given: dag.test() keeps those of the run before, as no run of a scheduler does.
    def go(dag_id, **conf):
        return Finished(bag.dags[dag_id].test(run_conf=conf))

    first = go("wage_train")
    assert first.state == "success"
    go.first = first
    return go


def champion():
    """The version in force, by the record."""
    root = EvidenceStore(str(Path(os.environ["AIRFLOW_HOME"]) / "mlops"))
    found = champion_of(DecisionChain(root, "wage").links())
    return found.version if found else None


class People:
    """Users of Airflow's own API who answer what a run of ``wage_retrain`` asks."""

    def __init__(self, client, passwords, pool):
        self._client, self._passwords, self._pool = client, passwords, pool
        self.gone = threading.Event()

    def answer(self, name, option, *, refused=None):
        """Start to wait for the next question; its result is the HTTP status that each person was answered with."""
        known = {found["dag_run_id"] for found in self._runs(self._token(name))}
        return self._pool.submit(self._wait_and_answer, known, name, option, refused)

    def _wait_and_answer(self, known, name, option, refused):
        token = self._token(name)
        while not (asking := list(self._asking(known, token))):
            if self.gone.wait(0.5):
                return {}  # the run ended without a question
        said = {}
        for person in filter(None, (refused, name)):
            body = {"chosen_options": [option], "params_input": {}}
            said[person] = self._client.patch(
                f"{asking[0]}/-1/hitlDetails", json=body, headers=self._token(person)
            ).status_code
        return said

    def _asking(self, known, token):
        for found in self._runs(token):
            url = f"/api/v2/dags/wage_retrain/dagRuns/{found['dag_run_id']}/taskInstances/approve"
            if found["dag_run_id"] not in known and self._is_parked(url, token):
                yield url

    def _is_parked(self, url, token):
        if not PARKS_TASKS:  # a trigger asks again and again, and may be answered at any time
            return self._client.get(f"{url}/-1/hitlDetails", headers=token).is_success
        task = self._client.get(url, headers=token)
        return task.is_success and task.json()["state"] == "awaiting_input"

    def _runs(self, token):
        return self._client.get("/api/v2/dags/wage_retrain/dagRuns", headers=token).json()["dag_runs"]

    def _token(self, name):
        body = {"username": name, "password": self._passwords[name]}
        return {"Authorization": f"Bearer {self._client.post('/auth/token', json=body).json()['access_token']}"}


def read_answer(ti_id):
    """What the triggerer's API would say of a question: dag.test() of Airflow 3.1 runs the trigger and has no API."""
    from airflow.api_fastapi.execution_api.datamodels.hitl import HITLDetailResponse
    from airflow.models.hitl import HITLDetail
    from airflow.utils.session import create_session

    with create_session() as session:
        return HITLDetailResponse.from_hitl_detail_orm(session.get(HITLDetail, str(ti_id)))


@pytest.fixture(scope="module")
def people(run, tmp_path_factory):
    """Airflow's real API with two users, of whom one is an owner of the model."""
    from airflow.api_fastapi.app import create_app, purge_cached_app
    from fastapi.testclient import TestClient

    passwords = {"ml-team": "m", "eve": "e"}
    file = tmp_path_factory.mktemp("people") / "passwords.json"
    file.write_text(json.dumps(passwords))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", "ml-team:op,eve:op")
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE", str(file))
        patch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "long enough for the algorithm: " + 64 * "x")
        if not PARKS_TASKS:
            patch.setattr("airflow.providers.standard.triggers.hitl.get_hitl_detail_content_detail", read_answer)
        purge_cached_app()
        with ThreadPoolExecutor(1) as pool:
            made = People(TestClient(create_app(apps="core")), passwords, pool)
            yield made
            made.gone.set()
        purge_cached_app()


def test_training_promotes_a_first_champion_and_scores_with_it(run):
    assert run.first.status("evaluate") is Status.PASS
    assert run.first.status("promote") in (Status.PASS, Status.NOTICE)
    assert run.first.outcome("deploy").model.version == run.first.outcome("train").model.version


def test_every_outcome_has_evidence_that_verifies_and_names_its_run(run):
    for task_id in ("validate", "train", "evaluate", "bias", "card", "promote", "deploy"):
        outcome = run.first.outcome(task_id)
        evidence = read_evidence(outcome.evidence_uri)
        assert evidence.verdict == outcome.verdict
        assert (evidence.origin["dag_id"], evidence.origin["task_id"]) == ("wage_train", task_id)


def test_a_quiet_batch_succeeds_and_slack_is_not_told(run, slack):
    before = len(slack.messages)
    done = run("wage_monitor", years=[1980, 1981, 1982], held_out_men=True, uri=None, shadow=False)
    assert (done.state, done.status("drift")) == ("success", Status.PASS)
    assert len(slack.messages) == before


def test_broken_rows_are_set_aside_and_drift_is_found_and_told(run, slack, tmp_path):
    before = len(slack.messages)
    done = run("wage_monitor", uri=damaged_batch(tmp_path, 1983), years=[], held_out_men=False, shadow=False)
    assert (done.state, done.status("validate"), done.status("drift")) == ("success", Status.NOTICE, Status.FAIL)
    assert done.outcome("validate").dataset.rows == 540
    told = [message["text"] for message in slack.messages[before:]]
    assert any("Rows quarantined" in text for text in told)
    assert any("Data drifted" in text and "exper" in text for text in told)
    writers = ", before that ".join(f"by wage_monitor.{task}" for task in ("validate", "ingest", "land"))
    assert any(f"last written {writers} (run " in text for text in told)


def test_a_batch_without_a_column_fails_its_task_and_slack_is_told_which(run, slack, tmp_path):
    before = len(slack.messages)
    done = run("wage_monitor", uri=batch_without(tmp_path, 1984, "union"), years=[], held_out_men=False, shadow=False)
    assert done.state == "failed"
    assert done.outcome("validate", key="outcome").verdict.status is Status.FAIL
    assert any("[CRITICAL] Data refused" in m["text"] and "union" in m["text"] for m in slack.messages[before:])


def test_a_candidate_that_is_no_better_leaves_the_champion_in_place(run):
    done = run("wage_retrain", year=1983, mode="auto")
    assert done.state == "success"
    assert done.status("promote") in (Status.FAIL, Status.INSUFFICIENT_EVIDENCE)
    assert done.outcome("deploy").model.version == run.first.outcome("train").model.version


def test_a_rejection_leaves_the_champion_which_goes_on_scoring(run, people):
    asked = people.answer("ml-team", "Reject")
    done = run("wage_retrain", year=1985, mode="approve")
    assert asked.result(timeout=60) == {"ml-team": 200}
    assert (done.state, done.task_state("promote"), done.task_state("deploy")) == ("success", "skipped", "success")
    assert done.outcome("deploy").model.version != done.outcome("train").model.version


def test_an_owner_is_asked_and_named_in_the_record(run, people):
    asked = people.answer("ml-team", "Approve", refused="eve")
    done = run("wage_retrain", year=1985, mode="approve")
    assert asked.result(timeout=60) == {"eve": 403, "ml-team": 200}
    evidence = read_evidence(done.outcome("promote").evidence_uri)
    assert evidence.details["person"] == "ml-team"
    assert evidence.report["mode"] == "approve"
    assert evidence.details["effect"] == "moved"
    assert done.outcome("deploy").model == done.outcome("promote").model


def test_one_dag_rolls_back_names_who_asked_opens_an_incident_and_scores_again(run):
    before = champion()
    done = run("wage_rollback", reason="a drill", to_version=None, year=1985)
    assert (done.state, done.status("rollback")) == ("success", Status.PASS)
    back = done.outcome("rollback")
    assert back.model.version == run.first.outcome("train").model.version != before
    assert done.outcome("rescore").model.version == back.model.version
    details = read_evidence(back.evidence_uri).details
    assert (details["reason"], details["person"]) == ("a drill", "dag_test")
    assert read_evidence(details["incident"]).report["withdrawn"]["version"] == before


def test_a_candidate_that_is_better_is_promoted_and_scores(run):
    done = run("wage_retrain", year=1985, mode="auto")
    assert done.status("promote") in (Status.PASS, Status.NOTICE)
    assert done.outcome("deploy").model.version == done.outcome("train").model.version


def test_a_suggestion_asks_nobody_and_moves_nothing(run):
    done = run("wage_retrain", year=1984, mode="suggest")
    assert (done.state, done.task_state("approve")) == ("success", "skipped")
    assert read_evidence(done.outcome("promote").evidence_uri).details["effect"] in ("suggested", "stays")
    assert done.outcome("deploy").model.version != done.outcome("train").model.version


def test_a_challenger_scores_the_same_rows_in_the_shadow(run):
    done = run("wage_monitor", years=[1986], held_out_men=True, uri=None, shadow=True)
    outcome = done.outcome("score")
    assert outcome.model.version == champion()
    report = read_evidence(outcome.evidence_uri).report
    assert report["shadow"]["model"]["version"] != outcome.model.version
    assert report["comparison"]["labelled_rows"] == outcome.dataset.rows
    assert Path(report["shadow"]["output"]["uri"]).parent.name.endswith("-shadow")


def test_a_purge_removes_nothing_that_is_not_past_its_time(run):
    done = run("wage_purge", preview=False, retention_days=30, snapshot_days=30)
    assert done.state == "success"
    assert "0 files of evidence older than 30 days removed" in done.outcome("purge").verdict.summary


def test_a_preview_of_a_purge_says_what_would_go(run):
    done = run("wage_purge", preview=True, retention_days=1e-6, snapshot_days=1e-6)
    assert "would be removed" in done.outcome("purge").verdict.summary
    assert read_evidence(run.first.outcome("train").evidence_uri)


def test_parts_are_judged_by_mapped_tasks_and_the_gate_takes_the_merged_validation(run):
    before = champion()
    done = run("wage_partitions", last_year=1984, mode="suggest")
    assert done.state == "success"
    merged = done.outcome("merge")
    evidence = read_evidence(merged.evidence_uri)
    assert len(evidence.details["parts"]) == 3
    assert merged.dataset.rows == evidence.details["clean_rows"] == 5 * 408
    drift = read_evidence(done.outcome("drift").evidence_uri)
    assert drift.verdict.status is Status.FAIL
    assert drift.inputs["current"].uri.endswith("all.profile")
    assert drift.report["current_rows"] == 5 * 408
    decision = read_evidence(done.outcome("promote").evidence_uri)
    assert decision.details["effect"] in ("suggested", "stays")
    assert not [
        finding for finding in decision.verdict.findings if finding.measure == "validation" and not passes(finding)
    ]
    assert done.outcome("train").dataset == merged.dataset
    assert champion() == before


def passes(finding):
    return finding.status in (Status.PASS, Status.NOTICE)
