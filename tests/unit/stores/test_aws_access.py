"""S3 as the environment says, and within a block as a Connection says."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_mlops_provider.exceptions import BackendError
from airflow_mlops_provider.stores.aws_access import as_here, aws_access, s3_filesystem
from airflow_mlops_provider.stores.datasets.filesystems import filesystem
from airflow_mlops_provider.stores.evidence.store import EvidenceStore
from tests.unit.aws_connection import SECRET, ConnectedS3, only_by_connection


@pytest.fixture
def connected(s3_address: str, monkeypatch: pytest.MonkeyPatch) -> ConnectedS3:
    return only_by_connection(s3_address, monkeypatch)


def variables(connected: ConnectedS3) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_ENDPOINT_URL": connected.address,
        "AWS_DEFAULT_REGION": "us-east-1",
        "MLFLOW_TRACKING_URI": "is no concern of S3's",
    }


def test_evidence_and_data_are_reached_within_the_block_and_not_after_it(connected):
    root = f"s3://{connected.bucket}/mlops"
    with aws_access(variables(connected)):
        uri = EvidenceStore(root).write("drift", {"said": "here"})
        fs, path = filesystem(f"s3://{connected.bucket}/data/x.csv")
        fs.pipe_file(path, b"x\n1\n")
        assert EvidenceStore(root).read(uri) == {"said": "here"}
    assert connected.client.cat(f"{connected.bucket}/data/x.csv") == b"x\n1\n"
    with pytest.raises(BackendError, match="cannot be read"):
        EvidenceStore(root).read(uri)


def test_an_endpoint_of_s3_alone_wins_over_that_of_all_services(connected):
    said = variables(connected) | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ENDPOINT_URL_S3": connected.address}
    with aws_access(said):
        assert s3_filesystem(keeps_listings=False).exists(connected.bucket)


def test_threads_of_a_pool_are_given_the_access_of_the_caller(connected):
    def exists(bucket: str) -> bool:
        return bool(s3_filesystem(keeps_listings=False).exists(bucket))

    with aws_access(variables(connected)), ThreadPoolExecutor(1) as pool:
        assert list(pool.map(as_here(exists), [connected.bucket])) == [True]


def test_the_same_words_give_the_same_filesystem_and_a_changed_environment_another(connected, monkeypatch):
    first = s3_filesystem(keeps_listings=False)
    assert s3_filesystem(keeps_listings=False) is first
    for name, value in variables(connected).items():
        monkeypatch.setenv(name, value)
    assert s3_filesystem(keeps_listings=False).exists(connected.bucket)
