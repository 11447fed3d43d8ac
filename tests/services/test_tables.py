"""Tables of real servers, PostgreSQL and MariaDB: the same verdicts as on files, and no secret in anything written."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import subprocess
import sys
import types
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from airflow_mlops_provider import jobs
from airflow_mlops_provider.airflow_versions import AirflowFailException
from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.operators.validation import DataValidationOperator
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.policies.validation import ValidationPolicy
from airflow_mlops_provider.records.table_source import TableSource
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.runners.external_python import ExternalPythonRunner
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.datasets.tables.sessions import reading_rows
from deployment.servers import MariaDB, Postgres
from tests.builders.agreement import REFERENCE, ROWS, SUITE, said_of
from tests.builders.tables import ORDERS, fill, order_files, orders

PASSWORD = "p4ss/w%rd@:$ß"
"""Of the user that reads: every mark that an address may trip over."""
QUOTED = quote(PASSWORD, safe="")
SOME = orders(
    [
        (1.5, "ä", dt.date(2026, 1, 1), dt.datetime.fromisoformat("2026-01-01T10:30:00.000005"), Decimal("10.50")),
        (None,) * 5,
    ]
)


class Server:
    """A database on a server, and what a user of it needs.

    :param kind: ``postgresql`` or ``mysql``.
    :param connect: opens a connection as the owner.
    :param address: of the reading user, with ``PASSWORD``.
    """

    def __init__(self, kind: str, connect: Callable[[], Any], address: str) -> None:
        self.kind, self.connect, self.address = kind, connect, address

    def run(self, *statements: str) -> list[Any]:
        """Run statements as the owner; returns the rows of the last one."""
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                found = list(cursor.fetchall()) if cursor.description else []
            connection.commit()
            return found
        finally:
            connection.close()

    def fill(self, rows: pa.Table) -> None:
        """Make the table of orders anew."""
        connection = self.connect()
        with connection.cursor() as cursor:
            fill(rows, kind=self.kind, execute=cursor.execute, insert=cursor.executemany)
            if self.kind == "postgresql":
                cursor.execute("GRANT SELECT ON orders TO reader")
        connection.commit()
        connection.close()

    def cut(self) -> None:
        """End every connection of the reading user."""
        if self.kind == "postgresql":
            self.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'")
            return
        for (number,) in self.run("SELECT id FROM information_schema.processlist WHERE user = 'reader'"):
            self.run(f"KILL CONNECTION {number}")


@pytest.fixture(scope="module")
def postgres_server(postgres: Postgres) -> Server:
    address = urlsplit(postgres.create_database(f"tables{uuid.uuid4().hex}"))
    parts = {"host": address.hostname, "port": address.port, "user": address.username, "password": address.password}
    name = address.path.strip("/")
    server = Server(
        "postgresql",
        lambda: psycopg2.connect(dbname=name, **parts),
        f"postgresql://reader:{QUOTED}@{address.hostname}:{address.port}/{name}",
    )
    server.run(f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'")
    return server


@pytest.fixture(scope="module")
def mariadb_server(mariadb: MariaDB) -> Server:
    name = f"tables{uuid.uuid4().hex}"
    mariadb.create_database(name)
    address = f"mysql://reader:{QUOTED}@127.0.0.1:{mariadb.port}/{name}"
    server = Server("mysql", lambda: mariadb.connect(name), address)
    server.run(
        f"CREATE USER reader@'%' IDENTIFIED BY '{PASSWORD}'", f"GRANT SELECT, EXECUTE ON `{name}`.* TO reader@'%'"
    )
    return server


@pytest.fixture(params=["postgres_server", "mariadb_server"])
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Each server with two orders, by the name ``shop``."""
    found: Server = request.getfixturevalue(request.param)
    found.fill(SOME)
    monkeypatch.setenv("MLOPS_DATABASE_SHOP", found.address)
    return found


@given(rows=ROWS)
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_servers_and_files_get_the_same_verdicts_findings_and_quarantined_rows(server, rows, tmp_path_factory):
    folder, table = tmp_path_factory.mktemp("agree"), orders(rows)
    server.fill(table)
    pq.write_table(REFERENCE, folder / "reference.parquet")
    datasets = {"parquet": order_files(folder, table)["parquet"], "table": {"conn_id": "shop", "table": "orders"}}
    said = {name: said_of(dataset, folder / "reference.parquet", folder) for name, dataset in datasets.items()}
    assert said["table"] == said["parquet"]


def test_types_values_and_missing_ones_are_those_of_the_database(server):
    data = open_dataset("sql://shop/orders")
    assert data.schema == ORDERS
    assert data.table() == SOME
    assert open_dataset("sql://shop/orders?where=id < 0").schema == ORDERS


def test_postgresql_types_come_as_those_of_datasets(postgres_server, monkeypatch):
    monkeypatch.setenv("MLOPS_DATABASE_SHOP", postgres_server.address)
    columns = {
        "true": pa.bool_(),
        "'10:00'::time": pa.time64("us"),
        "'2026-01-01 10:00+02'::timestamptz": pa.timestamp("us", "UTC"),
        "'x'::varchar(9)": pa.string(),
        "'x'::bytea": pa.binary(),
        "1::smallint": pa.int16(),
        "1::real": pa.float32(),
        "'00000000-0000-0000-0000-000000000001'::uuid": pa.string(),
        """'{"a": 1}'::jsonb""": pa.string(),
        "null::numeric(12, 3)": pa.decimal128(12, 3),
        "-0.012": pa.decimal128(3, 3),
        "12345678901234567890.5": pa.decimal128(21, 1),
        "7::numeric": pa.decimal128(1, 0),
        "array[1, 2]": pa.list_(pa.int32()),
    }
    named = ", ".join(f"{sql} AS c{number}" for number, sql in enumerate(columns))
    data = open_dataset(TableSource(conn_id="shop", query=f"SELECT {named}").uri)
    assert data.schema.types == list(columns.values())
    row = list(data.table().to_pylist()[0].values())
    assert row[2] == dt.datetime(2026, 1, 1, 8, tzinfo=dt.UTC)
    assert row[9:13] == [None, Decimal("-0.012"), Decimal("12345678901234567890.5"), Decimal(7)]


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("'NaN'::numeric", "holds NaN or infinity"),
        ("'infinity'::timestamp", "holds infinity"),
        ("'-infinity'::date", "holds infinity"),
        ("interval '1 day'", "is of the type 'interval', which no dataset has"),
        ("'5'::money", "is of the type 'money', which no dataset has"),
        ("'1.2.3.4'::inet", "is of the type 'inet', which no dataset has"),
        ("1e40::numeric + 0.5", "holds numbers of 42 digits; 38 are the most"),
    ],
)
def test_what_no_dataset_has_is_refused_by_column(postgres_server, monkeypatch, sql, problem):
    monkeypatch.setenv("MLOPS_DATABASE_SHOP", postgres_server.address)
    with pytest.raises(BadInputError, match=f"column 'x' {problem}"):
        open_dataset(f"sql://shop?query=SELECT {sql} AS x")


def test_mariadb_types_come_as_those_of_datasets(mariadb_server, monkeypatch):
    declared = (
        "a BOOLEAN, b TINYINT UNSIGNED, c BIGINT UNSIGNED, d TIMESTAMP NULL, e TIME, f YEAR, g BLOB, h JSON, i BIT(3)"
    )
    mariadb_server.run("DROP TABLE IF EXISTS t", f"CREATE TABLE t ({declared})")
    values = "true, 255, 18446744073709551615, '2026-01-01 10:00:00', '10:00', 2026, 'x', '{}', b'1'"
    mariadb_server.run("SET time_zone = '+02:00'", f"INSERT INTO t VALUES ({values})")
    monkeypatch.setenv("MLOPS_DATABASE_SHOP", mariadb_server.address)
    data = open_dataset("sql://shop/t")
    kinds = [pa.int8(), pa.uint8(), pa.uint64(), pa.timestamp("us", "UTC"), pa.time64("us"), pa.uint16()]
    assert data.schema.types == [*kinds, pa.binary(), pa.string(), pa.binary()]
    row = data.table().to_pylist()[0]
    assert (row["c"], row["d"]) == (18446744073709551615, dt.datetime(2026, 1, 1, 8, tzinfo=dt.UTC))


@pytest.mark.parametrize(
    ("change", "error", "problem"),
    [
        (lambda address: address.replace(QUOTED, "wr0ng-secret"), BadInputError, "(?i)failed|denied"),
        (lambda address: address + "x", BadInputError, "(?i)database .*does not exist|unknown database|access denied"),
        (lambda address: address.replace("127.0.0.1", "nohost.invalid"), BackendError, "nohost.invalid"),
        (lambda address: address.replace(f":{urlsplit(address).port}", ":1"), BackendError, "(?i)refused"),
    ],
    ids=["password", "database", "host", "port"],
)  # fmt: skip
def test_a_database_that_lets_nobody_in_is_told_in_one_sentence(server, monkeypatch, change, error, problem):
    monkeypatch.setenv("MLOPS_DATABASE_SHOP", change(server.address))
    with pytest.raises(error, match=problem) as told:
        open_dataset("sql://shop/orders")
    said = str(told.value)
    assert type(told.value) is error
    assert "\n" not in said
    assert "wr0ng-secret" not in said
    assert told.value.__cause__ is None


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("sql://shop/nope", "nope"),
        ("sql://shop/orders?where=gone = 1", "gone"),
        ("sql://shop?query=SELEC", "(?i)syntax"),
        ("sql://shop?query=SELECT * FROM hidden", "(?i)denied"),
    ],
)
def test_a_wrong_name_or_statement_is_told_in_one_sentence_and_not_retried(server, uri, problem):
    server.run("DROP TABLE IF EXISTS hidden", "CREATE TABLE hidden (x INTEGER)")
    if server.kind == "mysql":
        uri = uri.replace("hidden", "mysql.user")
    with pytest.raises(BadInputError, match=problem) as told:
        open_dataset(uri)
    assert "\n" not in str(told.value)


def test_a_value_that_the_database_cannot_convert_is_not_told(postgres_server, monkeypatch):
    monkeypatch.setenv("MLOPS_DATABASE_SHOP", postgres_server.address)
    with pytest.raises(
        BadInputError, match=r"met a value that it cannot convert or compute with \(SQLSTATE 22P02\)"
    ) as told:
        open_dataset("sql://shop?query=SELECT x::int FROM (SELECT 'secret77' AS x) t")
    assert "secret77" not in str(told.value).partition("cannot be read: ")[2]


MANY = {
    "postgresql": "SELECT g AS n, repeat('x', 50) AS x FROM generate_series(1, 3000000) g",
    "mysql": "SELECT seq AS n, repeat('x', 50) AS x FROM seq_1_to_3000000",
}


def test_a_connection_that_is_cut_in_the_middle_is_retried_and_gives_no_part_of_the_rows(server):
    source = TableSource(conn_id="shop", query=MANY[server.kind])
    with reading_rows(source) as batches:
        assert next(batches).num_rows >= 0
        server.cut()
        with pytest.raises(BackendError, match="cannot be read: ") as told:
            for _ in batches:
                pass
    assert "\n" not in str(told.value)


def test_a_cut_in_the_middle_of_a_job_judges_and_writes_nothing(postgres_server, monkeypatch, tmp_path):
    monkeypatch.setenv("MLOPS_DATABASE_SHOP", postgres_server.address)
    cut = "CASE WHEN g = 400000 THEN pg_terminate_backend(pg_backend_pid()) END AS amount"
    query = f"SELECT g AS id, repeat('x', 50) AS name, {cut} FROM generate_series(1, 900000) g"
    spec = {"dataset": {"conn_id": "shop", "query": query}, "suite": SUITE, "evidence_root": str(tmp_path / "mlops")}
    with pytest.raises(BackendError, match="terminating connection"):
        jobs.run("validate", {**spec, "clean_uri": str(tmp_path / "clean.parquet")})
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_query_cannot_write(postgres_server, monkeypatch):
    postgres_server.fill(SOME)
    postgres_server.run("GRANT ALL ON orders TO reader")
    monkeypatch.setenv("MLOPS_DATABASE_SHOP", postgres_server.address)
    with pytest.raises((BadInputError, BackendError)):
        open_dataset("sql://shop?query=DELETE FROM orders RETURNING id")
    assert postgres_server.run("SELECT count(*) FROM orders") == [(2,)]


def test_a_dropped_column_and_a_changed_type_are_verdicts_as_on_a_file(server, tmp_path):
    change = "ALTER COLUMN amount TYPE text" if server.kind == "postgresql" else "MODIFY amount TEXT"
    server.run(f"ALTER TABLE orders {change}", "ALTER TABLE orders DROP COLUMN day")
    pq.write_table(open_dataset("sql://shop/orders").table(), tmp_path / "orders.parquet")
    said = [
        jobs.run("validate", {"dataset": uri, "suite": SUITE, "evidence_root": str(tmp_path / "mlops")}).verdict
        for uri in ("sql://shop/orders", str(tmp_path / "orders.parquet"))
    ]
    assert said[0] == said[1]
    assert said[0].status is Status.FAIL
    assert {finding.subject for finding in said[0].findings if finding.status is Status.FAIL} >= {"amount", "day"}


def test_a_pinned_table_that_changed_is_refused(server, tmp_path):
    pinned = open_dataset("sql://shop/orders").ref
    assert open_dataset(pinned).ref == pinned
    server.run("ALTER TABLE orders DROP COLUMN day")
    with pytest.raises(BadInputError, match="dataset sql://shop/orders changed"):
        _ = open_dataset(pinned).ref


def connection(server: Server, **more: Any) -> str:
    """The Airflow Connection of the reading user."""
    parts = urlsplit(server.address)
    kind = {"postgresql": "postgres", "mysql": "mysql"}[server.kind]
    found = {"conn_type": kind, "host": parts.hostname, "port": parts.port, "schema": parts.path.strip("/")}
    return json.dumps({**found, "login": "reader", "password": PASSWORD, **more})


def context() -> dict[str, Any]:
    ti = types.SimpleNamespace(dag_id="d", run_id="r", task_id="validate", map_index=-1, try_number=1, xcoms={})
    ti.xcom_push = lambda *, key, value: ti.xcoms.update({key: value})
    return {"ti": ti}


def written(folder: Path) -> Iterator[bytes]:
    return (path.read_bytes() for path in folder.rglob("*") if path.is_file())


SPELLINGS = [
    each.encode() for each in (PASSWORD, quote(PASSWORD, safe=""), json.dumps(PASSWORD)[1:-1], repr(PASSWORD)[1:-1])
]


@pytest.mark.parametrize("place", ["in this process", "in another process"])
def test_a_task_reaches_the_database_by_its_connection_and_writes_no_secret(
    server, monkeypatch, tmp_path, caplog, capfd, place
):
    caplog.set_level(logging.DEBUG)
    monkeypatch.delenv("MLOPS_DATABASE_SHOP")
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", connection(server))
    monkeypatch.setenv("AIRFLOW_CONN_LOCKED", connection(server, login="nobody"))
    runner = ExternalPythonRunner(python=sys.executable) if place == "in another process" else None
    said: list[str] = []
    for conn_id, table in (("shop", "orders"), ("shop", "nope"), ("locked", "orders")):
        operator = DataValidationOperator(
            task_id="validate",
            dataset={"conn_id": conn_id, "table": table, "where": "id < 9", "key": ["id"]},
            suite=SUITE,
            quarantine_uri=str(tmp_path / "aside.parquet"),
            clean_uri=str(tmp_path / "clean.parquet"),
            policy=ValidationPolicy(max_quarantine_share=1.0),
            evidence_root=str(tmp_path / "mlops"),
            fail_on=[],
            runner=runner,
        )
        running = context()
        try:
            outcome = operator.execute(running)
            assert Outcome.from_json(outcome).verdict.findings
            said.append(json.dumps(outcome))
        except AirflowFailException as error:
            said.append(f"{error} {error.__cause__!r}")
        said += [json.dumps(operator.request(running).to_spec()), json.dumps(running["ti"].xcoms)]
    assert "nope" in said[3]
    assert "nobody" in said[6]
    out = "".join(capfd.readouterr())
    everything = [text.encode() for text in (*said, caplog.text, out)] + list(written(tmp_path))
    assert len(everything) > 10
    assert [text for text in everything if any(secret in text for secret in SPELLINGS)] == []
    assert "MLOPS_DATABASE_SHOP" not in os.environ


def test_the_command_line_tells_no_secret(server, tmp_path):
    for address in (server.address, server.address.replace("reader", "nobody")):
        spec = {"dataset": "sql://shop/orders", "suite": SUITE, "evidence_root": str(tmp_path / "mlops")}
        ended = subprocess.run(
            [sys.executable, "-m", "airflow_mlops_provider.jobs", "validate", "-"],
            input=json.dumps(spec).encode(),
            env={**os.environ, "MLOPS_DATABASE_SHOP": address},
            capture_output=True,
            check=False,
        )
        assert ended.returncode == (0 if address == server.address else 2)
        everything = [ended.stdout, ended.stderr, *written(tmp_path)]
        assert [text for text in everything if any(secret in text for secret in SPELLINGS)] == []


def test_rows_stream_in_constant_memory(server):
    code = (
        "import resource, sys\n"
        "from airflow_mlops_provider.records.table_source import TableSource\n"
        "from airflow_mlops_provider.stores.datasets.dataset import open_dataset\n"
        "source = TableSource(conn_id='shop', query=sys.argv[1])\n"
        "print(open_dataset(source.uri).rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    peaks = []
    for rows in (100_000, 800_000):
        query = MANY[server.kind].replace("3000000", str(rows))
        ran = subprocess.run([sys.executable, "-c", code, query], capture_output=True, check=True, text=True)
        found, peak = map(int, ran.stdout.split())
        assert found == rows
        peaks.append(peak)
    # Eight times the rows, 48 MB as Arrow: less than half of them more.
    assert peaks[1] < peaks[0] + 24_000
