"""Failing and clean rows of a table as tables of its database: each row once, all at once, or nothing."""

from __future__ import annotations

import datetime as dt
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from airflow_mlops_provider import jobs
from airflow_mlops_provider.exceptions import BadInputError, IntegrityError
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.evidence.store import read_evidence
from tests.builders.tables import duckdb_orders, orders, sqlite_orders

RULES = [
    {"type": "expect_column_values_to_be_between", "kwargs": {"column": "amount", "min_value": 0}},
    {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "name"}},
]
MOMENT = dt.datetime.fromisoformat("2026-01-01T10:00:00.5")
ROWS = orders(
    [
        (1.0, "a", dt.date(2026, 1, 1), MOMENT, Decimal("1.50")),
        (-1.0, None, None, None, None),
        (2.0, "b", None, MOMENT, Decimal("2.00")),
        (-3.0, "c", dt.date(2026, 1, 2), None, Decimal("3.25")),
    ]
)


class Shop:
    """A database file of orders."""

    def __init__(self, kind: str, path: Path) -> None:
        self.kind, self.path = kind, path

    def run(self, *statements: str) -> list[Any]:
        connection = (sqlite3 if self.kind == "sqlite" else duckdb).connect(str(self.path))
        try:
            found = [connection.execute(statement).fetchall() for statement in statements]
            connection.commit()
        finally:
            connection.close()
        return found[-1]


@pytest.fixture(params=["sqlite", "duckdb"])
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    path = tmp_path / "shop.db"
    make = sqlite_orders if request.param == "sqlite" else duckdb_orders
    monkeypatch.setenv("MLOPS_DATABASE_SHOP", make(path, ROWS))
    monkeypatch.chdir(tmp_path)
    return Shop(request.param, path)


def validate(**spec: Any) -> Any:
    outputs = {"clean_uri": "sql://shop/orders_clean", "quarantine_uri": "sql://shop/orders_aside"}
    suite = {"name": "orders", "expectations": RULES}
    policy = {"max_quarantine_share": 0.5}
    return jobs.run(
        "validate", {"dataset": "sql://shop/orders?key=id", "suite": suite, "policy": policy, **outputs, **spec}
    )


def test_failing_rows_with_all_reasons_and_clean_rows_become_tables(shop):
    outcome = validate()
    assert outcome.verdict.status is Status.NOTICE
    assert shop.run("SELECT id, quarantine_reasons FROM orders_aside ORDER BY id") == [
        (2, "amount: expect_column_values_to_be_between(min_value=0); name: expect_column_values_to_not_be_null()"),
        (4, "amount: expect_column_values_to_be_between(min_value=0)"),
    ]
    assert shop.run("SELECT * FROM orders_clean ORDER BY id") == shop.run(
        "SELECT * FROM orders WHERE amount >= 0 ORDER BY id"
    )


def test_what_was_written_is_pinned_and_read_as_the_same_rows(shop):
    outcome = validate()
    clean = open_dataset(outcome.dataset)
    assert (outcome.dataset.uri, outcome.dataset.rows, outcome.dataset.identified_by) == (
        "sql://shop/orders_clean",
        2,
        "rows",
    )
    assert clean.ref == outcome.dataset
    assert clean.table().to_pylist() == [ROWS.to_pylist()[0], ROWS.to_pylist()[2]]
    report = read_evidence(outcome.evidence_uri).report
    aside = open_dataset("sql://shop/orders_aside").ref
    assert (report["quarantine"]["fingerprint"], report["quarantine"]["rows"]) == (aside.fingerprint, 2)
    shop.run("UPDATE orders_clean SET amount = 7 WHERE id = 1")
    with pytest.raises(IntegrityError, match=r"dataset sql://shop/orders_clean changed"):
        _ = open_dataset(outcome.dataset).ref


def test_the_tables_of_before_are_emptied_and_keep_what_hangs_on_them(shop):
    validate()
    shop.run("CREATE VIEW names AS SELECT name FROM orders_clean", "UPDATE orders SET amount = 5 WHERE id = 4")
    validate()
    assert shop.run("SELECT count(*) FROM names") == [(3,)]
    assert shop.run("SELECT id FROM orders_aside") == [(2,)]


def test_a_refused_batch_has_a_quarantine_and_leaves_the_clean_table_alone(shop):
    validate()
    shop.run("UPDATE orders SET amount = -9")
    assert validate().verdict.status is Status.FAIL
    assert shop.run("SELECT count(*) FROM orders_aside") == [(4,)]
    assert shop.run("SELECT count(*) FROM orders_clean") == [(2,)]


def test_a_query_is_divided_too_and_a_batch_without_faults_has_an_empty_quarantine(shop):
    dataset = {
        "conn_id": "shop",
        "query": "SELECT id, amount, name FROM orders",
        "where": "amount > 0",
        "key": ["id", "name"],
    }
    assert validate(dataset=dataset).verdict.status is Status.PASS
    assert shop.run("SELECT id, amount, name FROM orders_clean ORDER BY id") == [(1, 1.0, "a"), (3, 2.0, "b")]
    assert shop.run("SELECT count(*) FROM orders_aside") == [(0,)]


def test_a_key_that_does_not_name_each_row_writes_nothing(shop):
    shop.run("UPDATE orders SET id = 1")
    with pytest.raises(
        BadInputError, match=r"8 rows belong there by the key id, and 2 were judged so: .*nothing was written"
    ):
        validate()
    with pytest.raises(Exception, match=r"(?i)orders_aside"):
        shop.run("SELECT * FROM orders_aside")


def test_keys_that_name_other_rows_than_those_that_were_judged_write_nothing(shop, monkeypatch):
    """One failing row is named by nothing and another one twice, so that every count is right."""
    made = sqlite_orders if shop.kind == "sqlite" else duckdb_orders
    rows = [(-1.0, "a", None, None, None), (-2.0, "b", None, None, None), (3.0, "c", None, None, None)]
    shop.path.unlink()
    monkeypatch.setenv("MLOPS_DATABASE_SHOP", made(shop.path, orders(rows)))
    shop.run("UPDATE orders SET id = 2 WHERE id = 3", "UPDATE orders SET id = NULL WHERE id = 1")
    with pytest.raises(BadInputError, match=r"are not those that were judged: the key does not name each row"):
        validate(policy={"max_quarantine_share": 1.0})
    with pytest.raises(Exception, match=r"(?i)orders_aside"):
        shop.run("SELECT * FROM orders_aside")


def test_a_table_that_is_something_else_is_not_emptied(shop):
    shop.run("CREATE TABLE orders_aside (id INTEGER, precious TEXT)", "INSERT INTO orders_aside VALUES (1, 'x')")
    with pytest.raises(
        BadInputError, match=r"table orders_aside is there with the columns id .*, precious .*name another"
    ):
        validate()
    assert shop.run("SELECT precious FROM orders_aside") == [("x",)]
    with pytest.raises(Exception, match=r"(?i)orders_clean"):
        shop.run("SELECT * FROM orders_clean")


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"dataset": "sql://shop/orders"}, "has no 'key'"),
        ({"clean_uri": "clean.parquet"}, "files apart from tables"),
        ({"dataset": "orders.parquet"}, "a table is written beside the table"),
        ({"clean_uri": "sql://other/orders_clean"}, "'clean_uri': .* is no table of the database 'shop'"),
        ({"clean_uri": "sql://shop?query=SELECT 1"}, "'clean_uri': .* is no table of the database 'shop'"),
        ({"clean_uri": "sql://shop/orders"}, "is read or written already"),
        ({"clean_uri": "sql://shop/orders_aside"}, "is read or written already"),
        ({"clean_uri": "sql://shop/nowhere.orders"}, "nowhere"),
    ],
)
def test_outputs_that_cannot_be_are_refused_by_key(shop, spec, problem):
    with pytest.raises(BadInputError, match=problem):
        validate(**spec)
    with pytest.raises(Exception, match=r"(?i)orders_aside"):
        shop.run("SELECT * FROM orders_aside")


def test_other_databases_are_told_to_write_files(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLOPS_DATABASE_SHOP", "redshift://h/x")
    with pytest.raises(BadInputError, match=r"and MariaDB, and this is redshift; write files instead"):
        validate()


def told_query(outcome: Any) -> str | None:
    """The SQL that the verdict tells, which its evidence has too."""
    found = next(each for each in outcome.verdict.findings if each.measure == "quarantine_share")
    _, mark, query = found.detail.partition("; they are: ")
    assert read_evidence(outcome.evidence_uri).report.get("failing_rows_query") == (query or None)
    return query if mark else None


@pytest.mark.parametrize(
    ("dataset", "outputs"),
    [
        ("sql://shop/orders?key=id", {}),
        ("sql://shop/orders?key=id&key=name", {"quarantine_uri": "aside.parquet"}),
        ({"conn_id": "shop", "query": "SELECT * FROM orders -- all", "where": "id < 9", "key": ["id"]}, {}),
        ("sql://shop/orders?key=id", {"quarantine_uri": "sql://shop/orders_aside"}),
    ],
)
def test_the_verdict_carries_a_query_that_selects_the_failing_rows(shop, dataset, outputs):
    shop.run("UPDATE orders SET name = 'it''s' WHERE id = 2")
    places = {"clean_uri": None, "quarantine_uri": None, **outputs}
    query = told_query(validate(dataset=dataset, **places))
    assert [row[0] for row in shop.run(f"SELECT id FROM ({query}\n) found ORDER BY id")] == [2, 4]


@pytest.mark.parametrize(
    ("dataset", "more"),
    [
        ("sql://shop/orders", {}),
        ("sql://shop/orders?key=name", {}),
        ("sql://shop/orders?key=id", {"sensitive": ["id"]}),
    ],
)
def test_rows_that_cannot_be_named_have_no_query(shop, dataset, more):
    assert told_query(validate(dataset=dataset, clean_uri=None, quarantine_uri=None, **more)) is None
