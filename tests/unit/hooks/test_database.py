"""The address of a database that a Connection means."""

from __future__ import annotations

import json

import pytest
from sqlalchemy.engine import make_url

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.hooks.database import database_address

LOGIN = {"login": "ada", "password": "p@ss/w%rd:?#"}
PLACE = {**LOGIN, "host": "h", "schema": "s"}
TEXT = "ada:p%40ss%2Fw%25rd%3A%3F%23@"


def address(monkeypatch: pytest.MonkeyPatch, **connection: object) -> str:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", json.dumps(connection))
    return database_address("shop")


@pytest.mark.parametrize(
    ("connection", "expected"),
    [
        (
            {"conn_type": "postgres", **PLACE, "port": 5433, "extra": {"sslmode": "require"}},
            f"postgresql://{TEXT}h:5433/s?sslmode=require",
        ),
        ({"conn_type": "postgres", "host": "h", "extra": {"cursor": "x"}}, "postgresql://h/"),
        ({"conn_type": "redshift", **PLACE}, f"redshift://{TEXT}h/s"),
        (
            {"conn_type": "mysql", **PLACE, "extra": {"ssl": {"ca": "/c a"}, "local_infile": 1}},
            f"mysql://{TEXT}h/s?ssl_ca=%2Fc%20a",
        ),
        ({"conn_type": "sqlite", "host": "/data/a b.db"}, "sqlite:////data/a%20b.db"),
        ({"conn_type": "duckdb", "host": "/data/a.duckdb"}, "duckdb:////data/a.duckdb"),
        (
            {"conn_type": "snowflake", **PLACE, "extra": {"account": "a", "database": "d", "warehouse": "w"}},
            f"snowflake://{TEXT}a/d/s?warehouse=w",
        ),
        (
            {"conn_type": "google_cloud_platform", "schema": "set", "extra": {"project": "p", "key_path": "/k.json"}},
            "bigquery://p/set?key_path=%2Fk.json",
        ),
    ],
    ids=lambda value: value.get("conn_type") if isinstance(value, dict) else None,
)  # fmt: skip
def test_a_connection_makes_an_address(monkeypatch, connection, expected):
    assert address(monkeypatch, **connection) == expected


def test_every_mark_of_a_password_arrives(monkeypatch):
    found = make_url(address(monkeypatch, conn_type="mysql", host="h", **LOGIN))
    assert (found.username, found.password) == (LOGIN["login"], LOGIN["password"])


@pytest.mark.parametrize(
    ("connection", "problem"),
    [
        ({"conn_type": "postgres", "extra": {"iam": True}}, "a login by IAM makes no address"),
        ({"conn_type": "sqlite"}, "its Connection has no path as its host"),
        ({"conn_type": "gcpbigquery"}, "its Connection has no extra 'project'"),
        ({"conn_type": "http", "host": "h", **LOGIN}, "of type 'http' makes no address"),
        ({"conn_type": "unheard_of", "host": "h", **LOGIN}, "of type 'unheard_of' makes no address"),
    ],
)
def test_a_connection_that_makes_no_address_is_refused_without_its_password(monkeypatch, connection, problem):
    with pytest.raises(BadInputError, match=f"database 'shop': .*{problem}") as told:
        address(monkeypatch, **connection)
    assert LOGIN["password"] not in str(told.value)


def test_a_connection_that_is_not_there_is_refused_by_name():
    with pytest.raises(BadInputError, match="database 'nowhere': there is no Airflow Connection of that name"):
        database_address("nowhere")
