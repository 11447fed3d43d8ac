"""What a job finds in its environment: MLflow, pickles that may be opened, and the databases that it is led to."""

from __future__ import annotations

import json
import os

import pytest

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.requests import request_type
from airflow_mlops_provider.tasks.environment import database_environment, reachable_databases, tracking_environment


def test_models_whose_pickles_may_be_opened_are_named_in_airflows_configuration(monkeypatch):
    assert "MLOPS_TRUSTED_PICKLES" not in tracking_environment("mlflow_default")
    monkeypatch.setenv("AIRFLOW__MLOPS__TRUSTED_PICKLES", "legacy, older")
    assert tracking_environment("mlflow_default")["MLOPS_TRUSTED_PICKLES"] == "legacy, older"


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
