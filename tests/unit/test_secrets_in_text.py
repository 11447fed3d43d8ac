"""Secrets within texts: what hides them, and what must stay as it is."""

from __future__ import annotations

import pickle

import pytest

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import without_secrets
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.secrets_in_text import masked, masked_values, secrets_of

HIDDEN = [
    ("https://ada:s3cr3t@ml.example.com/mlflow", "https://ada:***@ml.example.com/mlflow"),
    ("https://ada:s3@cr/3t@ml.example.com:5000", "https://ada:***@ml.example.com:5000"),
    ("https://ada:s3/cr3t@ml.example.com", "https://ada:***@ml.example.com"),
    ("https://s3cr3t@ml.example.com", "https://***@ml.example.com"),
    ("postgresql+psycopg2://mlops:s3cr3t@db/mlflow", "postgresql+psycopg2://mlops:***@db/mlflow"),
    ("s3://AKIA123:s3cr3t@bucket/a.parquet", "s3://AKIA123:***@bucket/a.parquet"),
    ("simplecache::s3://AKIA123:s3cr3t@bucket/a.csv", "simplecache::s3://AKIA123:***@bucket/a.csv"),
    ("dvc:https://s3cr3t@git.example.com/data?path=a", "dvc:https://***@git.example.com/data?path=a"),
    (
        "no https://b.example.com/a.csv?X-Amz-Credential=s3cr3t%2F1&X-Amz-Signature=s3cr3t: gone",
        "no https://b.example.com/a.csv?X-Amz-Credential=***&X-Amz-Signature=***: gone",
    ),
    ("https://a.blob.example.net/a.csv?sv=1&sig=s3cr3t%3D", "https://a.blob.example.net/a.csv?sv=1&sig=***"),
    ("POST /services/T0AB12/B0CD34/s3cr3t failed", "POST /services/*** failed"),
    ("https://hooks.slack.com/services/T0AB12/B0CD34/s3cr3t", "https://hooks.slack.com/services/***"),
    ("token xoxb-1234-s3cr3t is revoked", "token xoxb-*** is revoked"),
]
KEPT = [
    "s3://bucket/a@b.parquet",
    "s3://arn:aws:s3:eu-west-1:123:accesspoint/name/a@b.parquet",
    "abfs://files@account.dfs.core.windows.net/a.parquet",
    "ssh://git@git.example.com/data.git",
    "models:/wage@champion",
    "http://[::1]:5000/a@b",
    "https://example.com:8080/list?sort=key&page=2",
    "sqlite:////data/ada@home/mlflow.db",
    "a:b@c and 2 = 2",
]


@pytest.mark.parametrize(("text", "shown"), HIDDEN)
def test_a_secret_is_hidden_and_the_rest_stays(text, shown):
    assert masked(text) == shown
    assert masked(masked(text)) == masked(text)


@pytest.mark.parametrize("text", KEPT)
def test_what_is_no_secret_stays(text):
    assert masked(text) == text
    assert not list(secrets_of(text))


@pytest.mark.parametrize(("text", "shown"), HIDDEN)
def test_secrets_are_told_by_their_values_too(text, shown):
    found = list(secrets_of({"a": [text, 1, None]}))
    assert any("s3cr3t" in each or "s3@cr/3t" in each or "s3/cr3t" in each for each in found)
    assert all(each not in shown for each in found)


def test_records_and_plain_values_are_masked_wherever_a_text_stands():
    assert masked_values({"a": ["https://x@y", 3, None]}) == {"a": ["https://***@y", 3, None]}
    ref = DatasetRef(uri="https://ada:s3cr3t@example.com/a.csv", rows=3)
    assert without_secrets(ref) == DatasetRef(uri="https://ada:***@example.com/a.csv", rows=3)
    clean = DatasetRef(uri="s3://bucket/a.csv")
    assert without_secrets(clean) is clean


def test_no_error_of_ours_tells_one_also_after_it_travelled():
    error = BadInputError("https://ada:s3cr3t@example.com/a.csv: no such file")
    assert str(pickle.loads(pickle.dumps(error))) == "https://ada:***@example.com/a.csv: no such file"
