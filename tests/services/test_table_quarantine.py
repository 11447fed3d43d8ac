"""Clean rows and quarantine as tables of PostgreSQL: each row once, all at once, whatever happens meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest

from airflow_mlops_provider import jobs
from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.jobs.data.validate import ValidateJob
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from deployment.servers import Postgres

RULE = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "amount", "min_value": 0}}
MADE = """
CREATE TABLE orders AS SELECT g AS id, 0 AS batch, CASE WHEN g % 100 = 7 THEN -1 ELSE g END::numeric(9, 2) AS amount,
    md5(g::text)::uuid AS code, g::numeric / 3 AS third FROM generate_series(0, 4999) g
"""
CUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()
"""


@pytest.fixture
def shop(postgres: Postgres, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A database with 5,000 orders, 50 of them broken, by the name ``shop``; its address."""
    address = postgres.create_database(f"quarantine{uuid.uuid4().hex}").replace("+psycopg2", "")
    monkeypatch.setenv("MLOPS_DATABASE_SHOP", address)
    monkeypatch.chdir(tmp_path)
    ask(address, MADE)
    return address


def ask(address: str, *statements: str) -> list[Any]:
    connection = psycopg2.connect(address)
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        found = list(cursor.fetchall()) if cursor.description else []
    connection.commit()
    connection.close()
    return found


def spec(**more: Any) -> dict[str, Any]:
    outputs = {"clean_uri": "sql://shop/orders_clean", "quarantine_uri": "sql://shop/public.orders_aside"}
    suite = {"name": "orders", "expectations": [RULE]}
    return {
        "dataset": "sql://shop/orders?key=id",
        "suite": suite,
        "policy": {"max_quarantine_share": 0.5},
        **outputs,
        **more,
    }


def test_each_row_is_in_one_of_the_tables_with_the_types_it_had(shop):
    outcome = jobs.run("validate", spec())
    assert outcome.verdict.status is Status.NOTICE
    assert ask(shop, "SELECT count(*), min(amount) FROM orders_clean") == [(4950, 0)]
    reasons = "amount: expect_column_values_to_be_between(min_value=0)"
    assert ask(shop, "SELECT count(*), min(quarantine_reasons), max(quarantine_reasons) FROM orders_aside") == [
        (50, reasons, reasons)
    ]
    typed = "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '{}'::regclass AND attnum > 0"
    assert ask(shop, typed.format("orders_clean")) == ask(shop, typed.format("orders"))
    assert open_dataset(outcome.dataset).ref.fingerprint == outcome.dataset.fingerprint


def test_the_columns_of_a_written_table_are_pinned_where_its_rows_do_not_tell_them(shop):
    ask(shop, "ALTER TABLE orders DROP COLUMN third")
    outcome = jobs.run("validate", spec())
    assert open_dataset(outcome.dataset).ref == outcome.dataset


@pytest.mark.parametrize("key", ["code", "amount&key=id", "third"])
def test_a_key_of_any_type_and_of_several_columns_names_a_row(shop, key):
    jobs.run("validate", spec(dataset=f"sql://shop/orders?key={key}"))
    assert ask(shop, "SELECT count(*) FROM orders_clean") == [(4950,)]


def test_rows_that_change_while_they_are_judged_do_not_get_in(shop):
    class Meanwhile(ValidateJob):
        def _write(self, *arguments: Any, **named: Any) -> Any:
            ask(
                shop,
                "UPDATE orders SET amount = -5 WHERE id < 9",
                "INSERT INTO orders VALUES (9999, 0, -1)",
                "DELETE FROM orders WHERE id = 50",
            )
            return super()._write(*arguments, **named)

    Meanwhile.from_spec(spec()).run()
    assert ask(shop, "SELECT count(*), min(amount), max(id) FROM orders_clean") == [(4950, 0, 4999)]
    assert ask(shop, "SELECT count(*) FROM orders_aside") == [(50,)]


def test_readers_see_the_tables_of_before_until_both_are_whole(shop):
    jobs.run("validate", spec())
    ask(shop, "UPDATE orders SET amount = -1 WHERE id = 3")
    seen: list[Any] = []

    class Watched(ValidateJob):
        def record(self, *arguments: Any, **named: Any) -> Any:
            seen.append(counts())
            return super().record(*arguments, **named)

        def _write(self, data: Any, measurement: Any, tables: Any, **named: Any) -> Any:
            commit = tables.division.commit
            object.__setattr__(tables.division, "commit", lambda: (seen.append(counts()), commit()))
            return super()._write(data, measurement, tables, **named)

    def counts() -> Any:
        return ask(shop, "SELECT (SELECT count(*) FROM orders_clean), (SELECT count(*) FROM orders_aside)")[0]

    Watched.from_spec(spec()).run()
    assert seen == [(4950, 50), (4949, 51)]


def test_what_may_not_be_written_is_told_and_leaves_nothing(shop):
    ask(shop, f"CREATE ROLE r{shop[-8:]} LOGIN PASSWORD 'secret-of-r'", f"GRANT SELECT ON orders TO r{shop[-8:]}")
    parts = urlsplit(shop)
    address = f"postgresql://r{shop[-8:]}:secret-of-r@{parts.hostname}:{parts.port}{parts.path}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_DATABASE_SHOP", address)
        with pytest.raises(
            BadInputError, match="orders_aside cannot be written: permission denied for schema public"
        ) as told:
            jobs.run("validate", spec())
    assert "secret-of-r" not in str(told.value)
    assert ask(shop, "SELECT to_regclass('orders_aside'), to_regclass('orders_clean')") == [(None, None)]


def test_a_connection_that_is_cut_before_the_commit_leaves_nothing(shop):
    class Cut(ValidateJob):
        def _write(self, data: Any, measurement: Any, tables: Any, **named: Any) -> Any:
            ask(
                shop,
                CUT,
            )
            return super()._write(data, measurement, tables, **named)

    with pytest.raises(BackendError, match="cannot be written: "):
        Cut.from_spec(spec()).run()
    assert ask(shop, "SELECT to_regclass('orders_aside'), to_regclass('orders_clean')") == [(None, None)]


def test_thirty_kills_lose_no_row_and_double_none(shop, tmp_path):
    (tmp_path / "spec.json").write_text(json.dumps(spec(evidence_root=str(tmp_path / "mlops"))))
    script = Path(__file__).with_name("quarantine_killed.py")
    command = [sys.executable, str(script), str(tmp_path / "spec.json"), shop, "7", "30"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout.splitlines()[-1])
    assert found["killed"] >= 20
    assert found["old"] >= 10
