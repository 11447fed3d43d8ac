"""What a job finds in its environment: MLflow, S3, pickles that may be opened, and the databases that it is led to."""

from __future__ import annotations

import json
import os

import pytest

from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.records.requests import request_type
from airflow_mlops_provider.stores.aws_access import s3_filesystem
from airflow_mlops_provider.tasks.environment import (
    aws_variables,
    database_environment,
    default_s3_access,
    reachable_databases,
    s3_access,
    tracking_environment,
)
from tests.unit.aws_connection import only_by_connection


def test_models_whose_pickles_may_be_opened_are_named_in_airflows_configuration(monkeypatch):
    assert "MLOPS_TRUSTED_PICKLES" not in tracking_environment("mlflow_default")
    monkeypatch.setenv("AIRFLOW__MLOPS__TRUSTED_PICKLES", "legacy, older")
    assert tracking_environment("mlflow_default")["MLOPS_TRUSTED_PICKLES"] == "legacy, older"


def test_no_connection_is_read_unless_one_is_named(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", "aws://id:secret@")
    assert aws_variables() == {}


def test_an_operators_connection_wins_over_the_configured_one(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_ALL", "aws://all:secret@")
    monkeypatch.setenv("AIRFLOW_CONN_ONE", "aws://one:secret@")
    monkeypatch.setenv("AIRFLOW__MLOPS__AWS_CONN_ID", "all")
    assert aws_variables()["AWS_ACCESS_KEY_ID"] == "all"
    assert aws_variables("one")["AWS_ACCESS_KEY_ID"] == "one"


def test_a_configured_connection_that_is_not_there_is_a_failed_backend(monkeypatch):
    monkeypatch.setenv("AIRFLOW__MLOPS__AWS_CONN_ID", "nobody")
    with pytest.raises(BackendError, match="connection 'nobody'"), default_s3_access():
        pass


def test_what_runs_within_a_task_keeps_the_access_of_its_operator(s3_address, monkeypatch):
    connected = only_by_connection(s3_address, monkeypatch)
    monkeypatch.setenv("AIRFLOW__MLOPS__AWS_CONN_ID", "nobody")
    with s3_access(connected.conn_id), default_s3_access():
        assert s3_filesystem(keeps_listings=False).exists(connected.bucket)


def test_a_job_finds_the_catalogue_of_an_iceberg_table_that_it_is_led_to(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", json.dumps({"conn_type": "iceberg", "host": "https://rest"}))
    request = request_type("profile").from_spec({"dataset": "iceberg://lake/shop.orders", "output_uri": "o.profile"})
    expected = {"PYICEBERG_CATALOG__LAKE__URI": "https://rest"}
    assert database_environment(request) == expected
    with reachable_databases("iceberg://lake/shop.orders"):
        assert os.environ.items() >= expected.items()


@pytest.fixture(autouse=True)
def connections(monkeypatch):
    for name in ("SHOP", "SHOP-EU", "SHOP_EU"):
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps({"conn_type": "sqlite", "host": f"/{name}.db"}))


def drift(**keys):
    return request_type("drift").from_spec({"reference": "a.parquet", "current": "b.parquet", **keys})


def test_each_database_that_a_request_names_has_its_variable():
    assert database_environment(drift()) == {}
    found = database_environment(drift(reference="sql://shop/a", current={"conn_id": "shop-eu", "table": "b"}))
    assert found == {"MLOPS_DATABASE_SHOP": "sqlite:////SHOP.db", "MLOPS_DATABASE_SHOP_EU": "sqlite:////SHOP-EU.db"}


def test_two_databases_that_would_share_a_variable_are_refused():
    with pytest.raises(
        BadInputError, match="'shop-eu' and 'shop_eu' share the environment variable MLOPS_DATABASE_SHOP_EU"
    ):
        database_environment(drift(reference="sql://shop_eu/a", current="sql://shop-eu/b"))


def test_a_database_without_a_connection_is_refused_by_name():
    with pytest.raises(BadInputError, match="database 'nowhere': there is no Airflow Connection of that name"):
        database_environment(drift(current="sql://nowhere/b"))


def test_a_record_that_is_given_leads_to_the_databases_it_names(tmp_path, monkeypatch):
    from airflow_mlops_provider import jobs
    from tests.builders.agreement import REFERENCE, SUITE
    from tests.builders.tables import sqlite_orders

    address = sqlite_orders(tmp_path / "orders.db", REFERENCE)
    with monkeypatch.context() as patch:
        patch.setenv("MLOPS_DATABASE_SHOP", address)
        spec = {"dataset": "sql://shop/orders", "suite": SUITE, "evidence_root": str(tmp_path / "mlops")}
        evidence = jobs.run("validate", spec).evidence_uri
    request = request_type("promote").from_spec({"model": "orders", "evidence": [evidence, "file:///gone.json"]})
    assert database_environment(request) == {"MLOPS_DATABASE_SHOP": "sqlite:////SHOP.db"}


def test_a_process_reaches_a_database_while_it_looks_at_it_and_no_longer():
    with reachable_databases("sql://shop/a"):
        assert os.environ["MLOPS_DATABASE_SHOP"] == "sqlite:////SHOP.db"
    assert "MLOPS_DATABASE_SHOP" not in os.environ
