"""What Slack is told, and that a lost message never fails a task; the real provider against a local receiver."""

from __future__ import annotations

import json
import logging
import types

import pytest

from airflow_mlops_provider.decisions.alerts import judge_severity
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.notifications.slack import MLOpsSlackNotifier
from airflow_mlops_provider.records.alert import Severity
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict
from airflow_mlops_provider.stores.evidence.undelivered import read_undelivered, undelivered_uris
from demo.services import SlackReceiver


@pytest.fixture
def slack(monkeypatch):
    receiver = SlackReceiver()
    monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", receiver.connection)
    yield receiver
    receiver.stop()


def outcome(kind, status):
    finding = Finding(subject="hours", measure="ks_d", observed=0.21, limit=0.05, status=status, detail="up < 3 & more")
    return Outcome(kind=kind, verdict=Verdict.of([finding], summary="hours drifted"), evidence_uri="file:///e.json")


def context(left=None, exception=None, key="return_value"):
    def xcom_pull(*, task_ids, key, map_indexes):  # the signature of Airflow's own
        return xcoms.get(key)

    xcoms = {key: left.to_json()} if left else {}
    state = "failed" if exception else "success"
    ti = types.SimpleNamespace(task_id="drift", map_index=-1, state=state, xcom_pull=xcom_pull)
    run = types.SimpleNamespace(dag_id="wage_monitor", run_id="manual 1")
    return {"ti": ti, "dag_run": run, "exception": exception}


def test_a_drifted_run_tells_severity_numbers_and_links(slack):
    MLOpsSlackNotifier(runbook_url="http://runbook")(context(outcome(Kind.DRIFT, Status.FAIL)))
    [message] = slack.messages
    assert message["text"].splitlines() == [
        "[WARNING] Data drifted in wage_monitor.drift",
        "hours drifted",
        "hours: up < 3 & more (ks_d 0.21, limit 0.05)",
    ]
    links = message["blocks"][-1]["elements"][0]["text"]
    assert "/dags/wage_monitor/runs/manual%201/tasks/drift|run>" in links
    assert "evidence?uri=file%3A%2F%2F%2Fe.json|evidence>" in links
    assert "<http://runbook|runbook>" in links
    assert "up &lt; 3 &amp; more" in message["blocks"][1]["text"]["text"]


@pytest.mark.parametrize("status", [Status.PASS, Status.NOTICE])
def test_a_quiet_run_tells_nothing(slack, status):
    MLOpsSlackNotifier()(context(outcome(Kind.DRIFT, status)))
    assert slack.messages == []


def test_a_task_without_an_outcome_tells_nothing_when_it_succeeds(slack):
    MLOpsSlackNotifier()(context())
    assert slack.messages == []


def test_a_failed_task_is_critical_and_gives_its_reason(slack):
    MLOpsSlackNotifier()(context(exception=ValueError("no disk\nmore")))
    assert slack.messages[0]["text"] == "[CRITICAL] Failed: wage_monitor.drift\nno disk"


def test_a_refused_batch_is_critical_and_gives_its_numbers(slack):
    refused = outcome(Kind.VALIDATION, Status.FAIL)
    MLOpsSlackNotifier()(context(refused, exception=ValueError("x"), key="outcome"))
    assert slack.messages[0]["text"].startswith("[CRITICAL] Data refused: wage_monitor.drift\nhours drifted")


def test_a_dag_callback_without_a_task_still_speaks(slack):
    run = types.SimpleNamespace(dag_id="wage_monitor", run_id="r", state="failed")
    MLOpsSlackNotifier()({"dag_run": run, "reason": "task_failure"})
    assert slack.messages[0]["text"] == "[CRITICAL] Failed: wage_monitor\na task failed"


def test_a_lower_severity_is_told_when_it_is_asked_for(slack):
    MLOpsSlackNotifier(min_severity=Severity.INFO)(context(outcome(Kind.PROMOTION, Status.PASS)))
    assert "[INFO] Model promoted" in slack.messages[0]["text"]


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("status", Status)
def test_every_kind_and_status_has_a_severity(kind, status):
    assert judge_severity(outcome(kind, status)) in Severity


def test_a_severity_can_be_set_for_a_kind_and_status(slack):
    MLOpsSlackNotifier(severities={"promotion.fail": "critical"})(context(outcome(Kind.PROMOTION, Status.FAIL)))
    assert slack.messages[0]["text"].startswith("[CRITICAL] Promotion: fail")


@pytest.mark.parametrize(
    ("severities", "words"), [({"drfit.fail": "info"}, "'drfit.fail' is not kind.status"), ({"drift.fail": "x"}, "'x'")]
)
def test_a_severity_that_there_is_not_is_refused_by_name(severities, words):
    with pytest.raises(BadInputError, match=words):
        MLOpsSlackNotifier(severities=severities)


@pytest.mark.parametrize("refusal", [(429, {"Retry-After": "0"}), (500, {}), (502, {})])
def test_a_message_is_sent_again_after_a_limit_or_a_server_error(slack, refusal):
    slack.refusals = [refusal]
    MLOpsSlackNotifier()(context(outcome(Kind.DRIFT, Status.FAIL)))
    assert len(slack.messages) == 1


def test_a_message_that_slack_wants_an_hour_for_is_kept_at_once(slack, evidence_root, monkeypatch, caplog):
    monkeypatch.setenv("AIRFLOW__MLOPS__EVIDENCE_ROOT", evidence_root)
    slack.refusals = [(429, {"Retry-After": "3600"})]
    MLOpsSlackNotifier()(context(outcome(Kind.DRIFT, Status.FAIL)))
    [kept] = map(read_undelivered, undelivered_uris(evidence_root))
    assert kept.alert.title == "Data drifted in wage_monitor.drift"
    assert kept.channel == "slack_default"
    assert "429" in kept.reason
    assert kept.origin == {"dag_id": "wage_monitor", "run_id": "manual 1", "task_id": "drift"}


def test_a_message_that_cannot_be_delivered_is_a_warning_and_is_kept(evidence_root, monkeypatch, caplog):
    monkeypatch.setenv("AIRFLOW__MLOPS__EVIDENCE_ROOT", evidence_root)
    token = "services/T0/B0/secret"
    connection = {"conn_type": "slackwebhook", "host": "http://127.0.0.1:1", "password": token}
    monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", json.dumps(connection))
    with caplog.at_level(logging.DEBUG):
        MLOpsSlackNotifier()(context(outcome(Kind.DRIFT, Status.FAIL)))
    assert "Slack was not told" in caplog.text
    assert "hours drifted" in caplog.text
    [kept] = map(read_undelivered, undelivered_uris(evidence_root))
    assert "Connection refused" in kept.reason
    assert token not in caplog.text + str(kept)


def test_an_evidence_root_that_cannot_be_written_costs_the_task_nothing(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").touch()
    monkeypatch.setenv("AIRFLOW__MLOPS__EVIDENCE_ROOT", str(tmp_path / "file"))
    monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", '{"conn_type": "slackwebhook", "host": "http://127.0.0.1:1"}')
    MLOpsSlackNotifier()(context(outcome(Kind.DRIFT, Status.FAIL)))
    assert "could not be kept" in caplog.text
