"""A model trained, judged and used on a table says what it says on a file with the same rows."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.builders.models_on_tables import COLUMNS, people, said_by_models


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    rows = people()
    with closing(sqlite3.connect(tmp_path / "shop.sqlite")) as base:
        base.execute(f"CREATE TABLE people ({COLUMNS})")
        base.executemany("INSERT INTO people VALUES (?, ?, ?, ?, ?)", [tuple(row.values()) for row in rows.to_pylist()])
        base.commit()
    monkeypatch.setenv("MLOPS_DATABASE_SHOP", f"sqlite:///{tmp_path / 'shop.sqlite'}")
    return "sql://shop/people"


def test_training_evaluation_slices_and_scores_are_those_of_a_file(table, tmp_path, empty_mlflow):
    pq.write_table(people(), tmp_path / "people.parquet")
    of_file = said_by_models(str(tmp_path / "people.parquet"), tmp_path / "file", empty_mlflow)
    of_table = said_by_models(table, tmp_path / "table", empty_mlflow)
    assert of_table == of_file
    assert len(of_table["scores"]) == 600
