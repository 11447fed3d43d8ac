"""Increments of tables of PostgreSQL and MariaDB: only rows from the watermark on are handed over, errors are told."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest

from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.datasets.snapshots import SnapshotFolder
from deployment.servers import MariaDB, Postgres

PASSWORD = "s3cret-of-the-shop"
WATERMARKS = {
    "bigint": ("7", "8"),
    "numeric": ("1.25", "1.3"),
    "double precision": ("0.1", "0.30000000000000004"),
    "date": ("'2026-01-01'", "'2026-01-02'"),
    "timestamp": ("'2026-01-01 10:00:00.000001'", "'2026-01-01 10:00:00.000002'"),
    "timestamptz": ("'2026-01-01 10:00:00.000001+02'", "'2026-01-01 10:00:00.000002+02'"),
    "text": ("'B'", "'a'"),
    "uuid": ("'00000000-0000-0000-0000-0000000000aa'", "'00000000-0000-0000-0000-0000000000ab'"),
}
"""A value of each type and one just beyond it."""
OF_MARIADB = {
    "bigint": "bigint",
    "numeric": "decimal(9, 3)",
    "double precision": "double",
    "date": "date",
    "timestamp": "datetime(6)",
    "timestamptz": "timestamp(6)",
}


class Shop:
    """A table ``orders`` and the snapshots that are taken of it."""

    def __init__(self, connect: Callable[[], Any], address: str, folder: Path, *, is_postgres: bool) -> None:
        self.connect, self.address, self.folder, self.is_postgres = connect, address, folder, is_postgres

    def execute(self, *statements: str) -> None:
        connection = self.connect()
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        connection.commit()
        connection.close()

    def make(self, kind: str = "bigint") -> None:
        declared = kind if self.is_postgres else OF_MARIADB[kind]
        self.execute(f"CREATE TABLE orders (nr bigint, moved {declared})")

    def add(self, start: int, stop: int, value: str) -> None:
        if not self.is_postgres:
            value = value.replace("+02'", "'")
        self.execute("INSERT INTO orders VALUES " + ", ".join(f"({nr}, {value})" for nr in range(start, stop)))

    def ingest(self, day: int, **keys: Any) -> Outcome:
        where = {"output_uri": str(self.folder / "raw"), "evidence_root": str(self.folder / "mlops")}
        spec = {"source": "sql://shop/orders", "interval_start": f"2026-01-{day:02d}", "watermark_column": "moved"}
        return run("ingest", {**spec, "key_columns": ["nr"], "policy": {"max_row_change": None}, **where, **keys})

    @property
    def handed_over(self) -> list[int]:
        """Rows that the database gave to each ingest."""
        raw = SnapshotFolder(str(self.folder / "raw"))
        return [raw.get(name).source.rows for name in raw.names()]

    @property
    def numbers(self) -> list[int]:
        return sorted(open_dataset(str(self.folder / "raw" / "latest.snapshot")).table().column("nr").to_pylist())


@pytest.fixture(params=["postgres", "mariadb"])
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    name = f"ingest{uuid.uuid4().hex}"
    server: Postgres | MariaDB = request.getfixturevalue(request.param)
    address = server.create_database(name).replace("+psycopg2", "")
    connect = (lambda: psycopg2.connect(address)) if isinstance(server, Postgres) else (lambda: server.connect(name))
    monkeypatch.setenv("MLOPS_DATABASE_SHOP", address)
    return Shop(connect, address, tmp_path, is_postgres=isinstance(server, Postgres))


@pytest.mark.parametrize("kind", WATERMARKS)
def test_only_rows_from_the_watermark_on_are_handed_over_and_late_ones_are_taken_by_their_key(shop, kind):
    if not shop.is_postgres and kind not in OF_MARIADB:
        pytest.skip("read whole there")
    first, second = WATERMARKS[kind]
    shop.make(kind)
    shop.add(0, 50, first)
    shop.add(50, 60, second)
    shop.ingest(1)
    shop.add(60, 63, second)
    shop.add(63, 70, first)
    outcome = shop.ingest(2)
    assert shop.handed_over == [60, 13]
    assert outcome.verdict.status is Status.PASS, outcome.verdict
    assert shop.numbers == list(range(63))


def test_text_of_mariadb_is_read_whole(shop):
    if shop.is_postgres:
        pytest.skip("handed over from the watermark on")
    shop.execute("CREATE TABLE orders (nr bigint, moved varchar(9))")
    shop.add(0, 5, "'a'")
    shop.ingest(1)
    shop.add(5, 9, "'b'")
    shop.ingest(2)
    assert (shop.handed_over, shop.numbers) == ([5, 9], list(range(9)))


def test_a_missing_table_and_a_wrong_password_are_told_in_one_sentence_and_not_retried(shop, monkeypatch):
    with pytest.raises(BadInputError, match="orders") as missing:
        shop.ingest(1)
    parts = urlsplit(shop.address)
    wrong = f"{parts.scheme}://nobody:{PASSWORD}@{parts.hostname}:{parts.port}{parts.path}"
    monkeypatch.setenv("MLOPS_DATABASE_SHOP", wrong)
    with pytest.raises(BadInputError) as refused:
        shop.ingest(1)
    for told in (missing, refused):
        assert "\n" not in str(told.value)
        assert PASSWORD not in str(told.value)
    assert not (shop.folder / "raw").exists()


def test_a_dropped_column_and_a_changed_type_are_findings_and_leave_latest(shop):
    shop.make()
    shop.execute("ALTER TABLE orders ADD COLUMN amount bigint")
    shop.execute("INSERT INTO orders VALUES (1, 7, 2)")
    shop.ingest(1)
    change = "ALTER COLUMN nr TYPE text" if shop.is_postgres else "MODIFY nr text"
    shop.execute("ALTER TABLE orders DROP COLUMN amount", f"ALTER TABLE orders {change}")
    shop.execute("INSERT INTO orders VALUES ('2', 8)")
    refused = shop.ingest(2, key_columns=[])
    found = {(each.subject, each.measure) for each in refused.verdict.findings if each.status is Status.FAIL}
    assert found == {("amount", "column_removed"), ("nr", "column_type_changed")}
    assert shop.numbers == [1]


def test_a_watermark_column_that_is_dropped_or_of_another_type_is_refused_in_one_sentence(shop):
    shop.make()
    shop.add(0, 5, "7")
    shop.ingest(1)
    shop.execute("ALTER TABLE orders ADD COLUMN other bigint", "ALTER TABLE orders DROP COLUMN moved")
    with pytest.raises(BadInputError, match="moved") as told:
        shop.ingest(2)
    assert "\n" not in str(told.value)
    shop.execute("ALTER TABLE orders ADD COLUMN moved date")
    with pytest.raises(BadInputError, match=r"moved|date") as told:
        shop.ingest(2)
    assert "\n" not in str(told.value)


def test_a_connection_that_is_cut_is_retried_and_leaves_no_snapshot(shop):
    shop.make()
    shop.add(0, 5, "7")
    shop.ingest(1)
    if not shop.is_postgres:
        pytest.skip("no statement of MariaDB ends its own connection; test_tables cuts one from outside")
    cut = "CASE WHEN g = 400000 THEN pg_terminate_backend(pg_backend_pid())::int ELSE g END"
    query = f"SELECT g AS nr, {cut} AS moved FROM generate_series(1, 900000) g"
    with pytest.raises(BackendError) as told:
        shop.ingest(2, source={"conn_id": "shop", "query": query})
    assert "\n" not in str(told.value)
    assert len(SnapshotFolder(str(shop.folder / "raw")).names()) == 1
    assert shop.numbers == list(range(5))
