"""Evidence and data on an S3 that only a named Connection leads to: by operator, sensor, trigger, alert and page."""

from __future__ import annotations

import asyncio
import io
import json
import sys
import types

import pandas as pd
import pytest

from airflow_mlops_provider.exceptions import BackendError
from airflow_mlops_provider.operators.validation import DataValidationOperator
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.policies.drift import DriftPolicy
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.runners.external_python import ExternalPythonRunner
from airflow_mlops_provider.sensors.drift import DriftSensor
from airflow_mlops_provider.tasks.drift_events import unanswered
from airflow_mlops_provider.tasks.links import report_url
from airflow_mlops_provider.triggers.datasets import DatasetTrigger
from tests.unit.aws_connection import SECRET, ConnectedS3, only_by_connection

SUITE = {
    "name": "s",
    "expectations": [{"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "x"}}],
}


@pytest.fixture
def connected(s3_address: str, monkeypatch: pytest.MonkeyPatch) -> ConnectedS3:
    found = only_by_connection(s3_address, monkeypatch)
    data = io.BytesIO()
    pd.DataFrame({"x": [(i * 7919 % 400) / 7 for i in range(400)]}).to_parquet(data)
    found.client.pipe(f"{found.bucket}/in.parquet", data.getvalue())
    return found


@pytest.fixture
def configured(connected: ConnectedS3, monkeypatch: pytest.MonkeyPatch) -> ConnectedS3:
    monkeypatch.setenv("AIRFLOW__MLOPS__AWS_CONN_ID", connected.conn_id)
    monkeypatch.setenv("AIRFLOW__MLOPS__EVIDENCE_ROOT", root(connected))
    return connected


def root(connected: ConnectedS3) -> str:
    return f"s3://{connected.bucket}/mlops"


def context(**more):
    ti = types.SimpleNamespace(dag_id="d", run_id="r", task_id="t", map_index=-1, try_number=1)
    return {"ti": ti, "dag_run": types.SimpleNamespace(run_type="manual"), **more}


def validated(connected: ConnectedS3, **keys):
    return DataValidationOperator(
        task_id="t", dataset=f"s3://{connected.bucket}/in.parquet", suite=SUITE, **keys
    ).execute(context())


@pytest.mark.parametrize("runner", [None, ExternalPythonRunner(python=sys.executable)], ids=["here", "elsewhere"])
def test_a_job_reads_and_writes_by_the_connection_of_its_operator_and_leaves_no_secret(connected, runner, caplog):
    caplog.set_level("DEBUG", logger="airflow_mlops_provider")
    outcome = validated(connected, aws_conn_id=connected.conn_id, evidence_root=root(connected), runner=runner)
    assert Outcome.from_json(outcome).verdict.status is Status.PASS
    written = connected.client.find(f"{connected.bucket}/mlops")
    assert any("/validation/" in name for name in written)
    kept = b"".join(connected.client.cat(written).values()).decode(errors="replace")
    assert SECRET not in kept + json.dumps(outcome) + caplog.text


def test_the_configured_connection_serves_operators_that_name_none(configured):
    assert Outcome.from_json(validated(configured)).evidence_uri.startswith(root(configured))


def test_without_a_connection_the_environment_alone_counts(connected):
    with pytest.raises(BackendError, match="evidence root s3://"):
        validated(connected, evidence_root=root(connected))


def test_a_sensor_judges_and_its_trigger_watches_by_the_connection(connected, monkeypatch):
    batch = f"s3://{connected.bucket}/in.parquet"
    sensor = DriftSensor(
        task_id="t",
        reference=batch,
        current=batch,
        policy=DriftPolicy(joint=False),
        html_report="never",
        evidence_root=root(connected),
        aws_conn_id=connected.conn_id,
    )
    assert Outcome.from_json(sensor.poke(context()).xcom_value).verdict.status is Status.PASS
    trigger = DatasetTrigger(uri=batch, seen=None, poll_seconds=10, aws_conn_id=connected.conn_id)
    _, arguments = trigger.serialize()
    assert SECRET not in json.dumps(arguments)

    async def at_once(_):
        pass

    async def first():
        return await anext(DatasetTrigger(**arguments).run())

    monkeypatch.setattr(asyncio, "sleep", at_once)
    assert asyncio.run(first()).payload["stamp"]


def test_an_alert_and_an_answer_to_drift_read_evidence_by_the_configured_connection(configured):
    outcome = Outcome.from_json(validated(configured))
    assert report_url(outcome.evidence_uri).startswith("http")
    event = types.SimpleNamespace(extra=outcome.to_json())
    assert unanswered({"asset": [event]}, ti=context()["ti"]) == [outcome]
