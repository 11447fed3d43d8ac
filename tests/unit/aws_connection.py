"""An S3 that only an Airflow Connection leads to."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field

import pytest

SECRET = "the-secret-of-the-connection"


@dataclass(frozen=True)
class ConnectedS3:
    """A bucket behind a Connection.

    :param address: of the S3.
    :param conn_id: of the Connection.
    """

    address: str
    conn_id: str = "mlops_aws"
    bucket: str = field(default_factory=lambda: f"b{uuid.uuid4().hex}")

    @property
    def client(self):
        import s3fs

        keys = {"key": "test", "secret": SECRET, "endpoint_url": self.address}
        return s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True, **keys)


def only_by_connection(address: str, monkeypatch: pytest.MonkeyPatch, **extra: object) -> ConnectedS3:
    """A new bucket; this process's environment leads to no S3 at all."""
    connected = ConnectedS3(address)
    connected.client.mkdir(connected.bucket)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # the discard port: nobody answers
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv(
        f"AIRFLOW_CONN_{connected.conn_id.upper()}",
        json.dumps(
            {
                "conn_type": "aws",
                "login": "test",
                "password": SECRET,
                "extra": {"endpoint_url": address, "region_name": "eu-central-1", **extra},
            }
        ),
    )
    return connected
