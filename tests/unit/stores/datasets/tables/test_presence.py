"""Marks of a table for whoever waits for a batch: a version is asked in place of reading the rows."""

from __future__ import annotations

import sqlite3

import pytest

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.table_source import TableSource
from airflow_mlops_provider.stores.datasets.tables.presence import table_stamps

VERSION = "SELECT count(*) AS rows, max(changed) AS newest FROM t"


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A database with an empty table; runs a statement in it."""
    path = tmp_path / "shop.db"
    monkeypatch.setenv("MLOPS_DATABASE_SHOP", f"sqlite:///{path}")

    def run(statement):
        with sqlite3.connect(path) as connection:
            connection.execute(statement)
        connection.close()

    run("CREATE TABLE t (id INTEGER, changed INTEGER)")
    return run


def stamps(**keys):
    return table_stamps(TableSource(conn_id="shop", table="t", **keys).uri)


def test_a_version_that_changed_is_another_delivery_and_the_same_one_is_settled(shop):
    assert stamps(version=VERSION) is None
    shop("INSERT INTO t VALUES (1, 10)")
    first = stamps(version=VERSION)
    assert first.is_settled
    assert stamps(version=VERSION) == first
    shop("UPDATE t SET changed = 11")
    second = stamps(version=VERSION)
    shop("INSERT INTO t VALUES (2, 5)")
    assert len({each.delivery for each in (first, second, stamps(version=VERSION))}) == 3


def test_without_a_version_nothing_is_settled(shop):
    shop("INSERT INTO t VALUES (1, 10)")
    assert not stamps().is_settled


def test_a_version_that_is_the_rows_themselves_or_no_sql_is_refused(shop):
    shop("INSERT INTO t WITH RECURSIVE n(x) AS (SELECT 1 UNION SELECT x + 1 FROM n LIMIT 1500) SELECT x, x FROM n")
    with pytest.raises(BadInputError, match="'version' gives more than 1,000 rows"):
        stamps(version="SELECT * FROM t")
    with pytest.raises(BadInputError, match="sql://shop"):
        stamps(version="SELECT nope FROM t")
    with pytest.raises(BadInputError, match="key 'version' is ' '"):
        stamps(version=" ")
