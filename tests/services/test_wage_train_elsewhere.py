"""``wage_train`` as it is, with its jobs in pods and on SageMaker: one setting says where."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest

from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.verdict import Status
from demo.services import SlackReceiver
from deployment.servers import data_folder, inherited, running_mlflow
from tests.services.cluster.servers import Cluster
from tests.services.conftest import make_bucket
from tests.services.sagemaker import running_sagemaker
from tests.services.sagemaker_task import IMAGE, ROLE
from tests.services.test_airflow_on_postgres import BUNDLE, HERE

pytestmark = pytest.mark.timeout(1500)  # a whole Dag, each step of which is a process of its own

JOBS = (
    *("ingest", "ingest_held_out", "validate", "validate_held_out"),
    *("train", "evaluate", "bias", "card", "promote", "deploy"),
)
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


def trained(folder: Path, root: str, tracking_uri: str, runner: dict[str, Any], **more: str) -> dict[str, Any]:
    """One run of ``wage_train``: its state and what its tasks returned."""
    slack = SlackReceiver()
    env = inherited(
        AIRFLOW_HOME=str(folder / "airflow"),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST=json.dumps([BUNDLE]),
        AIRFLOW__MLOPS__EVIDENCE_ROOT=f"{root}/mlops",
        AIRFLOW__MLOPS__TRACKING_URI=tracking_uri,
        AIRFLOW_CONN_SLACK_DEFAULT=slack.connection,
        WAGE_DATA=f"{root}/wage",
        MLOPS_RUNNER=json.dumps(runner),
        **more,
    )
    for command in (
        [str(Path(sys.executable).with_name("airflow")), "db", "migrate"],
        [sys.executable, str(HERE / "run_reference_dag.py"), "wage_train", "{}"],
    ):
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"[-6000:]
    slack.stop()
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert found["state"] == "success", f"{done.stdout}\n{done.stderr}"[-6000:]
    return found


def assert_promoted(run: dict[str, Any]) -> None:
    outcomes = {name: Outcome.from_json(run["tasks"][name]) for name in JOBS}
    assert outcomes["promote"].verdict.status in (Status.PASS, Status.NOTICE)
    assert outcomes["deploy"].model == outcomes["train"].model


def test_every_job_runs_in_a_pod_by_one_setting(cluster: Cluster, aws, tmp_path):
    root, namespace = make_bucket(), cluster.make_namespace()
    runner = {
        "place": "kubernetes",
        "image": "mlops",
        "namespace": namespace,
        "conn_id": "cluster",
        "env": aws,
        "python": sys.executable,
    }
    connection = {"conn_type": "kubernetes", "extra": {"kube_config": json.dumps(cluster.kubeconfig)}}
    # A registry of its own: a champion of another test would stay.
    with running_mlflow(f"sqlite:///{tmp_path}/mlflow.db", f"{root}/artifacts", aws) as tracking_uri:
        run = trained(tmp_path, root, tracking_uri, runner, **aws, AIRFLOW_CONN_CLUSTER=json.dumps(connection))
    assert_promoted(run)
    started = [each["task"] for each in cluster.events() if each["event"] == "started" and each["task"] in JOBS]
    assert sorted(started) == sorted(JOBS)


def test_every_job_runs_on_sagemaker_by_one_setting(tmp_path):
    with data_folder("wage") as folder, running_sagemaker(folder) as sagemaker:
        aws = KEYS | {"AWS_ENDPOINT_URL": sagemaker.address}
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        client = boto3.session.Session().client("s3", endpoint_url=sagemaker.address, **keys)
        client.create_bucket(Bucket="wages")
        runner = {"place": "sagemaker", "image": IMAGE, "role": ROLE, "python": sys.executable, "poll_seconds": 1}
        database = f"sqlite:///{tmp_path}/mlflow.db"
        with running_mlflow(database, "s3://wages/artifacts", aws) as tracking_uri:
            run = trained(tmp_path, "s3://wages", tracking_uri, runner, **aws)
        started = (sagemaker.folder / "started").read_text().splitlines()
    assert_promoted(run)
    assert len(started) == len(JOBS)
