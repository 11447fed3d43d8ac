"""The files for Kubernetes have not been run; they are held against docker-compose.yaml, which is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.configuration import conf

from deployment.compose import Service, read_services
from tests.docs.pages import REPOSITORY, Page

FILES = REPOSITORY / "deployment" / "kubernetes"
PAGE = Page(REPOSITORY / "docs" / "how-to" / "install-on-kubernetes.md")
VALUES: dict[str, Any] = yaml.safe_load((FILES / "values.yaml").read_text())
ENVIRONMENT: dict[str, str] = {each["name"]: each["value"] for each in VALUES["env"]}
FROM_SECRETS: set[str] = {each["envName"] for each in VALUES["secret"]}
MADE_BY_THE_CHART = {
    "AIRFLOW__CORE__EXECUTOR": "executor",
    "AIRFLOW__CORE__FERNET_KEY": "fernetKeySecretName",
    "AIRFLOW__API__SECRET_KEY": "apiSecretKeySecretName",
    "AIRFLOW__API_AUTH__JWT_SECRET": "jwtSecretName",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "data",
    "AIRFLOW__CELERY__RESULT_BACKEND": "data",  # Airflow takes its database when none is named
}
"""Variables that the chart sets, each with the value that tells it to."""
OF_COMPOSE = {
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS",  # the chart chooses another auth manager
    "AIRFLOW__CELERY__BROKER_URL",  # the chart brings a Redis of its own
    "DUMB_INIT_SETSID",  # the chart starts its workers by a shell's exec
}
PLACES = re.compile(r"^(s3://[^/]+|https?://[^/]+)")


@pytest.fixture(scope="module")
def compose() -> dict[str, Service]:
    example = (REPOSITORY / "docker" / ".env.example").read_text()
    return read_services(dict.fromkeys(re.findall(r"^(\w+)=", example, re.MULTILINE), "x"))


def objects(name: str) -> dict[str, Any]:
    """The objects of a file by kind."""
    return {each["kind"]: each for each in yaml.safe_load_all((FILES / name).read_text())}


def mlflow() -> dict[str, Any]:
    return objects("mlflow.yaml")["Deployment"]["spec"]["template"]["spec"]["containers"][0]


def test_whatever_compose_tells_a_worker_the_chart_tells_it_too(compose):
    told = {*ENVIRONMENT, *FROM_SECRETS, *MADE_BY_THE_CHART, *OF_COMPOSE}
    assert set(compose["worker"].environment) <= told
    assert {*ENVIRONMENT, *FROM_SECRETS} <= set(compose["worker"].environment)
    assert set(MADE_BY_THE_CHART.values()) <= set(VALUES)


def test_what_is_no_address_has_the_same_value_and_lies_in_the_same_place(compose):
    for name, value in ENVIRONMENT.items():
        expected = compose["worker"].environment[name]
        assert PLACES.sub("", value) == PLACES.sub("", expected), name


def test_airflow_knows_every_option_of_the_values():
    described = conf.configuration_description
    for name in ENVIRONMENT:
        if name.startswith("AIRFLOW__"):
            section, _, option = name.removeprefix("AIRFLOW__").lower().partition("__")
            assert option in described[section]["options"], name


def test_no_value_holds_a_secret():
    assert not {"fernetKey", "apiSecretKey", "jwtSecret"} & set(VALUES)
    assert set(VALUES["data"]) == {"metadataSecretName"}


def test_as_many_workers_of_the_same_version_run_as_with_compose(compose):
    assert VALUES["workers"]["celery"]["replicas"] == compose["worker"].replicas
    [tag] = {service.image.rpartition(":")[2] for service in compose.values() if service.runs_airflow}
    assert VALUES["defaultAirflowTag"] == tag
    assert f'AIRFLOW_VERSION: "{VALUES["airflowVersion"]}"' in (REPOSITORY / "docker-compose.yaml").read_text()


def test_mlflow_gets_the_arguments_and_the_environment_of_compose(compose):
    def without_places(arguments: list[str]) -> list[str]:
        return [re.sub(r"s3://[^/]+|(?<=store-uri=).*", "", argument) for argument in arguments]

    assert without_places(mlflow()["args"]) == without_places(list(compose["mlflow"].command))
    names = {each["name"] for each in mlflow()["env"]}
    assert names - {"MLFLOW_DATABASE"} == set(compose["mlflow"].environment)
    assert mlflow()["image"].rpartition(":")[2] == compose["mlflow"].image.rpartition(":")[2]


def test_the_service_of_mlflow_finds_its_pods_under_the_address_of_the_workers():
    found = objects("mlflow.yaml")
    assert found["Service"]["spec"]["selector"] == found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    port = found["Service"]["spec"]["ports"][0]["port"]
    assert ENVIRONMENT["AIRFLOW__MLOPS__TRACKING_URI"] == f"http://{found['Service']['metadata']['name']}:{port}"


def test_the_page_makes_every_secret_that_is_named_with_the_key_that_is_read():
    made = dict(re.findall(r"create secret generic (\S+)((?: *\\\n| +--from-literal=\S+)+)", PAGE.text))
    keys = {name: set(re.findall(r"--from-literal=([\w-]+)=", text)) for name, text in made.items()}
    read = {(each["secretName"], each["secretKey"]) for each in VALUES["secret"]}
    read |= {
        (each["valueFrom"]["secretKeyRef"]["name"], each["valueFrom"]["secretKeyRef"]["key"])
        for each in mlflow()["env"]
        if "valueFrom" in each
    }
    read |= {
        (VALUES["data"]["metadataSecretName"], "connection"),
        (VALUES["fernetKeySecretName"], "fernet-key"),
        (VALUES["apiSecretKeySecretName"], "api-secret-key"),
        (VALUES["jwtSecretName"], "jwt-secret"),
    }
    assert {(name, key) for name, found in keys.items() for key in found} == read


@pytest.mark.parametrize("path", sorted(FILES.glob("*.yaml")), ids=lambda path: path.name)
def test_the_page_uses_every_file(path: Path):
    assert path.name in PAGE.text


def test_the_runner_may_touch_pods_their_logs_and_secrets_and_nothing_else():
    rules = objects("runner.yaml")["Role"]["rules"]
    assert {resource for rule in rules for resource in rule["resources"]} == {"pods", "pods/log", "secrets"}
    assert [rule["verbs"] for rule in rules if rule["resources"] == ["secrets"]] == [["create"]]


def test_the_role_is_bound_to_the_workers_and_the_triggerer_of_the_release():
    binding = objects("runner.yaml")["RoleBinding"]
    assert binding["roleRef"]["name"] == objects("runner.yaml")["Role"]["metadata"]["name"]
    assert [each["name"] for each in binding["subjects"]] == ["airflow-worker", "airflow-triggerer"]
