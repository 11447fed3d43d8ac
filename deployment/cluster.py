"""The services of docker-compose.yaml as processes, each with a folder of its own where a container has its disk."""

from __future__ import annotations

import contextlib
import functools
import json
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from cryptography.fernet import Fernet

from demo.services import HOST, USER, AirflowApi, Process, answers, free_port
from deployment.compose import COMPOSE_FILE, Service, read_services, waves
from deployment.process_tree import kill, tree_of
from deployment.servers import (
    SECRET,
    Postgres,
    inherited,
    require_program,
    running_moto,
    running_postgres,
    running_redis,
)

CHECK_SECONDS = 120
_BIN = Path(sys.executable).parent


@dataclass(frozen=True, kw_only=True)
class Container:
    """A service that runs.

    :param name: of the service, and a number where there are several of it.
    :param root: its first process.
    :param home: its folder, which no other process uses.
    :param env: its environment.
    :param log_begins: bytes of its log that are of another container of this name, which came before it.
    """

    name: str
    service: Service
    process: Process
    root: psutil.Process
    home: Path
    env: Mapping[str, str]
    log_begins: int

    @property
    def log(self) -> str:
        """What it has printed so far."""
        return self.process.log.read_bytes()[self.log_begins :].decode(errors="replace")

    def tree(self) -> list[psutil.Process]:
        """All its processes that live."""
        return tree_of(self.root)

    def kill(self) -> int:
        """End all its processes without warning; returns how many there were."""
        tree = self.tree()
        kill(tree)
        if self.tree() or not self.process.has_ended():
            raise RuntimeError(f"{self.name} cannot be killed")
        return len(tree)

    def passes_its_check(self) -> bool:
        """Whether the health check of the compose file succeeds now."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            done = subprocess.run(
                self.service.check, env=self.env, cwd=self.home, capture_output=True, timeout=CHECK_SECONDS, check=False
            )
            return done.returncode == 0
        return False


class Cluster:
    """A running deployment.

    :param folder: where each container gets a folder, and its log.
    :param servers: where Postgres, Redis and S3 are, by the names that the file has for them.
    :param variables: what ``.env`` would hold.
    :ivar airflow: its REST API, once the API server runs.
    :ivar tracking_uri: where MLflow answers on this machine.
    """

    airflow: AirflowApi

    def __init__(self, folder: Path, servers: Mapping[str, str], variables: Mapping[str, str]) -> None:
        self.folder = folder
        self._addresses = {**servers, **_free_addresses()}
        file = {name: service.moved(self._addresses) for name, service in read_services(variables).items()}
        self.services = {name: service for name, service in file.items() if service.runs_airflow or name == "mlflow"}
        self.containers: dict[str, Container] = {}
        self.tracking_uri = f"http://{self._addresses['mlflow:5000']}"

    def start(self) -> None:
        """Start every service as soon as what it needs has ended or is healthy."""
        for wave in waves(self.services):
            for service in wave:
                for name in _names(service):
                    self.start_one(name, service)
            for service in wave:
                for name in _names(service):
                    self._wait_for(self.containers[name])

    def start_one(self, name: str, service: Service) -> None:
        """Start one container."""
        home = self.folder / name
        (home / "tmp").mkdir(parents=True, exist_ok=True)
        env = {**inherited(), **service.environment, **self._own(name, home)}
        command, log = _command(name, service), self.folder / f"{name}.log"
        begins = log.stat().st_size if log.exists() else 0
        process = Process(command, env=env, log=log, folder=home)
        root = psutil.Process(process.group)
        self.containers[name] = Container(
            name=name, service=service, process=process, root=root, home=home, env=env, log_begins=begins
        )

    def restart(self, name: str) -> None:
        """Start a container that has ended, as an engine does with ``restart: unless-stopped``."""
        self.start_one(name, self.containers[name].service)
        self._wait_for(self.containers[name])

    def stop(self) -> None:
        """End every process, and every process that one of them has started."""
        trees = [(each, tree) for each in self.containers.values() if (tree := each.tree())]
        for each, _ in trees:
            each.process.signal(signal.SIGTERM)  # to all of them first, so that they end side by side
        for each, tree in trees:
            each.process.stop()
            kill([*tree, *each.tree()])

    def container(self, pid: int) -> Container:
        """The container in which ``pid`` runs; raises ``LookupError`` when there is none."""
        for each in self.containers.values():
            if pid in {process.pid for process in each.tree()}:
                return each
        raise LookupError(f"process {pid} belongs to no container")

    def _own(self, name: str, home: Path) -> dict[str, str]:
        """What a container has of its own: its disk, its host name and its ports."""
        host = name if name.startswith("worker") else _host_name()
        own = {"AIRFLOW_HOME": str(home), "HOSTNAME": host, "TMPDIR": str(home / "tmp"), "NO_PROXY": HOST}
        own["PATH"] = f"{_BIN}:{inherited().get('PATH', '')}"
        for log in ("WORKER", "TRIGGER"):
            own[f"AIRFLOW__LOGGING__{log}_LOG_SERVER_PORT"] = str(free_port(0))
        if name == "api-server":
            port = self._addresses["api-server:8080"].rpartition(":")[2]
            own |= {"AIRFLOW__API__HOST": HOST, "AIRFLOW__API__PORT": port}
        return own

    def _wait_for(self, container: Container) -> None:
        name, process = container.name, container.process
        if container.service.ends:
            process.wait_to_end(name)
        elif name == "mlflow":
            process.wait_until(lambda: answers(f"{self.tracking_uri}/health"), name)
        elif name == "api-server":
            url = f"http://{self._addresses['api-server:8080']}"
            process.wait_until(lambda: answers(f"{url}/api/v2/version"), name)
            # The login of the compose file makes a password and keeps it here, besides printing it.
            made = container.home / "simple_auth_manager_passwords.json.generated"
            self.airflow = AirflowApi(url, json.loads(made.read_text())[USER])
        elif name.startswith("worker"):
            process.wait_until(lambda: f"celery@{name} ready" in container.log, name)


@contextmanager
def running_cluster(slack: str = "") -> Iterator[Cluster]:
    """The whole deployment, started and ended again.

    :param slack: a Connection of the Slack provider.
    :raises MissingProgramError: when a program from Debian is not installed.
    """
    require_program("curl", "curl")  # the API server's health check calls it
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="deployment-", ignore_cleanup_errors=True))
        )
        postgres = stack.enter_context(running_postgres())
        redis = stack.enter_context(running_redis())
        s3 = stack.enter_context(running_moto())
        _create_databases(postgres)
        servers = {
            "postgres": f"{HOST}:{postgres.port}",
            "redis:6379": redis.removeprefix("redis://").partition("/")[0],
            "s3:8333": s3.removeprefix("http://"),
        }
        cluster = Cluster(folder, servers, _variables(slack))
        stack.callback(cluster.stop)
        cluster.start()
        yield cluster


def _variables(slack: str) -> dict[str, str]:
    return {
        "POSTGRES_PASSWORD": SECRET,
        "S3_ACCESS_KEY": secrets.token_hex(8),
        "S3_SECRET_KEY": secrets.token_hex(16),
        "AIRFLOW_FERNET_KEY": Fernet.generate_key().decode(),
        "AIRFLOW_JWT_SECRET": secrets.token_hex(32),
        "AIRFLOW_API_SECRET_KEY": secrets.token_hex(32),
        "AIRFLOW_CONN_SLACK_DEFAULT": slack,
    }


def _free_addresses() -> dict[str, str]:
    """Where the two servers that listen here are, by every name that the file has for them."""
    airflow, mlflow = f"{HOST}:{free_port(0)}", f"{HOST}:{free_port(0)}"
    port = mlflow.rpartition(":")[2]
    return {
        **dict.fromkeys(("api-server:8080", "localhost:8080"), airflow),
        **dict.fromkeys(("mlflow:5000", "localhost:5000", "127.0.0.1:5000"), mlflow),
        "--host=0.0.0.0": f"--host={HOST}",
        "--port=5000": f"--port={port}",
    }


def _create_databases(postgres: Postgres) -> None:
    # As the image does: the database of POSTGRES_DB, then the file that is mounted for it.
    postgres.create_database("airflow")
    script = (COMPOSE_FILE.parent / "docker" / "postgres-databases.sql").read_text(encoding="utf-8")
    for statement in script.split(";"):
        if statement.strip():
            postgres.execute(statement)


def _names(service: Service) -> list[str]:
    if service.replicas == 1:
        return [service.name]
    return [f"{service.name}-{number}" for number in range(1, service.replicas + 1)]


def _command(name: str, service: Service) -> list[str]:
    """What the image's entry point would run."""
    if service.name == "mlflow":
        return [str(_BIN / "mlflow"), *service.command]
    if service.command[0] == "python":
        return [sys.executable, *service.command[1:]]
    # Two containers have two host names, by which Celery tells its workers apart.
    host = ["--celery-hostname", f"celery@{name}"] if service.name == "worker" else []
    return [str(_BIN / "airflow"), *service.command, *host]


@functools.cache
def _host_name() -> str:
    from airflow.utils.net import get_hostname

    return str(get_hostname())
