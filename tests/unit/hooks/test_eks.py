"""The kubeconfig of an EKS cluster: made with credentials, renewed before they end, and gone when it is forgotten."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
import yaml

from airflow_mlops_provider.exceptions import BackendError
from airflow_mlops_provider.hooks.aws import FRESH_SECONDS
from airflow_mlops_provider.hooks.eks import EksKubeconfig


@pytest.fixture
def aws(s3_address, monkeypatch):
    """EKS by moto, with one cluster; credentials come from the environment."""
    import boto3

    access = {"AWS_ACCESS_KEY_ID": "somebody", "AWS_SECRET_ACCESS_KEY": "sesame", "AWS_ENDPOINT_URL": s3_address}
    for name, value in access.items():
        monkeypatch.setenv(name, value)
    client = boto3.session.Session(region_name="eu-central-1").client("eks")
    vpc = {"subnetIds": [], "securityGroupIds": []}
    client.create_cluster(name="prod", roleArn="arn:aws:iam::123456789012:role/eks", resourcesVpcConfig=vpc)
    yield client
    client.delete_cluster(name="prod")


def kubeconfig(cluster="prod", **given):
    return EksKubeconfig(cluster, aws_conn_id=None, region="eu-central-1", **given)


def credentials_in(path):
    """The file with credentials that a kubeconfig leads to."""
    command = yaml.safe_load(Path(path).read_text())["users"][0]["user"]["exec"]["args"][1]
    return Path(next(line.split()[1] for line in command.splitlines() if line.strip().startswith(". ")))


def test_both_files_are_there_until_they_are_forgotten(aws):
    made = kubeconfig()
    path = made.made()
    found = yaml.safe_load(Path(path).read_text())["clusters"][0]
    assert (found["name"], found["cluster"]["server"]) == (
        "prod",
        aws.describe_cluster(name="prod")["cluster"]["endpoint"],
    )
    assert base64.b64decode(found["cluster"]["certificate-authority-data"])
    credentials = credentials_in(path)
    assert "sesame" in credentials.read_text()
    assert credentials.stat().st_mode & 0o077 == 0
    made.forget()
    assert not Path(path).exists()
    assert not credentials.exists()
    assert not made.is_fresh


def test_they_are_made_anew_before_the_credentials_of_a_role_end(aws):
    now = [0.0]
    made = kubeconfig(clock=lambda: now[0])
    assert not made.is_fresh
    first = credentials_in(made.made())
    assert made.is_fresh
    now[0] = FRESH_SECONDS
    assert not made.is_fresh
    second = credentials_in(made.made())
    assert not first.exists()
    assert second.exists()
    made.forget()


def test_a_cluster_that_is_not_there_is_named(aws):
    with pytest.raises(
        BackendError, match=r"^EKS cluster 'other' \(connection None\): .*No cluster found for name: other"
    ):
        kubeconfig("other").made()
