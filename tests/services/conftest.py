"""The servers of this tier: each is started once, when the first test asks for it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from deployment.servers import (
    MariaDB,
    MissingProgramError,
    Postgres,
    data_folder,
    running_mariadb,
    running_mlflow,
    running_moto,
    running_postgres,
    running_redis,
)
from tests.services.cluster.servers import Cluster, running_cluster


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest file first, and last those that need Kubernetes, which may still be built; two run at a time."""
    with_cluster = {item.path for item in items if "cluster" in getattr(item, "fixturenames", ())}
    items.sort(key=lambda item: (item.path in with_cluster, item.path.name != "test_deployment.py"))


@contextmanager
def programs_from_debian() -> Iterator[None]:
    """Where CI runs, a program that is not installed is a failure; elsewhere its tests are skipped."""
    try:
        yield
    except MissingProgramError as error:
        pytest.fail(str(error)) if os.environ.get("CI") else pytest.skip(str(error))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server; ``create_database`` gives a test one of its own."""
    with programs_from_debian(), running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """A MariaDB server; ``create_database`` gives a test one of its own."""
    with programs_from_debian(), running_mariadb() as server:
        yield server


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The URL of a Redis server."""
    with programs_from_debian(), running_redis() as url:
        yield url


@pytest.fixture(scope="session")
def aws() -> Iterator[dict[str, str]]:
    """Amazon's services by moto, as the variables by which every client finds them, this process too."""
    with running_moto() as address, pytest.MonkeyPatch.context() as patch:
        variables = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": address,
        }
        for name, value in variables.items():
            patch.setenv(name, value)
        yield variables


@pytest.fixture
def bucket(aws: dict[str, str]) -> str:
    """An empty bucket, as ``s3://NAME``."""
    return make_bucket()


def make_bucket() -> str:
    """Make an empty bucket on the S3 that the environment names."""
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()  # another test may have had another server
    name = f"b{uuid.uuid4().hex}"
    s3fs.S3FileSystem(use_listings_cache=False).mkdir(name)
    return f"s3://{name}"


@pytest.fixture(scope="session")
def mlflow_server(postgres: Postgres, aws: dict[str, str]) -> Iterator[str]:
    """The address of an MLflow server on PostgreSQL with its artifacts on S3."""
    with running_mlflow(postgres.create_database("mlflow"), f"{make_bucket()}/mlartifacts", aws) as address:
        yield address


@pytest.fixture(scope="session")
def files_mlflow() -> Iterator[str]:
    """The address of an MLflow server that needs no other server and knows nothing of AWS."""
    with data_folder("runs") as folder, running_mlflow(f"sqlite:///{folder}/mlflow.db", f"{folder}/models", {}) as uri:
        yield uri


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A Kubernetes cluster with one node that runs containers as processes of this machine."""
    with programs_from_debian(), running_cluster() as started:
        yield started
