"""Every reference Dag, run in order by ``dag.test()`` on real data, with a real MLflow on SQLite."""

from __future__ import annotations

import pytest

from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.evidence import read_evidence
from demo.services import SlackReceiver
from demo.story import batch_without, damaged_batch

pytestmark = [
    pytest.mark.floor_too,
    pytest.mark.xdist_group("dags"),  # one database, in order
    # dag.test() runs Airflow itself in this process, whose warnings are not ours to answer.
    pytest.mark.filterwarnings("ignore"),
]


class Finished:
    """A finished run, asked for the Outcomes of its tasks."""

    def __init__(self, run):
        self.state = str(getattr(run.state, "value", run.state))
        self._tasks = {ti.task_id: ti for ti in run.get_task_instances()}

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

    def go(dag_id, **conf):
        return Finished(bag.dags[dag_id].test(run_conf=conf))

    first = go("wage_train")
    assert first.state == "success"
    go.first = first
    return go


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
    done = run("wage_monitor", years=[1980, 1981, 1982], held_out_men=True, uri=None)
    assert (done.state, done.status("drift")) == ("success", Status.PASS)
    assert len(slack.messages) == before


def test_broken_rows_are_set_aside_and_drift_is_found_and_told(run, slack, tmp_path):
    before = len(slack.messages)
    done = run("wage_monitor", uri=damaged_batch(tmp_path, 1983), years=[], held_out_men=False)
    assert (done.state, done.status("validate"), done.status("drift")) == ("success", Status.NOTICE, Status.FAIL)
    assert done.outcome("validate").dataset.rows == 540
    told = [message["text"] for message in slack.messages[before:]]
    assert any("Rows quarantined" in text for text in told)
    assert any("Data drifted" in text and "exper" in text for text in told)


def test_a_batch_without_a_column_fails_its_task_and_slack_is_told_which(run, slack, tmp_path):
    before = len(slack.messages)
    done = run("wage_monitor", uri=batch_without(tmp_path, 1984, "union"), years=[], held_out_men=False)
    assert done.state == "failed"
    assert done.outcome("validate", key="outcome").verdict.status is Status.FAIL
    assert any("[CRITICAL] Data refused" in m["text"] and "union" in m["text"] for m in slack.messages[before:])


def test_a_candidate_that_is_no_better_leaves_the_champion_in_place(run):
    done = run("wage_retrain", year=1983)
    assert done.state == "success"
    assert done.status("promote") in (Status.FAIL, Status.INSUFFICIENT_EVIDENCE)
    assert done.outcome("deploy").model.version == run.first.outcome("train").model.version


def test_a_candidate_that_is_better_is_promoted_and_scores(run):
    done = run("wage_retrain", year=1985)
    assert done.status("promote") in (Status.PASS, Status.NOTICE)
    assert done.outcome("deploy").model.version == done.outcome("train").model.version


def test_a_purge_removes_nothing_that_is_not_past_its_time(run):
    done = run("wage_purge", dry_run=False, retention_days=30)
    assert done.state == "success"
    assert "0 files of evidence older than 30 days removed" in done.outcome("purge").verdict.summary


def test_a_preview_of_a_purge_says_what_would_go(run):
    done = run("wage_purge", dry_run=True, retention_days=1e-6)
    assert "would be removed" in done.outcome("purge").verdict.summary
    assert read_evidence(run.first.outcome("train").evidence_uri)
