"""What tests of several rooms share."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.witness import Witness


@pytest.fixture
def mlops_root(tmp_path: Path, empty_mlflow: Path) -> str:
    """An evidence root with an MLflow store of its own, where jobs and ``ModelStore`` look for it by default."""
    root = tmp_path / "mlops"
    root.mkdir()
    shutil.copy(empty_mlflow, root / "mlflow.db")
    return str(root)


@pytest.fixture(scope="session")
def s3_address() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    yield f"http://127.0.0.1:{server._server.server_port}"
    server.stop()


@pytest.fixture
def s3_root(s3_address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket of its own on an S3 that keeps S3's own conditions."""
    import s3fs

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_address)
    s3fs.S3FileSystem.clear_instance_cache()  # another test may have had another server
    bucket = f"b{uuid.uuid4().hex}"
    s3fs.S3FileSystem(use_listings_cache=False).mkdir(bucket)
    return f"s3://{bucket}/mlops"


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(tmp_path / "witness")
