"""A job on SageMaker is waited for in the triggerer, and goes when its task is not wanted any more."""

from __future__ import annotations

import asyncio
import json
import types

import pytest
from airflow.triggers.base import BaseTrigger

from airflow_mlops_provider.triggers.sagemaker import ProcessingTrigger

NAME = "mlops-drift-1"


@pytest.fixture
def aws(s3_address, monkeypatch):
    """SageMaker by moto, with one job, which moto takes for completed."""
    import boto3

    extra = {"region_name": "us-east-1", "endpoint_url": s3_address}
    connection = {"conn_type": "aws", "login": "id", "password": "secret", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_CLOUD", json.dumps(connection))
    client = boto3.session.Session().client(
        "sagemaker",
        endpoint_url=s3_address,
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="a",
    )
    client.create_processing_job(
        ProcessingJobName=NAME,
        ProcessingResources={"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}},
        AppSpecification={"ImageUri": "mlops"},
        RoleArn="arn:aws:iam::123456789012:role/jobs",
    )
    return client


@pytest.fixture
def waits(monkeypatch):
    """The seconds that the trigger slept, which it does not really."""
    slept = []

    async def at_once(seconds):
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", at_once)
    return slept


def fires(**arguments):
    async def first():
        return await anext(ProcessingTrigger(aws_conn_id="cloud", **{"job_name": NAME, **arguments}).run())

    return asyncio.run(first()).payload


def test_the_trigger_fires_when_the_job_has_ended_and_never_within_seconds(aws, waits):
    assert fires() == {"reason": "ended", "since": None}
    assert waits[0] == 10.0


def test_a_job_that_cannot_be_read_is_for_the_task_to_look_at(aws, waits):
    assert "Could not find" in fires(job_name="nobody")["reason"]


def test_a_trigger_comes_back_from_storage_as_it_was():
    trigger = ProcessingTrigger(job_name=NAME, aws_conn_id="cloud", region="eu-central-1", deadline=7.0)
    path, arguments = trigger.serialize()
    assert path == "airflow_mlops_provider.triggers.sagemaker.ProcessingTrigger"
    assert ProcessingTrigger(**arguments).serialize() == (path, arguments)


def test_a_task_that_somebody_marks_takes_its_job_along(aws):
    asyncio.run(ProcessingTrigger(job_name=NAME, aws_conn_id="cloud").on_kill())
    assert aws.describe_processing_job(ProcessingJobName=NAME)["ProcessingJobStatus"] == "Stopped"


@pytest.mark.skipif(not hasattr(BaseTrigger, "on_kill"), reason="there, a trigger's end is all that it is told")
def test_the_end_of_the_triggerer_leaves_the_job_alone(aws):
    asyncio.run(ProcessingTrigger(job_name=NAME, aws_conn_id="cloud").cleanup())
    assert aws.describe_processing_job(ProcessingJobName=NAME)["ProcessingJobStatus"] == "Completed"


@pytest.mark.parametrize(("state", "status"), [("deferred", "Completed"), ("failed", "Stopped")])
def test_before_airflow_3_3_a_trigger_asks_whether_its_task_still_waits(aws, monkeypatch, state, status):
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    monkeypatch.delattr(BaseTrigger, "on_kill", raising=False)
    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", staticmethod(lambda **_: {"r": {"t": state}}))
    trigger = ProcessingTrigger(job_name=NAME, aws_conn_id="cloud")
    trigger.task_instance = types.SimpleNamespace(dag_id="d", task_id="t", run_id="r", map_index=-1)
    asyncio.run(trigger.cleanup())
    assert aws.describe_processing_job(ProcessingJobName=NAME)["ProcessingJobStatus"] == status
