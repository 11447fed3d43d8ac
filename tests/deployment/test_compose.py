"""docker-compose.yaml as `make deployment` reads it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from deployment.compose import COMPOSE_FILE, Service, move, read_services, waves

SECRETS = (
    "POSTGRES_PASSWORD",
    "S3_ACCESS_KEY",
    "S3_SECRET_KEY",
    "AIRFLOW_FERNET_KEY",
    "AIRFLOW_JWT_SECRET",
    "AIRFLOW_API_SECRET_KEY",
)
VARIABLES = {name: f"<{name}>" for name in SECRETS}
ADDRESSES = {
    "postgres": "127.0.0.1:1111",
    "redis:6379": "127.0.0.1:2222",
    "s3:8333": "127.0.0.1:3333",
    "mlflow:5000": "127.0.0.1:4444",
    "api-server:8080": "127.0.0.1:6666",
    "localhost:8080": "127.0.0.1:6666",
}


@pytest.fixture(scope="module")
def services() -> dict[str, Service]:
    return read_services(VARIABLES)


def file_with(tmp_path: Path, **services: object) -> Path:
    path = tmp_path / "compose.yaml"
    path.write_text(yaml.safe_dump({"services": services}))
    return path


def test_moving_a_service_replaces_addresses_and_nothing_else(services):
    back = {target: name for name, target in ADDRESSES.items() if name != "localhost:8080"}
    for service in services.values():
        moved = service.moved(ADDRESSES)
        restored = {name: move(value, back) for name, value in moved.environment.items()}
        told = {name: value.replace("localhost:8080", "api-server:8080") for name, value in service.environment.items()}
        assert restored == told
        assert moved.environment.keys() == service.environment.keys()


def test_no_name_of_a_container_is_left_in_what_a_worker_is_told(services):
    told = services["worker"].moved(ADDRESSES).environment
    hosts = {host for value in told.values() for host in re.findall(r"(?:://|@)([\w.-]+):\d", value)}
    assert hosts == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("postgresql+psycopg2://mlops:x@postgres/airflow", "postgresql+psycopg2://mlops:x@127.0.0.1:1111/airflow"),
        ("postgres-exporter", "postgres-exporter"),
        ("--allowed-hosts=mlflow:5000,localhost:5000", "--allowed-hosts=127.0.0.1:4444,localhost:5000"),
        ("http://mlflow:50001", "http://mlflow:50001"),
    ],
)
def test_an_address_is_replaced_where_it_stands_whole(text, moved):
    assert move(text, ADDRESSES) == moved


def test_secrets_come_from_the_variables_and_a_missing_one_is_named():
    with pytest.raises(KeyError, match=r"POSTGRES_PASSWORD: see docker/\.env\.example"):
        read_services({name: value for name, value in VARIABLES.items() if name != "POSTGRES_PASSWORD"})


def test_variables_are_filled_as_docker_compose_fills_them(tmp_path):
    told = {"A": "${A}", "B": "${B:-b}", "C": "$${C}", "D": "${A:-a}${B:-b}"}
    path = file_with(tmp_path, one={"image": "x", "environment": told})
    found = read_services({"A": "1"}, path)["one"].environment
    assert found == {"A": "1", "B": "b", "C": "${C}", "D": "1b"}


def test_a_service_starts_after_what_it_waits_for(services):
    order = [service.name for wave in waves(services) for service in wave]
    assert sorted(order) == sorted(services)
    for service in services.values():
        assert all(order.index(need) < order.index(service.name) for need in service.needs)


def test_services_that_wait_for_each_other_are_named(tmp_path):
    path = file_with(tmp_path, a={"image": "x", "depends_on": {"b": {}}}, b={"image": "x", "depends_on": {"a": {}}})
    with pytest.raises(ValueError, match="a, b wait for each other"):
        waves(read_services({}, path))


def test_containers_of_airflow_and_mlflow_share_no_folder(services):
    told = yaml.safe_load(COMPOSE_FILE.read_text())["services"]
    assert [name for name, service in services.items() if service.runs_airflow and told[name].get("volumes")] == []
    assert "volumes" not in told["mlflow"]


def test_there_are_two_workers(services):
    assert services["worker"].replicas == 2


def test_a_check_of_a_shell_is_a_line_and_a_command_has_its_arguments(services):
    assert services["scheduler"].check[:2] == ("sh", "-c")
    assert services["redis"].check == ("redis-cli", "ping")
