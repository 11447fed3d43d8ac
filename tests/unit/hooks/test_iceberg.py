"""A Connection becomes the variables of pyiceberg, and pyiceberg reads them back as they were."""

from __future__ import annotations

import json

import pytest
from pyiceberg.utils.config import Config

from airflow_mlops_provider.hooks.iceberg import catalogue_environment


def read_back(monkeypatch: pytest.MonkeyPatch, **connection: object) -> object:
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", json.dumps({"conn_type": "iceberg", **connection}))
    for name, value in catalogue_environment("lake").items():
        monkeypatch.setenv(name, value)
    return Config().get_catalog_config("lake")


def test_host_and_login_are_the_address_and_the_credential(monkeypatch):
    found = read_back(monkeypatch, host="https://rest", port=8181, login="id", password="p@ss")
    assert found == {"uri": "https://rest:8181", "credential": "id:p@ss"}


def test_a_password_alone_is_a_token(monkeypatch):
    assert read_back(monkeypatch, host="https://rest", password="t") == {"uri": "https://rest", "token": "t"}


def test_the_extra_are_properties_whatever_marks_are_in_their_names(monkeypatch):
    extra = {"type": "sql", "uri": "sqlite:///a.db", "s3.access-key-id": "k", "warehouse": "s3://lake"}
    assert read_back(monkeypatch, extra=extra) == extra


def test_without_a_connection_the_worker_may_know_the_catalogue_itself():
    assert catalogue_environment("nowhere") == {}
