"""Real servers as processes of their own: free ports, own data folders, each in a process group that is ended whole.

They come from Debian (``postgresql``, ``mariadb-server``, ``redis-server``) and from Python packages (moto, MLflow);
none needs a network.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.services import HOST, Process, answers, free_port


class MissingProgramError(RuntimeError):
    """A server's program is not installed; the text says which package brings it."""


SECRET = "test"  # of throw-away servers on the loopback address


def require_program(name: str, package: str) -> str:
    """Path of a program that a server needs; raises ``MissingProgramError`` when it is not installed."""
    postgres = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    found = str(postgres[-1]) if postgres else shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        raise MissingProgramError(f"{name} is not installed: apt-get install {package}")
    return found


def inherited(**more: str) -> dict[str, str]:
    """The environment of a server: that of this process, without what would change what it does."""
    # Without .pyc files every process of Airflow starts two to four times slower.
    left_out = ("AIRFLOW_", "MLFLOW_", "AWS_", "PG", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if not name.startswith(left_out)} | more


@contextmanager
def data_folder(name: str) -> Iterator[Path]:
    """A folder that another user may be given; pytest's own lie where only their owner reaches them."""
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Postgres:
    """A PostgreSQL server.

    :param port: on the loopback address.
    :param data: its folder.
    :param process: the postmaster.
    """

    port: int
    data: Path
    process: Process

    def create_database(self, name: str) -> str:
        """A database of its own; returns its SQLAlchemy address."""
        self.execute(f'CREATE DATABASE "{name}"')
        return f"postgresql+psycopg2://mlops:{SECRET}@{HOST}:{self.port}/{name}"

    def execute(self, statement: str) -> None:
        """Run one statement outside any transaction."""
        import psycopg2

        connection = psycopg2.connect(host=HOST, port=self.port, user="mlops", password=SECRET, dbname="postgres")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
        connection.close()


def as_user(name: str) -> list[str]:
    """Start of a command that a database server accepts: it refuses to be run by root."""
    if os.geteuid() != 0:
        return []
    return [
        require_program("setpriv", "util-linux"),
        f"--reuid={name}",
        f"--regid={name}",
        "--init-groups",
    ]


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A PostgreSQL without any database yet, as user ``mlops``."""
    initdb, server = (require_program(name, "postgresql") for name in ("initdb", "postgres"))
    with data_folder("postgres") as folder:
        password = folder / "password"
        password.write_text(SECRET)
        if os.geteuid() == 0:
            for path in (folder, password):
                shutil.chown(path, "postgres", "postgres")
        data, options = folder / "data", ["-U", "mlops", "-A", "scram-sha-256", "-E", "UTF8", "--no-sync"]
        made = [*as_user("postgres"), initdb, "-D", str(data), *options, "--pwfile", str(password)]
        subprocess.run(made, check=True, capture_output=True, cwd="/")
        port = free_port(0)
        command = [*as_user("postgres"), server, "-D", str(data), "-h", HOST, "-p", str(port), "-k", str(folder)]
        # Nothing here has to outlive a power cut.
        command += ["-c", "fsync=off", "-c", "max_connections=100", "-c", "shared_buffers=64MB"]
        process = Process(command, env=inherited(), log=folder.with_suffix(".log"))
        try:
            ready = require_program("pg_isready", "postgresql")
            asked = [ready, "-q", "-h", HOST, "-p", str(port)]
            process.wait_until(lambda: subprocess.run(asked, check=False).returncode == 0, "PostgreSQL")
            yield Postgres(port, data, process)
        finally:
            process.signal(signal.SIGINT)  # SIGTERM would wait until every client has gone
            process.stop()
            process.log.unlink(missing_ok=True)


@dataclass(frozen=True)
class MariaDB:
    """A MariaDB server.

    :param port: on the loopback address.
    """

    port: int

    def connect(self, database: str | None = None) -> Any:
        """A connection of PyMySQL as user ``mlops``."""
        import pymysql

        return pymysql.connect(host=HOST, port=self.port, user="mlops", password=SECRET, database=database)

    def create_database(self, name: str) -> str:
        """A database of its own; returns its address."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE `{name}`")
        return f"mysql://mlops:{SECRET}@{HOST}:{self.port}/{name}"


@contextmanager
def running_mariadb() -> Iterator[MariaDB]:
    """A MariaDB without any database yet, with the user ``mlops``."""
    server, install = (require_program(name, "mariadb-server") for name in ("mariadbd", "mariadb-install-db"))
    with data_folder("mariadb") as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, "mysql", "mysql")
        data, first = folder / "data", folder / "first.sql"
        made = [*as_user("mysql"), install, "--no-defaults", f"--datadir={data}", "--skip-test-db"]
        subprocess.run([*made, "--auth-root-authentication-method=normal"], check=True, capture_output=True, cwd="/")
        first.write_text(f"GRANT ALL ON *.* TO 'mlops'@'%' IDENTIFIED BY '{SECRET}' WITH GRANT OPTION;\n")
        first.chmod(0o644)
        port = free_port(0)
        command = [*as_user("mysql"), server, "--no-defaults", f"--datadir={data}", f"--port={port}"]
        command += [f"--bind-address={HOST}", f"--socket={folder / 'socket'}", f"--init-file={first}"]
        # Nothing here has to outlive a power cut.
        command += ["--innodb-flush-log-at-trx-commit=0", "--skip-name-resolve"]
        process, found = Process(command, env=inherited(), log=folder.with_suffix(".log")), MariaDB(port)
        try:
            process.wait_until(lambda: _mariadb_answers(found), "MariaDB")
            yield found
        finally:
            process.stop()
            process.log.unlink(missing_ok=True)


def _mariadb_answers(server: MariaDB) -> bool:
    import pymysql

    try:
        server.connect().close()
    except pymysql.OperationalError:
        return False
    return True


@contextmanager
def running_redis() -> Iterator[str]:
    """A Redis; gives its URL."""
    program = require_program("redis-server", "redis-server")
    with data_folder("redis") as folder:
        port = free_port(0)
        options = ["--port", str(port), "--bind", HOST, "--dir", str(folder), "--save", "", "--appendonly", "no"]
        process = Process([program, *options], env=inherited(), log=folder / "redis.log")
        try:
            process.wait_until(lambda: _redis_answers(port), "Redis")
            yield f"redis://{HOST}:{port}/0"
        finally:
            process.stop()


def _redis_answers(port: int) -> bool:
    import redis

    try:
        with redis.Redis(host=HOST, port=port) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


_MOTO = """
import sys
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
# One request at a time: moto looks and writes in two steps, which S3 does in one.
run_simple(sys.argv[1], int(sys.argv[2]), DomainDispatcherApplication(create_backend_app), threaded=False)
"""


@contextmanager
def running_moto() -> Iterator[str]:
    """Amazon's services by moto; gives their address."""
    with data_folder("moto") as folder:
        port = free_port(0)
        address, command = f"http://{HOST}:{port}", [sys.executable, "-c", _MOTO, HOST, str(port)]
        process = Process(command, env=inherited(MOTO_PORT=str(port)), log=folder / "moto.log")
        try:
            process.wait_until(lambda: answers(f"{address}/moto-api/"), "moto")
            yield address
        finally:
            process.stop()


@contextmanager
def running_mlflow(database: str, artifacts: str, environment: dict[str, str]) -> Iterator[str]:
    """An MLflow server over ``database`` that keeps artifacts in ``artifacts``; gives its address."""
    with data_folder("mlflow") as folder:
        port = free_port(0)
        command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", database]
        command += ["--artifacts-destination", artifacts, "--host", HOST, "--port", str(port), "--workers", "1"]
        # Its job workers, which nothing here uses, take five times the memory of the server.
        settings = inherited(MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false", MLFLOW_DISABLE_TELEMETRY="true", **environment)
        process = Process(command, env=settings, log=folder / "mlflow.log")
        try:
            process.wait_until(lambda: answers(f"http://{HOST}:{port}/health"), "MLflow")
            yield f"http://{HOST}:{port}"
        finally:
            process.stop()
