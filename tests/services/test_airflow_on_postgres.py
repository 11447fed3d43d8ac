"""A reference Dag with Airflow and MLflow on PostgreSQL, and data, evidence and artifacts on S3."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.verdict import Status
from demo.services import SlackReceiver
from deployment.servers import Postgres, inherited
from tests.services.conftest import make_bucket

HERE = Path(__file__).resolve().parent
BUNDLE = {"name": "mlops", "classpath": "airflow_mlops_provider.bundles.PackagedDagBundle", "kwargs": {}}


def execute(*command: str, env: dict[str, str]) -> str:
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"[-6000:]
    return done.stdout


@pytest.fixture(scope="module")
def root(aws: dict[str, str]) -> str:
    return f"{make_bucket()}/mlops"


@pytest.fixture(scope="module")
def trained(
    postgres: Postgres, mlflow_server: str, root: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """One run of ``wage_train``: its state and what its tasks returned."""
    folder, slack = tmp_path_factory.mktemp("airflow"), SlackReceiver()
    env = inherited(
        AIRFLOW_HOME=str(folder),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=postgres.create_database("airflow"),
        AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST=json.dumps([BUNDLE]),
        AIRFLOW__MLOPS__EVIDENCE_ROOT=root,
        AIRFLOW__MLOPS__TRACKING_URI=mlflow_server,
        AIRFLOW_CONN_SLACK_DEFAULT=slack.connection,
        WAGE_DATA=f"{root.removesuffix('/mlops')}/wage",
    )
    env |= {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    execute(str(Path(sys.executable).with_name("airflow")), "db", "migrate", env=env)
    said = execute(sys.executable, str(HERE / "run_reference_dag.py"), "wage_train", "{}", env=env)
    slack.stop()
    return json.loads(said.splitlines()[-1])


def test_the_run_succeeds_on_postgres(trained):
    assert (trained["state"], trained["database"]) == ("success", "postgresql+psycopg2")


def test_the_data_lie_on_s3_in_their_zones(trained, root):
    outcome = Outcome.from_json(trained["tasks"]["train"])
    assert outcome.dataset.uri.startswith(f"{root.removesuffix('/mlops')}/wage/curated/first-train/")


def test_a_first_champion_is_promoted_and_scores(trained):
    outcomes = {name: Outcome.from_json(trained["tasks"][name]) for name in ("train", "promote", "deploy")}
    assert outcomes["promote"].verdict.status in (Status.PASS, Status.NOTICE)
    assert outcomes["deploy"].model == outcomes["train"].model


def test_evidence_on_s3_and_the_mlflow_server_agree(trained, root, mlflow_server):
    outcome = run("verify", {"model": "wage", "evidence_root": root, "tracking_uri": mlflow_server})
    assert outcome.verdict.status is Status.PASS, outcome.verdict
