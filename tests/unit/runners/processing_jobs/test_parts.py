"""The request of a job: what travels, what does not, and what does not fit is refused by name."""

from __future__ import annotations

import dataclasses

import boto3
import pytest

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.runners.processing_jobs.parts import JobParts, spec_uri_of
from airflow_mlops_provider.runners.remote_job import RemoteJob

ROLE = "arn:aws:iam::123456789012:role/jobs"
PARTS = JobParts(image="mlops", role=ROLE, python="python", instance_type="ml.m5.large", volume_gb=30, max_runtime=60)


def request(environment=(), *, spec_uri="s3://bucket/specs/drift-1.json", region="eu-central-1", **parts):
    origin = {"dag_id": "d", "run_id": "manual__2026-11-30T00:00:00+00:00", "task_id": "täsk[1]", "try_number": "2"}
    job = RemoteJob(
        job="drift", spec={"run_key": "r", "origin": origin}, spec_uri=spec_uri, fetch=lambda: None, read=lambda _: None
    )
    made = dataclasses.replace(PARTS, **parts)
    return made.request(job, name=f"{job.name}-1", role_arn=ROLE, region=region, environment=dict(environment))


def test_the_request_is_one_that_sagemaker_knows():
    client = boto3.session.Session().client(
        "sagemaker", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="a"
    )
    model = client.meta.service_model.operation_model("CreateProcessingJob").input_shape
    made = request({"MLFLOW_TRACKING_URI": "http://mlflow"}, subnets=["subnet-1"], security_groups=["sg-1"])
    assert client._serializer.serialize_to_request(
        made, client.meta.service_model.operation_model("CreateProcessingJob")
    )
    assert set(made) <= set(model.members)
    assert made["NetworkConfig"] == {"VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}


def test_credentials_of_the_worker_do_not_travel():
    told = {
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_SESSION_TOKEN": "t",
        "AWS_SECURITY_TOKEN": "",
        "AWS_CREDENTIAL_EXPIRATION": "",
        "AWS_CA_BUNDLE": "/etc/ca.pem",
        "AWS_ENDPOINT_URL": "http://minio",
        "AWS_DEFAULT_REGION": "us-west-2",
    }
    assert request(told)["Environment"] == {"AWS_ENDPOINT_URL": "http://minio", "AWS_DEFAULT_REGION": "us-west-2"}
    assert request({})["Environment"] == {"AWS_DEFAULT_REGION": "eu-central-1"}
    assert request({}, region=None)["Environment"] == {}


@pytest.mark.parametrize(
    "secret",
    [
        {"MLFLOW_TRACKING_PASSWORD": "sesame"},
        {"MLFLOW_TRACKING_TOKEN": "sesame"},
        {"MLFLOW_TRACKING_URI": "postgresql://u:sesame@db/mlflow"},
    ],
    ids=lambda secret: next(iter(secret)),
)
def test_a_secret_is_refused_until_it_lies_in_secrets_manager(secret):
    (name,) = secret
    with pytest.raises(BadInputError, match=rf"{name} holds a secret.*secrets=\{{'{name}': its ARN\}}") as caught:
        request(secret)
    assert "sesame" not in str(caught.value)
    assert request(secret, secrets={name: "arn:x"}, region=None)["Environment"] == {f"MLOPS_SECRET_{name}": "arn:x"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"env": {"LONG": "x" * 257}}, "the value of LONG has 257 characters; SageMaker takes 256"),
        ({"spec_uri": f"s3://bucket/{'x' * 250}"}, "the address of the spec has 262 characters"),
    ],
)
def test_what_sagemaker_would_not_take_is_refused_by_name(given, said):
    with pytest.raises(BadInputError, match=said):
        request(**given)


def test_tags_say_which_task_asked_in_letters_that_aws_allows():
    tags = {tag["Key"]: tag["Value"] for tag in request(tags={"team": "ml"})["Tags"]}
    assert tags == {
        "team": "ml",
        "airflow-mlops-provider:dag_id": "d",
        "airflow-mlops-provider:run_id": "manual__2026-11-30T00:00:00+00:00",
        "airflow-mlops-provider:task_id": "täsk_1_",
        "airflow-mlops-provider:job": "drift",
    }


def test_further_keys_are_kept_below_the_runners_own():
    cluster = {"ClusterConfig": {"VolumeKmsKeyId": "key", "VolumeSizeInGB": 1}}
    config = {
        "ProcessingResources": cluster,
        "ExperimentConfig": {"RunName": "r"},
        "Tags": [{"Key": "a", "Value": "b"}],
    }
    made = request(config=config)
    assert made["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == "key"
    assert made["ProcessingResources"]["ClusterConfig"]["VolumeSizeInGB"] == 30
    assert made["ExperimentConfig"] == {"RunName": "r"}
    assert {"Key": "a", "Value": "b"} in made["Tags"]


def test_the_spec_is_found_again_in_a_description_and_nothing_in_that_of_another_job():
    assert spec_uri_of(request()) == "s3://bucket/specs/drift-1.json"
    with pytest.raises(BadInputError, match="job other was not started by SageMakerRunner"):
        spec_uri_of({"ProcessingJobName": "other", "AppSpecification": {"ImageUri": "x"}})
