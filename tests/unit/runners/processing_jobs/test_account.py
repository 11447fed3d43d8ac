"""What AWS answers becomes one sentence, of the kind that Airflow retries or not."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from airflow_mlops_provider.exceptions import AlreadyExistsError, BackendError, BadInputError
from airflow_mlops_provider.runners.processing_jobs.account import Account


@pytest.fixture
def account(monkeypatch):
    extra = {"region_name": "eu-central-1"}
    connection = {"conn_type": "aws", "login": "id", "password": "secret", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_CLOUD", json.dumps(connection))
    return Account(aws_conn_id="cloud")


REQUEST = {
    "ProcessingJobName": "mlops-drift-1",
    "ProcessingResources": {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}},
    "AppSpecification": {"ImageUri": "mlops"},
    "RoleArn": "arn:aws:iam::123456789012:role/jobs",
}


@pytest.mark.parametrize(
    ("code", "said", "kind", "told"),
    [
        (
            "AccessDeniedException",
            "User x is not authorized to perform: sagemaker:CreateProcessingJob",
            BackendError,
            r"^AWS \(connection 'cloud', region 'eu-central-1'\) may not start job mlops-drift-1: User x is not auth",
        ),
        (
            "ResourceLimitExceeded",
            "limit is 0 Instances",
            BackendError,
            "a quota of the account is reached: limit is 0",
        ),
        ("ValidationException", "1 validation error: instanceType", BadInputError, "cannot start job .*: 1 validation"),
        ("ThrottlingException", "Rate exceeded", BackendError, "ThrottlingException: Rate exceeded"),
        ("ResourceInUse", "name taken", AlreadyExistsError, "name taken"),
        ("ValidationException", "names must be unique within an AWS account", AlreadyExistsError, "must be unique"),
        ("ValidationException", "a job of this name already exists", AlreadyExistsError, "already exists"),
    ],
)
def test_a_refusal_of_aws_is_told_by_whom_doing_what(account, code, said, kind, told):
    with Stubber(account.hook.conn) as aws:
        aws.add_client_error("create_processing_job", code, said)
        with pytest.raises(kind, match=told):
            account.create(REQUEST)


def test_a_wrong_type_in_a_request_is_bad_input(account):
    with pytest.raises(BadInputError, match="Invalid type for parameter RoleArn"):
        account.create({**REQUEST, "RoleArn": 1})


def test_aws_that_is_not_reached_is_a_failed_backend(account):
    aws = account.hook.conn

    def unreachable(**_):
        raise EndpointConnectionError(endpoint_url="https://aws")

    aws.meta.events.register("before-send.sagemaker", unreachable)
    with pytest.raises(BackendError, match="cannot list jobs: Could not connect"):
        account.jobs(containing="mlops")


@pytest.mark.parametrize(
    ("code", "said"),
    [("ValidationException", "Could not find requested job with name: x"), ("ResourceNotFound", "Requested: x")],
)
def test_a_job_that_there_never_was_is_none(account, code, said):
    with Stubber(account.hook.conn) as aws:
        aws.add_client_error("describe_processing_job", code, said)
        assert account.describe("x") is None


def test_stopping_a_job_that_has_ended_is_no_fault_and_of_one_that_runs_is(account):
    ended = {**REQUEST, "ProcessingJobArn": f"arn:aws:sagemaker:eu-central-1:123456789012:processing-job/{'x'}"}
    ended |= {"CreationTime": 0, "ProcessingJobStatus": "Completed"}
    with Stubber(account.hook.conn) as aws:
        aws.add_client_error("stop_processing_job", "ValidationException", "The job is in Completed")
        aws.add_response("describe_processing_job", ended)
        account.stop("x")
        aws.add_client_error("stop_processing_job", "ValidationException", "Not today")
        aws.add_response("describe_processing_job", ended | {"ProcessingJobStatus": "InProgress"})
        with pytest.raises(BadInputError, match="Not today"):
            account.stop("x")


def test_a_connection_that_is_named_and_not_there_is_a_failed_backend():
    with pytest.raises(BackendError, match="connection 'nobody'"):
        Account(aws_conn_id="nobody").jobs(containing="x")


def test_the_region_of_the_runner_wins_over_that_of_the_connection(account):
    assert account.region_name == "eu-central-1"
    assert Account(aws_conn_id="cloud", region="us-west-2").region_name == "us-west-2"
