"""The place of a Spark that a Connection means."""

from __future__ import annotations

import json

import pytest

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.hooks.spark import spark_place


def place(monkeypatch: pytest.MonkeyPatch, **connection: object) -> tuple[str | None, str | None]:
    monkeypatch.setenv("AIRFLOW_CONN_SPARK", json.dumps(connection))
    return spark_place("spark")


@pytest.mark.parametrize(
    ("connection", "expected"),
    [
        ({"conn_type": "spark", "host": "spark://h", "port": 7077}, ("spark://h:7077", None)),
        ({"conn_type": "spark", "host": "local[2]"}, ("local[2]", None)),
        ({"conn_type": "spark_connect", "host": "h", "port": 15002}, (None, "sc://h:15002/")),
        (
            {
                "conn_type": "spark_connect",
                "host": "sc://h/",
                "login": "a",
                "password": "t;k",
                "extra": {"use_ssl": True},
            },
            (None, "sc://h/;user_id=a;token=t%3Bk;use_ssl=true"),
        ),
    ],
)
def test_a_connection_is_a_master_or_an_address(monkeypatch, connection, expected):
    assert place(monkeypatch, **connection) == expected


def test_a_connection_that_names_no_place_is_refused(monkeypatch):
    with pytest.raises(BadInputError, match="has no host"):
        place(monkeypatch, conn_type="spark")
    with pytest.raises(BadInputError, match="no Airflow Connection"):
        spark_place("nowhere")
