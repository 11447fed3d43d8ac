"""PostgreSQL counts what the scan counts; columns that it compares in ways of its own are fetched."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings

from airflow_mlops_provider.jobs.data.pushdown import open_pushed
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.rules import Rule
from deployment.servers import Postgres
from tests.builders.pushdown import FETCHED_COLUMNS, FETCHED_ROWS, PUSHED, ROWS, said, suite
from tests.builders.tables import fill, orders

TABLE = {"conn_id": "shop", "table": "orders"}


@pytest.fixture(scope="module")
def shop(postgres: Postgres) -> Iterator[psycopg2.extensions.connection]:
    """A connection to a database that is called ``shop``, which commits each statement."""
    address = postgres.create_database(f"pushdown{uuid.uuid4().hex}")
    place = urlsplit(address)
    connection = psycopg2.connect(
        dbname=place.path.strip("/"), host=place.hostname, port=place.port, user=place.username, password=place.password
    )
    connection.autocommit = True
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_DATABASE_SHOP", address.replace("postgresql+psycopg2", "postgresql"))
        yield connection
    connection.close()


def fill_orders(shop: psycopg2.extensions.connection, rows: list[tuple]) -> None:
    with shop.cursor() as cursor:
        fill(orders(rows), kind="postgresql", execute=cursor.execute, insert=cursor.executemany)


@given(rows=ROWS)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_postgresql_counts_what_the_scan_counts(shop, rows, tmp_path_factory):
    folder: Path = tmp_path_factory.mktemp("agree")
    fill_orders(shop, rows)
    rules = suite(*PUSHED, *FETCHED_COLUMNS)
    assert said({**TABLE, "pushdown": True}, rules, folder) == said(TABLE, rules, folder)


@pytest.mark.parametrize("rule", FETCHED_ROWS, ids=str)
def test_a_rule_that_may_mean_something_else_says_the_same(shop, rule, tmp_path):
    fill_orders(shop, [(number * 0.3, "aB1 "[number % 4], None, None, None) for number in range(9)])
    rules = suite(rule, PUSHED[0])
    assert said({**TABLE, "pushdown": True}, rules, tmp_path) == said(TABLE, rules, tmp_path)


COLUMNS = {
    "char(3)": ("'a'", ("expect_column_value_lengths_to_equal", {"column": "x", "value": 3})),
    "real": ("0.1", ("expect_column_values_to_be_between", {"column": "x", "max_value": 0.1})),
    "numeric": ("0.10", ("expect_column_values_to_be_between", {"column": "x", "max_value": 0.05})),
    "text COLLATE loose": ("'A'", ("expect_column_values_to_be_in_set", {"column": "x", "value_set": ["a"]})),
    "text COLLATE loose ": ("'A'), ('a'", ("expect_column_values_to_be_unique", {"column": "x"})),
}


@pytest.mark.parametrize("declared", COLUMNS)
def test_a_column_that_postgresql_compares_otherwise_is_fetched(shop, declared, tmp_path):
    value, rule = COLUMNS[declared]
    with shop.cursor() as cursor:
        cursor.execute(
            "CREATE COLLATION IF NOT EXISTS loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
        )
        cursor.execute("DROP TABLE IF EXISTS odd")
        cursor.execute(f"CREATE TABLE odd (id serial, x {declared})")
        cursor.execute(f"INSERT INTO odd (x) VALUES ({value})")
    pushed = open_pushed(
        DatasetRef(uri="sql://shop/odd?pushdown=true"), [Rule(type=rule[0], kwargs=rule[1])], outputs={}
    )
    assert pushed.counted is None
    table = {"conn_id": "shop", "table": "odd"}
    assert said({**table, "pushdown": True}, suite(rule), tmp_path) == said(table, suite(rule), tmp_path)
