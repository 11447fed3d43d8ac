"""Evidence roots on local disk and on S3, as a moto server has it."""

from __future__ import annotations

import uuid

import pytest
from moto.server import ThreadedMotoServer


@pytest.fixture(scope="session")
def s3_address():
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    yield f"http://127.0.0.1:{server._server.server_port}"
    server.stop()


@pytest.fixture
def s3_bucket(s3_address, monkeypatch):
    """A fresh bucket, which this process and those that it starts can reach."""
    import s3fs

    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": s3_address,
    }.items():
        monkeypatch.setenv(name, value)
    bucket = f"b{uuid.uuid4().hex}"
    s3fs.S3FileSystem(skip_instance_cache=True).mkdir(bucket)
    return f"s3://{bucket}"


@pytest.fixture(params=["disk", "s3"])
def new_root(request, tmp_path):
    """Makes evidence roots on both kinds of storage, a new one a call."""
    base = str(tmp_path) if request.param == "disk" else request.getfixturevalue("s3_bucket")
    return lambda: f"{base}/{uuid.uuid4().hex}"
