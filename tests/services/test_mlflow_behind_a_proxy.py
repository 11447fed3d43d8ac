"""MLflow as companies run it: below a prefix, behind basic authentication, and through a proxy."""

from __future__ import annotations

import base64
import http.client
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pytest

from deployment.servers import inherited
from tests.contract.conftest import MODEL, TRAINER

HIDDEN = "mlflow.internal"
"""A name that only the proxy knows."""
_OWN = ("connection", "transfer-encoding", "host", "content-length", "authorization")
"""Headers of one leg of the way."""


@dataclass
class Gate:
    """What stands before a server, and what it saw.

    :param target: ``HOST:PORT`` of the server.
    :param prefix: of the paths that are let through; it is taken off.
    :param login: ``user:password`` that every request must carry; empty for none.
    """

    target: str
    prefix: str = ""
    login: str = ""
    let_through: int = 0
    refused: list[str] = field(default_factory=list)

    def admits(self, path: str, authorization: str | None) -> bool:
        wanted = f"Basic {base64.b64encode(self.login.encode()).decode()}" if self.login else None
        return path.startswith(f"{self.prefix}/") and wanted in (None, authorization)


@contextmanager
def standing(gate: Gate) -> Iterator[int]:
    """The gate as a server of its own; gives its port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def forward(self) -> None:
            found = urlsplit(self.path)  # with scheme and host where a proxy is asked
            path = f"{found.path}?{found.query}" if found.query else found.path
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if not gate.admits(path, self.headers.get("Authorization")):
                gate.refused.append(self.path)
                self.answer(401, {}, b"who are you?")
                return
            gate.let_through += 1
            # A proxy is also asked for what MLflow sends its clients to, as the files of a model on S3.
            elsewhere = found.netloc if found.hostname not in (None, HIDDEN) else ""
            connection = http.client.HTTPConnection(elsewhere or gate.target, timeout=60)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _OWN}
            connection.request(self.command, path.removeprefix(gate.prefix), body or None, headers)
            response = connection.getresponse()
            self.answer(response.status, dict(response.getheaders()), response.read())
            connection.close()

        def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in _OWN:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = forward

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    random = np.random.default_rng(7)
    frame = pd.DataFrame({"person": np.arange(400), "black": random.integers(0, 2, 400)})
    frame = frame.assign(exper=random.normal(8, 3, 400), hours=random.normal(2000, 300, 400))
    frame["high"] = (frame.exper + frame.hours / 300 > 14.5).astype(int)
    frame.to_parquet(tmp_path / "rows.parquet", index=False)
    (tmp_path / "quick.py").write_text(TRAINER)
    (tmp_path / "model.yaml").write_text(MODEL.replace("name: wage", f"name: gate{tmp_path.name[-20:]}"))
    return tmp_path


def run(name: str, bench: Path, tracking_uri: str, **more: object) -> tuple[int, str]:
    """Exit status and standard error of a job in a process of its own."""
    environment = {name: str(value) for name, value in more.pop("environment", {}).items()}  # type: ignore[attr-defined]
    spec = {"model": str(bench / "model.yaml"), "dataset": str(bench / "rows.parquet"), "tracking_uri": tracking_uri}
    (bench / "spec.json").write_text(json.dumps({**spec, "evidence_root": str(bench / "mlops"), **more}))
    command = [sys.executable, "-m", "airflow_mlops_provider.jobs", name, str(bench / "spec.json")]
    done = subprocess.run(command, env=inherited(**environment), capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize(("prefix", "login"), [("", ""), ("/team/mlflow", ""), ("", "ada:l0vel@ce"), ("/ml", "ada:x")])
def test_a_model_is_trained_and_evaluated_below_a_prefix_and_behind_a_login(prefix, login, mlflow_server, bench):
    gate = Gate(target=urlsplit(mlflow_server).netloc, prefix=prefix, login=login)
    user, _, password = login.partition(":")
    environment = {"MLFLOW_TRACKING_USERNAME": user, "MLFLOW_TRACKING_PASSWORD": password} if login else {}
    with standing(gate) as port:
        for name in ("train", "evaluate"):
            status, said = run(name, bench, f"http://127.0.0.1:{port}{prefix}", environment=environment)
            assert (status, said) == (0, "")
    assert gate.let_through > 10


def test_a_wrong_login_is_one_line_without_it(mlflow_server, bench):
    gate = Gate(target=urlsplit(mlflow_server).netloc, login="ada:right")
    environment = {"MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": "wr0ng"}
    with standing(gate) as port:
        status, said = run("train", bench, f"http://127.0.0.1:{port}", environment=environment)
    assert (status, len(said.splitlines())) == (1, 1)
    assert "401" in said
    assert "wr0ng" not in said
    assert gate.let_through == 0


def test_a_server_that_only_a_proxy_reaches_is_reached(mlflow_server, bench):
    gate = Gate(target=urlsplit(mlflow_server).netloc)
    with standing(gate) as port:
        environment = {"http_proxy": f"http://127.0.0.1:{port}", "no_proxy": ""}
        for name in ("train", "evaluate"):
            status, said = run(name, bench, f"http://{HIDDEN}", environment=environment)
            assert (status, said) == (0, "")
    assert gate.let_through > 10
