"""Callbacks called by a real Dag processor: Slack hears of a run that failed and of a task whose worker died."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from demo.services import SlackReceiver

DAG = """
from airflow.sdk import dag, task
from airflow_mlops_provider.notifications.slack import MLOpsSlackNotifier

TELL = MLOpsSlackNotifier()


@dag(schedule=None, on_failure_callback=TELL, on_success_callback=TELL)
def watched():
    @task(on_failure_callback=TELL)
    def train():
        pass

    train()


watched()
"""


@pytest.fixture(scope="module")
def messages(airflow_db: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What Slack heard after the Dag processor worked off four callbacks, in the order of their runs' names."""
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "watched.py").write_text(DAG)
    receiver = SlackReceiver()
    environment = {
        **os.environ,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "0",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder}/airflow.db",
        "AIRFLOW__MLOPS__EVIDENCE_ROOT": str(folder / "mlops"),
        "AIRFLOW_CONN_SLACK_DEFAULT": receiver.connection,
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(
            [
                {
                    "name": "watched",
                    "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
                    "kwargs": {"path": str(folder)},
                }
            ]
        ),
    }
    airflow = str(Path(sys.executable).with_name("airflow"))
    for command in (
        [airflow, "db", "migrate"],
        [sys.executable, "-c", REQUESTS],
        [airflow, "dag-processor", "--num-runs", "3"],
    ):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    receiver.stop()
    return sorted(message["text"] for message in receiver.messages)


# As the scheduler writes them, with the run and the task instance that it adds since Airflow 3.1.
REQUESTS = """
import uuid
from datetime import UTC, datetime
from airflow.callbacks.callback_requests import DagCallbackRequest, DagRunContext, TaskCallbackRequest
from airflow.models.db_callback_request import DbCallbackRequest
from airflow.utils.session import create_session

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def run(run_id, state):
    moments = dict.fromkeys(("logical_date", "data_interval_start", "data_interval_end", "start_date", "end_date"), NOW)
    return {"dag_id": "watched", "run_id": run_id, "run_type": "manual", "state": state, "run_after": NOW,
            "consumed_asset_events": [], "partition_key": None, **moments}


def instance(run_id):
    return {"id": uuid.uuid4(), "task_id": "train", "dag_id": "watched", "run_id": run_id, "try_number": 1,
            "dag_version_id": uuid.uuid4()}


file = {"filepath": "watched.py", "bundle_name": "watched", "bundle_version": None}
with create_session() as session:
    for run_id, state, reason in (
        ("a", "failed", "task_failure"), ("b", "failed", "timed_out"), ("c", "success", "success")
    ):
        context = DagRunContext(dag_run=run(run_id, state), last_ti=instance(run_id))
        request = DagCallbackRequest(dag_id="watched", run_id=run_id, context_from_server=context, msg=reason,
                                     is_failure_callback=state == "failed", **file)
        session.add(DbCallbackRequest(callback=request, priority_weight=1))
    request = TaskCallbackRequest(ti=instance("d"), msg="its worker died", task_callback_type="failed", **file)
    session.add(DbCallbackRequest(callback=request, priority_weight=1))
"""


def test_a_failed_run_a_run_out_of_time_and_a_dead_task_are_told_and_a_good_run_is_not(messages):
    assert messages == [
        "[CRITICAL] Failed: watched\nthe run took longer than its dagrun_timeout",
        "[CRITICAL] Failed: watched.train\na task failed",
        "[CRITICAL] Failed: watched.train\nits process ended without a word",
    ]
