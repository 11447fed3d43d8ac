"""One suite, one contract and one drift policy say the same of the same rows, wherever they lie."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings

from tests.builders.agreement import REFERENCE, ROWS, said_of
from tests.builders.logged_tables import logged_tables
from tests.builders.tables import duckdb_orders, order_files, orders, sqlite_orders


@given(rows=ROWS)
@settings(max_examples=8)
def test_files_and_tables_get_the_same_verdicts_findings_and_quarantined_rows(rows):
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder, table = Path(name), orders(rows)
        patch.setenv("MLOPS_DATABASE_LITE", sqlite_orders(folder / "orders.db", table))
        patch.setenv("MLOPS_DATABASE_DUCK", duckdb_orders(folder / "orders.duckdb", table))
        pq.write_table(REFERENCE, folder / "reference.parquet")
        datasets = order_files(folder, table)
        datasets |= {name: {"conn_id": name, "table": "orders"} for name in ("lite", "duck")}
        datasets |= logged_tables(folder, table)
        said = {name: said_of(dataset, folder / "reference.parquet", folder) for name, dataset in datasets.items()}
        assert said["csv"] == said["parquet"]
        assert said["lite"] == said["parquet"]
        assert said["duck"] == said["parquet"]
        assert said["delta"] == said["parquet"]
        assert said["iceberg"] == said["parquet"]
