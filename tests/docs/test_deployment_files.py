"""What can be checked of docker-compose.yaml and the Dockerfiles without an engine or a process."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.configuration import conf

from tests.docs.pages import REPOSITORY

COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
DOCKERFILES = sorted((REPOSITORY / "docker").glob("*/Dockerfile"))
CELERY = {"broker_url", "result_backend", "worker_concurrency"}
"""Options of the Celery provider that are used; the image has the provider, these tests need not."""
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)")


def _airflow_options() -> set[tuple[str, str]]:
    described = conf.configuration_description
    known = {(section, option) for section in described for option in described[section]["options"]}
    return known | {("celery", option) for option in CELERY}


def _environment(service: str) -> dict[str, str]:
    return {name: str(value) for name, value in (SERVICES[service].get("environment") or {}).items()}


@pytest.mark.parametrize("service", SERVICES)
def test_airflow_knows_every_option_that_is_set(service):
    known = _airflow_options()
    for name in _environment(service):
        if name.startswith("AIRFLOW__"):
            section, _, option = name.removeprefix("AIRFLOW__").lower().partition("__")
            assert (section, option) in known, f"{service}: {name}"


@pytest.mark.parametrize("service", SERVICES)
def test_what_a_service_waits_for_exists_and_can_get_there(service):
    for other, how in SERVICES[service].get("depends_on", {}).items():
        assert other in SERVICES, f"{service} waits for {other}"
        if how["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other], f"{service} waits for the health of {other}"
        if how["condition"] == "service_completed_successfully":
            assert SERVICES[other]["restart"] == "no", f"{other} never ends"


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_that_stays_tells_whether_it_is_healthy(service):
    ends = SERVICES[service].get("restart") == "no"
    assert ends or SERVICES[service]["healthcheck"]["test"]


@pytest.mark.parametrize("service", SERVICES)
def test_volumes_and_build_files_exist(service):
    for volume in SERVICES[service].get("volumes", []):
        source = volume.split(":")[0]
        exists = (REPOSITORY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
        assert exists, f"{service}: {volume}"
    build = SERVICES[service].get("build")
    if build:
        arguments = re.findall(r"^ARG (\w+)", (REPOSITORY / build["dockerfile"]).read_text(), re.MULTILINE)
        assert set(build["args"]) <= set(arguments)


def test_services_reach_each_other_by_names_that_exist():
    for name, service in SERVICES.items():
        for value in [*_environment(name).values(), *service.get("command", [])]:
            # After "@" where there is a user, else after "://".
            for host in re.findall(r"(?:@|(?<!s3)://(?!.*@))([a-z][a-z0-9-]+)(?=[:/])", value):
                assert host in {*SERVICES, "localhost"}, f"{name}: {value}"


def test_everything_lies_in_the_bucket_that_is_made():
    told = [value for name in SERVICES for value in [*_environment(name).values(), *SERVICES[name].get("command", [])]]
    used = {bucket for value in told for bucket in re.findall(r"s3://([^/]+)/", value)}
    assert used == {"airflow-mlops"}
    assert 'create_bucket(Bucket="airflow-mlops")' in SERVICES["bucket"]["command"][-1]


def test_evidence_data_models_and_logs_lie_apart():
    environment = _environment("worker")
    named = [value for value in environment.values() if value.startswith("s3://")]
    [models] = [part for part in SERVICES["mlflow"]["command"] if part.startswith("--artifacts-destination=")]
    places = [*named, models.partition("=")[2]]
    assert len(places) == 4
    assert not [place for place in places for other in places if place is not other and place.startswith(other)]


def test_mlflow_allows_the_host_name_that_the_workers_use():
    address = _environment("worker")["AIRFLOW__MLOPS__TRACKING_URI"].removeprefix("http://")
    [allowed] = [part for part in SERVICES["mlflow"]["command"] if part.startswith("--allowed-hosts=")]
    assert address in allowed.partition("=")[2].split(",")


def test_every_variable_is_explained_in_the_example_and_holds_no_secret():
    used = set(VARIABLE.findall((REPOSITORY / "docker-compose.yaml").read_text()))
    example = dict(re.findall(r"^(\w+)=(.*)$", (REPOSITORY / "docker" / ".env.example").read_text(), re.MULTILINE))
    assert set(example) == used
    assert set(example.values()) == {""}


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_what_an_image_copies_exists_and_is_let_through(dockerfile: Path):
    kept = set(re.findall(r"^!(\S+)", (REPOSITORY / ".dockerignore").read_text(), re.MULTILINE))
    for line in re.findall(r"^COPY (.+)$", dockerfile.read_text(), re.MULTILINE):
        *sources, _ = [word for word in line.split() if not word.startswith("--")]
        for source in sources:
            assert (REPOSITORY / source).exists(), source
            assert source in kept, f".dockerignore leaves out {source}"


def test_the_images_name_the_versions_that_the_tests_run_with():
    pins = dict(re.findall(r"^([\w-]+)==([\w.]+)", (REPOSITORY / "requirements" / "dev.txt").read_text(), re.MULTILINE))
    assert SERVICES["worker"]["build"]["args"]["AIRFLOW_VERSION"] == pins["apache-airflow"]
    assert SERVICES["mlflow"]["build"]["args"]["MLFLOW_VERSION"] == pins["mlflow"]
