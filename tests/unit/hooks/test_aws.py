"""What a Connection of type ``aws`` puts into the environment of a job."""

from __future__ import annotations

import json

import pytest

from airflow_mlops_provider.exceptions import BackendError
from airflow_mlops_provider.hooks.aws import FRESH_SECONDS, AwsAccess, aws_environment

NO_TOKEN = {"AWS_SESSION_TOKEN": "", "AWS_SECURITY_TOKEN": "", "AWS_CREDENTIAL_EXPIRATION": ""}


@pytest.fixture
def variables(monkeypatch):
    def read(**connection):
        monkeypatch.setenv("AIRFLOW_CONN_CLOUD", json.dumps({"conn_type": "aws", **connection}))
        return aws_environment("cloud")

    return read


def test_credentials_region_and_endpoint_are_the_connections(variables):
    extra = {"region_name": "eu-central-1", "endpoint_url": "http://minio:9000", "verify": "/etc/ca.pem"}
    assert variables(login="id", password="secret", extra=extra) == {
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": "http://minio:9000",
        "AWS_CA_BUNDLE": "/etc/ca.pem",
        **NO_TOKEN,
    }


def test_an_endpoint_of_one_service_is_that_services_alone(variables):
    extra = {"service_config": {"s3": {"endpoint_url": "http://minio:9000"}, "sts": {}}}
    assert variables(extra=extra) == {"AWS_ENDPOINT_URL_S3": "http://minio:9000"}


def test_a_session_token_of_the_connection_goes_along(variables):
    extra = {"aws_session_token": "token"}
    assert variables(login="id", password="secret", extra=extra)["AWS_SESSION_TOKEN"] == "token"


def test_a_connection_without_credentials_leaves_them_to_the_surroundings_of_the_job(variables):
    assert variables(extra={"region_name": "eu-central-1"}) == {"AWS_DEFAULT_REGION": "eu-central-1"}


def test_a_role_is_assumed_and_the_job_gets_its_temporary_credentials(variables, s3_address):
    extra = {
        "role_arn": "arn:aws:iam::123456789012:role/mlops",
        "region_name": "eu-central-1",
        "service_config": {"sts": {"endpoint_url": s3_address}},
    }
    found = variables(login="id", password="secret", extra=extra)
    assert found["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert found["AWS_SECRET_ACCESS_KEY"] != "secret"
    assert len(found["AWS_SESSION_TOKEN"]) > 100


def test_a_connection_that_is_not_there_is_a_failed_backend_and_no_empty_one():
    with pytest.raises(BackendError, match=r"connection 'nobody': .*nobody.* isn't defined"):
        aws_environment("nobody")


def test_a_role_that_cannot_be_assumed_is_a_failed_backend_that_names_the_connection(variables):
    extra = {
        "role_arn": "arn:aws:iam::123456789012:role/mlops",
        "region_name": "eu-central-1",
        "service_config": {"sts": {"endpoint_url": "http://127.0.0.1:9"}},
        "config_kwargs": {"retries": {"max_attempts": 0}},
    }
    with pytest.raises(BackendError, match="connection 'cloud' gives no access to AWS: Could not connect"):
        variables(login="id", password="secret", extra=extra)


def test_secrets_are_masked_in_logs(variables):
    from airflow.sdk.log import redact

    variables(login="id", password="a-secret-of-five-words", extra={"aws_session_token": "a-token-of-five-words"})
    assert redact("a-secret-of-five-words a-token-of-five-words") == "*** ***"


def test_a_long_lived_process_reads_the_connection_again_before_its_credentials_end():
    read, now = [], [0.0]
    access = AwsAccess(
        "cloud", read=lambda conn_id: read.append(conn_id) or {"n": str(len(read))}, clock=lambda: now[0]
    )
    assert access.variables() == access.variables() == {"n": "1"}
    now[0] = FRESH_SECONDS + 1
    assert access.variables() == {"n": "2"}
    assert read == ["cloud", "cloud"]
