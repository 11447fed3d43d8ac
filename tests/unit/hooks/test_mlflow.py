"""The tracking address that a Connection means, however its form was filled in."""

from __future__ import annotations

import json

import pytest

from airflow_mlops_provider.exceptions import BackendError
from airflow_mlops_provider.hooks.mlflow import MLflowHook


def address(monkeypatch, **connection):
    monkeypatch.setenv("AIRFLOW_CONN_ML", json.dumps({"conn_type": "mlflow", **connection}))
    return MLflowHook("ml").get_conn()["MLFLOW_TRACKING_URI"]


@pytest.mark.parametrize(
    ("connection", "expected"),
    [
        ({"host": "ml.example.com"}, "http://ml.example.com"),
        ({"host": "ml.example.com", "schema": "https", "port": 443}, "https://ml.example.com:443"),
        ({"host": "http://ml.example.com/", "port": 5000}, "http://ml.example.com:5000"),
        ({"host": "https://ml.example.com/mlflow", "port": 443}, "https://ml.example.com:443/mlflow"),
        ({"host": "https://ml.example.com/mlflow/"}, "https://ml.example.com/mlflow"),
        ({"host": "http://h:5000", "port": 5000}, "http://h:5000"),
        ({"host": "h:5000", "port": 5001}, "http://h:5000"),
        ({"host": "h/prefix", "schema": "https", "port": 8443}, "https://h:8443/prefix"),
        ({"host": "h", "schema": "mlflow", "port": 5000}, "http://h:5000"),
        ({"host": "[::1]", "port": 5000}, "http://[::1]:5000"),
    ],
)
def test_a_connection_makes_the_address_that_its_form_means(monkeypatch, connection, expected):
    assert address(monkeypatch, **connection) == expected


def test_an_extra_replaces_the_address(monkeypatch):
    extra = json.dumps({"tracking_uri": "sqlite:///ml.db"})
    assert address(monkeypatch, host="ignored", extra=extra) == "sqlite:///ml.db"


def test_a_connection_without_an_address_is_refused_by_name(monkeypatch):
    with pytest.raises(BackendError, match="connection 'ml' has neither a host nor an extra 'tracking_uri'"):
        address(monkeypatch)
