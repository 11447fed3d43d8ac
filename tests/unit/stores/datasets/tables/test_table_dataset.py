"""A table as a dataset: types and values as the database has them, one state of it, nothing left behind."""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from airflow_mlops_provider.exceptions import BackendError, BadInputError, IntegrityError
from airflow_mlops_provider.records.csv_format import CsvFormat
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.datasets.file_dataset import BATCH_ROWS
from tests.builders.tables import ORDERS, duckdb_orders, orders, sqlite_orders

ROWS = orders(
    [
        (1.5, "ä", dt.date(2026, 1, 1), dt.datetime.fromisoformat("2026-01-01T10:30:00.000005"), Decimal("10.50")),
        (None, None, None, None, None),
        (-0.0, "", dt.date(1, 1, 1), dt.datetime.fromisoformat("0001-01-01"), Decimal("-0.01")),
    ]
)


@pytest.fixture(params=["sqlite", "duckdb"])
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database of orders by the name ``shop``; the kind that it is of."""
    make = sqlite_orders if request.param == "sqlite" else duckdb_orders
    monkeypatch.setenv("MLOPS_DATABASE_SHOP", make(tmp_path / "shop.db", ROWS))
    return request.param


def sqlite_shop(path: Path, monkeypatch: pytest.MonkeyPatch, *statements: str, rows: list[tuple] = ()) -> None:
    connection = sqlite3.connect(path / "lite.db")
    for statement in statements:
        connection.execute(statement)
    if rows:
        connection.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(rows[0]))})", rows)
    connection.commit()
    connection.close()
    monkeypatch.setenv("MLOPS_DATABASE_SHOP", f"sqlite:///{path / 'lite.db'}")


def test_types_values_and_missing_ones_are_those_of_the_database(shop):
    data = open_dataset("sql://shop/orders")
    assert data.schema == ORDERS
    assert data.table() == ROWS
    assert (data.rows, data.columns) == (3, tuple(ORDERS.names))


def test_a_table_without_rows_has_its_columns(shop):
    data = open_dataset("sql://shop/orders?where=id < 0")
    assert (data.schema, data.rows, data.table().num_rows) == (ORDERS, 0, 0)
    assert data.ref.fingerprint


def test_a_query_and_a_condition_pick_the_rows(shop):
    found = open_dataset("sql://shop?query=SELECT id, name FROM orders -- all of them\n;&where=id > 1 -- the last two")
    assert found.table().to_pydict() == {"id": [2, 3], "name": [None, ""]}


def test_the_reference_says_what_its_fingerprint_is_made_from_and_does_not_depend_on_the_order(shop):
    one, other = (open_dataset(f"sql://shop?query=SELECT * FROM orders ORDER BY id {way}").ref for way in ("", "DESC"))
    assert one.fingerprint == other.fingerprint
    assert (one.identified_by, one.rows) == ("rows", 3)


def test_the_rows_stay_what_they_were_while_the_table_changes(shop, tmp_path):
    data = open_dataset("sql://shop/orders")
    module = sqlite3 if shop == "sqlite" else duckdb
    connection = module.connect(str(tmp_path / "shop.db"))
    connection.execute("UPDATE orders SET amount = 99")
    connection.commit()
    connection.close()
    assert data.table() == ROWS
    data.confirm()
    changed = data.ref
    with pytest.raises(IntegrityError, match=r"dataset sql://shop/orders changed: its content is sha256"):
        _ = open_dataset(DatasetRef(uri="sql://shop/orders", fingerprint=changed.fingerprint)).ref


def test_a_key_must_name_columns(shop):
    with pytest.raises(BadInputError, match=r"sql://shop/orders.key=no has no column 'no'; it has id, amount"):
        open_dataset("sql://shop/orders?key=no")


def test_the_files_of_the_rows_have_no_name(shop, monkeypatch, tmp_path):
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    data = open_dataset("sql://shop/orders")
    assert list(folder.iterdir()) == []
    assert Path(data.files[0]).stat().st_nlink == 0
    file = data.files[0]
    del data
    assert not Path(file).exists()


def test_a_full_or_missing_disk_is_told_with_the_folder_and_retried(shop, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(BackendError, match=r"cannot be kept in .*nowhere while the job runs: No such file.*; TMPDIR"):
        open_dataset("sql://shop/orders")


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("sql://shop/nope", "nope"),
        ("sql://shop/orders?where=gone = 1", "gone"),
        ("sql://shop?query=SELEC", "syntax error"),
        ("sql://other/orders", "the environment variable MLOPS_DATABASE_OTHER is not set"),
    ],
)
def test_a_wrong_name_is_told_in_one_sentence_and_not_retried(shop, uri, problem):
    with pytest.raises(BadInputError, match=problem) as told:
        open_dataset(uri)
    assert "\n" not in str(told.value)


def test_a_database_that_is_not_there_is_told_and_not_made(shop, monkeypatch, tmp_path):
    path = tmp_path / "none.db"
    monkeypatch.setenv("MLOPS_DATABASE_SHOP", f"{shop}:///{path}")
    with pytest.raises(BadInputError, match=r"unable to open database file|database does not exist"):
        open_dataset("sql://shop/orders")
    assert not path.exists()


def test_a_dialect_of_csv_does_not_go_with_a_table(shop):
    with pytest.raises(BadInputError, match=r"key 'csv' is given, and it is a table"):
        open_dataset(DatasetRef(uri="sql://shop/orders", csv=CsvFormat()))


@pytest.mark.parametrize("kind", ["nonsense", "postgresql://h:port/x", "gopher://u:hunter22@h/x"])
def test_an_address_that_is_none_is_told_without_its_text(monkeypatch, kind):
    monkeypatch.setenv("MLOPS_DATABASE_SHOP", kind)
    with pytest.raises(BadInputError, match=r"database 'shop': ") as told:
        open_dataset("sql://shop/orders")
    assert "hunter22" not in str(told.value)


def test_sqlite_columns_are_what_they_are_declared_to_be_whatever_their_values(tmp_path, monkeypatch):
    declared = (
        "a INTEGER, b REAL, c VARCHAR(9), d BOOLEAN, e DATE, f DATETIME, g TIMESTAMPTZ, h TIME, i DECIMAL(9, 3), j"
    )
    sqlite_shop(tmp_path, monkeypatch, f"CREATE TABLE t ({declared})", rows=[(None,) * 10])
    expected = [pa.int64(), pa.float64(), pa.string(), pa.bool_(), pa.date32(), pa.timestamp("us")]
    expected += [pa.timestamp("us", "UTC"), pa.time64("us"), pa.decimal128(9, 3), pa.null()]
    assert open_dataset("sql://shop/t").schema.types == expected
    assert open_dataset("sql://shop/t?where=a = 1").schema.types == expected


def test_sqlite_moments_truth_values_and_decimals_come_as_such(tmp_path, monkeypatch):
    row = (1, "2026-01-01 10:00:00", "2026-01-01T10:00:00+02:00", "10:00:00", 1.1)
    sqlite_shop(
        tmp_path, monkeypatch, "CREATE TABLE t (b BOOL, m TIMESTAMP, z TIMESTAMPTZ, t TIME, d DECIMAL(5,2))", rows=[row]
    )
    zoned = dt.datetime(2026, 1, 1, 8, tzinfo=dt.UTC)
    found = [True, dt.datetime.fromisoformat("2026-01-01T10:00"), zoned, dt.time(10), Decimal("1.10")]
    assert list(open_dataset("sql://shop/t").table().to_pylist()[0].values()) == found


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ("BOOLEAN", 2),
        ("DATE", "secret77"),
        ("DATE", 20260101),
        ("TIMESTAMP", "2026-01-01T10:00:00+02:00"),
        ("TIMESTAMPTZ", "2026-01-01T10:00:00"),
        ("DECIMAL(5,2)", 1.234),
        ("DECIMAL(5,2)", "secret77"),
        ("DECIMAL(3,2)", 123456.5),
    ],
)  # fmt: skip
def test_a_sqlite_value_that_is_not_what_its_column_is_declared_to_be_is_told_by_column(
    tmp_path, monkeypatch, declared, value
):
    sqlite_shop(tmp_path, monkeypatch, f"CREATE TABLE t (x {declared})", rows=[(value,)])
    with pytest.raises(BadInputError, match=r"column 'x' holds a value that is no .*; cast it in a query") as told:
        open_dataset("sql://shop/t")
    assert "secret77" not in str(told.value)


def test_types_that_become_wider_in_later_rows_hold_the_earlier_ones(tmp_path, monkeypatch):
    ordered = [None] * BATCH_ROWS + [2] * BATCH_ROWS + [0.5]
    rows = [(number, value) for number, value in enumerate(ordered)]
    sqlite_shop(tmp_path, monkeypatch, "CREATE TABLE t (n INTEGER, x)", rows=rows)
    data = open_dataset("sql://shop/t")
    assert data.schema.types == [pa.int64(), pa.float64()]
    assert data.table().column("x").to_pylist() == ordered
    assert len(data.files) > 1
    assert data.only(data.files).rows == len(ordered)
    backwards = open_dataset("sql://shop?query=SELECT * FROM t ORDER BY n DESC")
    assert backwards.ref.fingerprint == data.ref.fingerprint


@pytest.mark.parametrize("late", ["secret77", 2**53 + 1])
def test_a_column_of_two_kinds_of_value_is_refused_by_name(tmp_path, monkeypatch, late):
    sqlite_shop(tmp_path, monkeypatch, "CREATE TABLE t (x)", rows=[(0.5,)] * BATCH_ROWS + [(late,)])
    with pytest.raises(BadInputError, match=r"sql://shop/t.*column 'x' is .*; cast it in a query") as told:
        open_dataset("sql://shop/t")
    assert "secret77" not in str(told.value)


def test_duckdb_types_come_as_those_of_datasets(tmp_path, monkeypatch):
    with duckdb.connect(str(tmp_path / "d.db")) as connection:
        connection.execute(
            "CREATE TABLE t AS SELECT TIMESTAMPTZ '2026-01-01 10:00:00+02' AS z, 'a'::ENUM('a', 'b') AS e, true AS b, "
            "1::HUGEINT AS h, uuid() AS u, NULL AS n, [1, 2] AS l, TIME '10:00' AS t"
        )
        connection.execute("CREATE TABLE i AS SELECT INTERVAL 1 DAY AS x")
    monkeypatch.setenv("MLOPS_DATABASE_SHOP", f"duckdb:///{tmp_path / 'd.db'}")
    data = open_dataset("sql://shop/t")
    kinds = [pa.timestamp("us", "UTC"), pa.string(), pa.bool_(), pa.decimal128(38, 0), pa.string()]
    assert data.schema.types[:5] == kinds
    assert data.table().to_pylist()[0]["z"] == dt.datetime(2026, 1, 1, 8, tzinfo=dt.UTC)
    with pytest.raises(
        BadInputError, match=r"column 'x' is of the type 'month_day_nano_interval', which no dataset has"
    ):
        open_dataset("sql://shop/i")


def test_nothing_of_the_rows_stays_when_the_process_is_killed(shop, tmp_path):
    folder = tmp_path / "scratch"
    folder.mkdir()
    code = (
        "import os, signal\n"
        "from airflow_mlops_provider.stores.datasets.dataset import open_dataset\n"
        "data = open_dataset('sql://shop/orders')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(folder)}, check=False)
    assert ended.returncode == -9
    assert list(folder.iterdir()) == []
