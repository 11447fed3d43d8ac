"""Variables that a job reads from AWS Secrets Manager, named as Amazon ECS names them."""

from __future__ import annotations

import boto3
import pytest

from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.jobs.secret_variables import read_secret_variables

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:mlflow-Ab12"


def read(arn, *, text='{"password": "sesame", "port": 1}'):
    environment = {"MLOPS_SECRET_PASSWORD": arn, "OTHER": "x"}
    read_secret_variables(environment, read=lambda asked: text if asked == ARN else "")
    return environment["PASSWORD"]


def test_a_secret_is_the_variables_value_whole_or_by_a_key_within_it():
    assert read(ARN, text="open") == "open"
    assert read(f"{ARN}:password::") == "sesame"
    assert read(f"{ARN}:port") == "1"


@pytest.mark.parametrize(
    ("arn", "said"),
    [
        ("sesame", "PASSWORD: sesame is not the ARN of a secret"),
        ("arn:aws:s3:::bucket:a:b", "is not the ARN of a secret"),
        (f"{ARN}:user::", "PASSWORD: its secret has no key 'user'"),
    ],
)
def test_what_is_no_secret_is_bad_input_without_the_secret(arn, said):
    with pytest.raises(BadInputError, match=said) as caught:
        read(arn)
    assert "sesame" not in str(caught.value).replace("PASSWORD: sesame is", "")


def test_a_secret_that_is_no_json_has_no_keys():
    with pytest.raises(BadInputError, match="has no key 'password'"):
        read(f"{ARN}:password", text="plain")


def test_nothing_is_read_where_nothing_is_named():
    environment = {"MLOPS_SECRET_": "x", "A": "b"}
    read_secret_variables(environment, read=lambda _: pytest.fail("nothing is asked for"))
    assert environment == {"MLOPS_SECRET_": "x", "A": "b"}


def test_secrets_manager_is_asked_and_a_secret_that_is_not_there_is_a_failed_backend(s3_root):
    client = boto3.session.Session().client("secretsmanager", region_name="us-east-1")
    arn = client.create_secret(Name="mlflow", SecretString="sesame")["ARN"]
    environment = {"MLOPS_SECRET_TOKEN": arn}
    read_secret_variables(environment)
    assert environment["TOKEN"] == "sesame"
    with pytest.raises(BackendError, match=r"secret .* cannot be read: .*ResourceNotFound"):
        read_secret_variables({"MLOPS_SECRET_TOKEN": ARN})
