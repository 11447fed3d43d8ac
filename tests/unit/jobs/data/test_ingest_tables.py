"""Increments of a table: its database hands over what may be new, and no row is lost or taken twice."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.jobs import run
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.datasets.snapshots import SnapshotFolder

WATERMARKS = {
    "INTEGER": st.integers(-5, 5),
    "DOUBLE": st.sampled_from([-1.5, 0.1, 0.1 + 0.2, 0.3, 1e20]),
    "DATE": st.dates().map(str).filter(lambda day: day > "1000"),
    "TIMESTAMP": st.sampled_from(
        ["2026-01-01 10:00:00", "2026-01-01 10:00:00.000001", "2026-01-01 10:00:00.5", "1999-12-31 23:59:59.999999"]
    ),
    "VARCHAR": st.sampled_from(["a", "B", "b", "é", "a ", "it's", "z\\", ""]),
}


class Shop:
    """A table of a database that is a file."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self.place = kind, folder / f"shop.{kind}"
        self.address = f"{kind}:///{self.place}"

    def execute(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.place) if self.kind == "sqlite" else duckdb.connect(str(self.place))) as base:
            for statement in statements:
                base.execute(statement)
            base.commit()

    def make(self, kind: str) -> None:
        self.execute("DROP TABLE IF EXISTS orders", f"CREATE TABLE orders (nr INTEGER, moved {kind})")

    def add(self, rows: list[tuple[int, object]]) -> None:
        values = ", ".join(f"({nr}, {self.literal(at)})" for nr, at in rows)
        self.execute(*([f"INSERT INTO orders VALUES {values}"] if rows else []))  # made above

    def literal(self, value: object) -> str:
        return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)


@pytest.fixture(params=["sqlite", "duckdb"])
def shop(request, tmp_path, monkeypatch):
    found = Shop(request.param, tmp_path)
    monkeypatch.setenv("MLOPS_DATABASE_SHOP", found.address)
    return found


def ingest(folder: Path, day: int, source: str = "sql://shop/orders", **keys):
    spec = {"source": source, "output_uri": str(folder / "raw"), "interval_start": f"2026-01-{day:02d}"}
    policy = {"max_row_change": None, "min_rows": 0}
    where = {"evidence_root": str(folder / "mlops")}
    return run("ingest", {**spec, "watermark_column": "moved", "policy": policy, **where, **keys})


def handed_over(folder: Path) -> list[int]:
    snapshots = SnapshotFolder(str(folder / "raw"))
    return [snapshots.get(name).source.rows for name in snapshots.names()]


def test_the_database_hands_over_the_rows_from_the_watermark_on(shop, tmp_path):
    shop.make("INTEGER")
    shop.add([(nr, nr) for nr in range(1000)])
    ingest(tmp_path, 1)
    shop.add([(nr, nr) for nr in range(1000, 1010)])
    outcome = ingest(tmp_path, 2)
    assert outcome.verdict.summary == "10 rows taken over (1,010 in all)"
    assert handed_over(tmp_path) == [1000, 11]


def test_a_condition_of_the_users_own_holds_as_well(shop, tmp_path):
    shop.make("INTEGER")
    shop.add([(nr % 2, nr) for nr in range(100)])
    source = "sql://shop/orders?where=nr = 1 OR nr = 7"
    ingest(tmp_path, 1, source)
    shop.add([(nr % 2, nr) for nr in range(100, 110)])
    assert ingest(tmp_path, 2, source).verdict.summary == "5 rows taken over (55 in all)"


def test_a_row_without_a_watermark_is_refused_also_when_only_new_rows_are_read(shop, tmp_path):
    shop.make("INTEGER")
    shop.add([(1, 1)])
    ingest(tmp_path, 1)
    shop.execute("INSERT INTO orders VALUES (2, NULL)")
    with pytest.raises(BadInputError, match="rows without a value in 'moved'"):
        ingest(tmp_path, 2)


@pytest.mark.parametrize("kind", WATERMARKS)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_table_and_a_file_of_its_rows_give_the_same_increments(shop, kind, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("agree")
    drawn = data.draw(st.lists(WATERMARKS[kind], min_size=1, max_size=6))
    more = data.draw(st.lists(WATERMARKS[kind], max_size=6))
    shop.make(kind)
    found = {}
    for day, values in enumerate((drawn, more), start=1):
        shop.add([(10 * day + nr, value) for nr, value in enumerate(values)])
        whole = folder / f"{day}.parquet"
        pq.write_table(open_dataset("sql://shop/orders").table(), whole)
        for name, source in (("table", "sql://shop/orders"), ("file", str(whole))):
            (folder / name).mkdir(exist_ok=True)
            found[name] = ingest(folder / name, day, source, key_columns=["nr"]).dataset
    assert open_dataset(found["table"]).table() == open_dataset(found["file"]).table()
