"""A model trained, judged and used on a table of PostgreSQL and MariaDB says what it says on a file."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import psycopg2
import pyarrow.parquet as pq
import pytest

from deployment.servers import MariaDB, Postgres
from tests.builders.models_on_tables import COLUMNS, people, said_by_models


@pytest.fixture(scope="module")
def of_file(tmp_path_factory: pytest.TempPathFactory, empty_mlflow: Path) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("file")
    pq.write_table(people(), folder / "people.parquet")
    return said_by_models(str(folder / "people.parquet"), folder / "work", empty_mlflow)


@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_training_evaluation_slices_and_scores_are_those_of_a_file(
    kind, request, of_file, tmp_path, empty_mlflow, monkeypatch
):
    server: Postgres | MariaDB = request.getfixturevalue(kind)
    name = f"models{uuid.uuid4().hex}"
    address = server.create_database(name).replace("+psycopg2", "")
    connection = psycopg2.connect(address) if isinstance(server, Postgres) else server.connect(name)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE people ({COLUMNS})")
        rows = [tuple(row.values()) for row in people().to_pylist()]
        cursor.executemany("INSERT INTO people VALUES (%s, %s, %s, %s, %s)", rows)
    connection.commit()
    connection.close()
    monkeypatch.setenv("MLOPS_DATABASE_SHOP", address)
    assert said_by_models("sql://shop/people", tmp_path / "table", empty_mlflow) == of_file
