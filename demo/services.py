"""Local services for the demo and the end-to-end tests: Airflow, MLflow's UI, and a receiver in Slack's place."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
USER = "admin"
PASSWORD = "admin"  # a throw-away Airflow on the loopback address
START_SECONDS = 240


def free_port(preferred: int) -> int:
    """``preferred`` when nothing listens there, otherwise any free port."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((HOST, port))
                return int(probe.getsockname()[1])
    raise OSError("no free port on the loopback address")


class Process:
    """A command in a process group of its own, so that nothing it starts outlives it.

    :param log: where its output goes.
    :param folder: its working directory; that of this process when left out.
    """

    def __init__(self, command: list[str], *, env: dict[str, str], log: Path, folder: Path | None = None) -> None:
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as sink:
            self._popen = subprocess.Popen(
                command,
                env=env,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )

    def wait_until(self, ready: Callable[[], bool], what: str) -> None:
        """Return once ``ready``; raise with the end of the log when the process dies or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if self._popen.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{what} did not start; the end of {self._end_of_log()}")
            time.sleep(0.5)

    def wait_to_end(self, what: str) -> None:
        """Return once the process has ended well; raise with the end of the log otherwise."""
        try:
            status = self._popen.wait(timeout=START_SECONDS)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"{what} did not end; the end of {self._end_of_log()}") from None
        if status != 0:
            raise RuntimeError(f"{what} ended with status {status}; the end of {self._end_of_log()}")

    def has_ended(self) -> bool:
        """Whether the process itself has ended, whoever ended it."""
        return self._popen.poll() is not None

    def _end_of_log(self) -> str:
        tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-25:])
        return f"{self.log}:\n{tail}"

    @property
    def group(self) -> int:
        """The id of its process group."""
        return self._popen.pid

    def signal(self, sign: signal.Signals) -> None:
        """Signal the process alone, and not those that it started."""
        with contextlib.suppress(ProcessLookupError):
            self._popen.send_signal(sign)

    def stop(self) -> None:
        """End the whole group: politely, then for certain."""
        for sign, patience in ((signal.SIGTERM, 15), (signal.SIGKILL, 10)):
            if not _group_lives(self._popen.pid):
                break
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._popen.pid, sign)
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline and _group_lives(self._popen.pid):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._popen.wait(timeout=0.2)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(timeout=1)


def _group_lives(group: int) -> bool:
    # A zombie still answers signal 0, so the state is read from /proc where there is one.
    if not Path("/proc").is_dir():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, 0)
            return True
        return False
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            state, _parent, its_group = stat.read_text().rsplit(")", 1)[1].split()[:3]
            if int(its_group) == group and state != "Z":
                return True
    return False


class SlackReceiver:
    """Stands where Slack's incoming webhook would be, and keeps what arrives.

    :ivar messages: what was taken.
    :ivar refusals: answers to give first, each a status and headers; every one refuses one call.
    """

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.refusals: list[tuple[int, dict[str, str]]] = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, headers = receiver.refusals.pop(0) if receiver.refusals else (200, {})
                if status == 200:
                    receiver.messages.append(json.loads(body))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"ok" if status == 200 else b"refused")

            def log_message(self, *_: object) -> None:
                """Keep the terminal for the story."""

        self._server = http.server.ThreadingHTTPServer((HOST, 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def connection(self) -> str:
        """An Airflow Connection that points the Slack provider here."""
        return json.dumps(
            {
                "conn_type": "slackwebhook",
                "host": f"http://{HOST}:{self._server.server_port}",
                "password": "services/T00000000/B00000000/demo",
            }
        )

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


class AirflowApi:
    """The REST API of an Airflow, as the admin user.

    :param url: of its API server.
    :param password: of the user ``admin``.
    """

    def __init__(self, url: str, password: str) -> None:
        self.url = url
        self.password = password
        self._token = ""

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the REST API, as the admin user; returns the decoded answer."""
        if not self._token:
            login = {"username": USER, "password": self.password}
            self._token = json_request(f"{self.url}/auth/token", "POST", login)["access_token"]
        return json_request(f"{self.url}/api/v2{path}", method, body, token=self._token)

    def page(self, path: str) -> str:
        """A page of a plugin, as HTML."""
        self.api("GET", "/version")
        request = urllib.request.Request(f"{self.url}{path}", headers={"Authorization": f"Bearer {self._token}"})
        with urllib.request.urlopen(request, timeout=60) as response:
            text: str = response.read().decode()
        return text

    def healthy(self, *parts: str) -> bool:
        """Whether each of ``parts`` (``scheduler``, ``triggerer`` ...) says that it is well."""
        try:
            health = json_request(f"{self.url}/api/v2/monitor/health")
        except (OSError, ValueError):
            return False
        return all((health.get(part) or {}).get("status") == "healthy" for part in parts)

    def knows(self, *dag_ids: str) -> bool:
        """Whether every Dag is known to the scheduler; raises on an import error."""
        errors = self.api("GET", "/importErrors")["import_errors"]
        if errors:
            raise RuntimeError(f"Dag import error: {errors[0]['stack_trace']}")
        found = {dag["dag_id"] for dag in self.api("GET", "/dags?limit=100")["dags"]}
        return set(dag_ids) <= found

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None) -> str:
        """Start a run and return its id."""
        body = {"logical_date": None, "conf": conf or {}}
        run_id: str = self.api("POST", f"/dags/{dag_id}/dagRuns", body)["dag_run_id"]
        return run_id

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """All runs of a Dag, oldest first."""
        found: list[dict[str, Any]] = self.api("GET", f"/dags/{dag_id}/dagRuns?order_by=id&limit=100")["dag_runs"]
        return found

    def run_state(self, dag_id: str, run_id: str) -> str:
        """The state of one run."""
        state: str = self.api("GET", f"/dags/{dag_id}/dagRuns/{_quoted(run_id)}")["state"]
        return state

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """The task instances of a run, in the order they started."""
        found = self.api("GET", f"/dags/{dag_id}/dagRuns/{_quoted(run_id)}/taskInstances?limit=100")["task_instances"]
        return sorted(found, key=lambda ti: ti["start_date"] or "~")

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any:
        """What a task returned; ``None`` when it returned nothing."""
        path = f"/dags/{dag_id}/dagRuns/{_quoted(run_id)}/taskInstances/{task_id}/xcomEntries/{key}"
        try:
            value = self.api("GET", f"{path}?deserialize=false")["value"]
        except urllib.error.HTTPError as error:
            if error.code == http.HTTPStatus.NOT_FOUND:
                return None
            raise
        return json.loads(value) if isinstance(value, str) and value[:1] in "{[" else value

    def task_log(self, dag_id: str, run_id: str, task_id: str, try_number: int = 1) -> str:
        """The log of one try, as text."""
        path = f"/dags/{dag_id}/dagRuns/{_quoted(run_id)}/taskInstances/{task_id}/logs/{try_number}"
        content = self.api("GET", f"{path}?full_content=true")["content"]
        return "\n".join(str(line.get("event", line)) if isinstance(line, dict) else str(line) for line in content)


class Airflow(AirflowApi):
    """``airflow standalone`` on the loopback address with a home of its own, spoken to over its REST API.

    :param home: ``AIRFLOW_HOME``; made when missing.
    :param extra: more environment variables.
    """

    def __init__(self, home: Path, *, extra: dict[str, str] | None = None) -> None:
        self.home = home
        self.port = free_port(8080)
        super().__init__(f"http://{HOST}:{self.port}", PASSWORD)
        self.env = _airflow_environment(home, self.port) | (extra or {})
        self._process: Process | None = None

    def start(self) -> None:
        """Start and wait until scheduler, Dag processor and API server are healthy."""
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "passwords.json").write_text(json.dumps({USER: PASSWORD}))
        command = [str(Path(sys.executable).with_name("airflow")), "standalone"]
        self._process = Process(command, env=self.env, log=self.home / "standalone.log")
        parts = ("metadatabase", "scheduler", "dag_processor")
        self._process.wait_until(lambda: self.healthy(*parts), "Airflow")

    def stop(self) -> None:
        """Stop every process of this Airflow."""
        if self._process is not None:
            self._process.stop()

    def wait_for_dags(self, *dag_ids: str) -> None:
        """Return once every Dag is known to the scheduler; raise on an import error."""
        assert self._process is not None
        self._process.wait_until(lambda: self.knows(*dag_ids), f"the Dags {', '.join(dag_ids)}")


def mlflow_ui(tracking_uri: str, *, env: dict[str, str], log: Path) -> tuple[Process, str]:
    """MLflow's own UI over ``tracking_uri``; returns the process and its address."""
    port = free_port(5000)
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", tracking_uri]
    command += ["--host", HOST, "--port", str(port), "--workers", "1"]
    return Process(command, env=env, log=log), f"http://{HOST}:{port}"


@contextlib.contextmanager
def stopping(*services: Any) -> Iterator[None]:
    """Stop ``services`` when the block ends, however it ends."""
    try:
        yield
    finally:
        for service in services:
            with contextlib.suppress(Exception):
                service.stop()


def answers(url: str) -> bool:
    """Whether a GET of ``url`` succeeds."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == http.HTTPStatus.OK)
    except OSError:
        return False


def _airflow_environment(home: Path, port: int) -> dict[str, str]:
    bundles = [{"name": "mlops", "classpath": "airflow_mlops_provider.bundles.PackagedDagBundle", "kwargs": {}}]
    inherited = {
        name: value
        for name, value in os.environ.items()
        # Without .pyc files every Airflow process starts two to four times slower.
        if not name.startswith(("AIRFLOW_", "MLFLOW_")) and name != "PYTHONDONTWRITEBYTECODE"
    }
    return inherited | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin,viewer:viewer",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://{HOST}:{port}",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles),
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port(8793)),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port(8794)),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "NO_PROXY": HOST,
    }


def json_request(url: str, method: str = "GET", body: Any = None, *, token: str = "") -> Any:
    """One call of a JSON API; returns the decoded answer."""
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.loads(response.read() or b"null")


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="")
