"""Clean rows and quarantine as tables of MariaDB: each row once, all at once, and only what was judged."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from airflow_mlops_provider import jobs
from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.jobs.data.validate import ValidateJob
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from deployment.servers import MariaDB

RULE = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "amount", "min_value": 0}}
MADE = """
CREATE TABLE orders AS SELECT CAST(seq AS SIGNED) AS id, CAST(IF(seq % 100 = 7, -1, seq) AS DECIMAL(9, 2)) AS amount,
    CONVERT(IF(seq % 2, CONCAT('Ä', seq), CONCAT('ä', seq + 1, ' ')) USING utf8mb4) AS code,
    CAST('2026-01-01' + INTERVAL seq SECOND AS DATETIME(6)) AS placed_at FROM seq_0_to_4999
"""
Ask = Callable[..., list[Any]]


@pytest.fixture
def ask(mariadb: MariaDB, monkeypatch: pytest.MonkeyPatch, tmp_path) -> Ask:
    """Runs statements in a database with 5,000 orders, 50 of them broken, by the name ``shop``."""
    name = f"quarantine{uuid.uuid4().hex}"
    monkeypatch.setenv("MLOPS_DATABASE_SHOP", mariadb.create_database(name))
    monkeypatch.chdir(tmp_path)

    def run(*statements: str) -> list[Any]:
        with mariadb.connect(name) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            found = list(cursor.fetchall()) if cursor.description else []
            connection.commit()
            return found

    run(MADE)
    return run


def spec(**more: Any) -> dict[str, Any]:
    outputs = {"clean_uri": "sql://shop/orders_clean", "quarantine_uri": "sql://shop/orders_aside"}
    suite = {"name": "orders", "expectations": [RULE]}
    policy = {"max_quarantine_share": 0.5}
    return {"dataset": "sql://shop/orders?key=id", "suite": suite, "policy": policy, **outputs, **more}


COUNTS = "SELECT (SELECT count(*) FROM orders_clean), (SELECT count(*) FROM orders_aside)"


def meanwhile(change: Callable[[], Any]) -> type[ValidateJob]:
    """The job, with a change between reading and writing."""

    class Changed(ValidateJob):
        def _write(self, *arguments: Any, **named: Any) -> Any:
            change()
            return super()._write(*arguments, **named)

    return Changed


def test_each_row_is_in_one_of_the_tables_with_the_types_it_had(ask):
    outcome = jobs.run("validate", spec())
    assert outcome.verdict.status is Status.NOTICE
    assert ask("SELECT count(*), min(amount) FROM orders_clean") == [(4950, 0)]
    reasons = "amount: expect_column_values_to_be_between(min_value=0)"
    assert ask("SELECT count(*), min(quarantine_reasons), max(quarantine_reasons) FROM orders_aside") == [
        (50, reasons, reasons)
    ]
    assert ask("SHOW COLUMNS FROM orders_clean") == ask("SHOW COLUMNS FROM orders")
    assert open_dataset(outcome.dataset).ref.fingerprint == outcome.dataset.fingerprint


@pytest.mark.parametrize("key", ["code", "amount&key=id", "placed_at"])
def test_a_key_of_any_type_and_of_several_columns_names_a_row_also_where_a_collation_takes_two_for_one(ask, key):
    jobs.run("validate", spec(dataset=f"sql://shop/orders?key={key}"))
    assert ask(COUNTS) == [(4950, 50)]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE orders SET amount = -5 WHERE id = 9",
        "INSERT INTO orders VALUES (9999, -1, 'x', NOW())",
        "DELETE FROM orders WHERE id = 50",
        "UPDATE orders SET code = 'y' WHERE id = 9",
    ],
)
def test_rows_that_change_while_they_are_judged_let_nothing_appear_and_a_retry_takes_them(ask, change):
    jobs.run("validate", spec())
    with pytest.raises(BackendError, match="rows changed meanwhile"):
        meanwhile(lambda: ask(change)).from_spec(spec()).run()
    assert ask(COUNTS) == [(4950, 50)]
    outcome = jobs.run("validate", spec())
    total = ask("SELECT count(*) FROM orders")[0][0]
    assert sum(ask(COUNTS)[0]) == total == outcome.dataset.rows + ask(COUNTS)[0][1]


def test_readers_see_the_tables_of_before_until_both_are_whole(ask):
    jobs.run("validate", spec())
    ask("UPDATE orders SET amount = -1 WHERE id = 3")
    seen: list[Any] = []

    class Watched(ValidateJob):
        def record(self, *arguments: Any, **named: Any) -> Any:
            seen.append(ask(COUNTS)[0])
            return super().record(*arguments, **named)

        def _write(self, data: Any, measurement: Any, tables: Any, **named: Any) -> Any:
            commit = tables.division.commit
            object.__setattr__(tables.division, "commit", lambda: (seen.append(ask(COUNTS)[0]), commit()))
            return super()._write(data, measurement, tables, **named)

    Watched.from_spec(spec()).run()
    assert seen == [(4950, 50), (4949, 51)]


def test_a_connection_that_is_cut_before_the_commit_leaves_the_tables_of_before(ask):
    jobs.run("validate", spec())
    ask("UPDATE orders SET amount = -1 WHERE id = 3")

    class Cut(ValidateJob):
        def _write(self, data: Any, measurement: Any, tables: Any, **named: Any) -> Any:
            commit = tables.division.commit
            object.__setattr__(tables.division, "commit", lambda: (cut(), commit()))
            return super()._write(data, measurement, tables, **named)

    def cut() -> None:
        mine = "id <> CONNECTION_ID() AND db = DATABASE()"
        for (number,) in ask(f"SELECT id FROM information_schema.processlist WHERE {mine}"):
            ask(f"KILL CONNECTION {number}")

    with pytest.raises(BackendError, match="cannot be written: "):
        Cut.from_spec(spec()).run()
    assert ask(COUNTS) == [(4950, 50)]


def test_a_key_that_does_not_name_each_row_lets_nothing_appear(ask):
    ask("UPDATE orders SET id = 7 WHERE id = 8")
    with pytest.raises(BackendError, match="the key does not name each row"):
        jobs.run("validate", spec())
    assert ask(COUNTS) == [(0, 0)]


def test_a_table_that_cannot_be_filled_in_a_transaction_is_refused_by_name(ask):
    ask("CREATE TABLE orders_clean ENGINE=Aria AS SELECT * FROM orders WHERE id = 1")
    with pytest.raises(BadInputError, match="orders_clean is no table of InnoDB"):
        jobs.run("validate", spec())
    assert ask("SELECT count(*) FROM orders_clean") == [(1,)]
