"""Worlds for decisions, on disk and on S3."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_mlops_provider.stores.models import ModelStore
from tests.builders.world import World, new_world


@pytest.fixture
def world(tmp_path: Path, empty_mlflow: Path) -> World:
    return new_world(tmp_path / "mlops", empty_mlflow)


@pytest.fixture
def world_on_s3(s3_root: str, tmp_path: Path, empty_mlflow: Path) -> World:
    """Evidence and decisions on S3, MLflow on SQLite."""
    shutil.copy(empty_mlflow, tmp_path / "mlflow.db")
    return World(root=s3_root, models=ModelStore(f"sqlite:///{tmp_path / 'mlflow.db'}"))


@pytest.fixture
def old_on_disk(world: World) -> World:
    """Four champions, whose evidence lies in files that a test may tamper with."""
    world.champions_of_one_artifact(4)
    return world


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory, empty_mlflow: Path) -> World:
    """Three champions and one rollback; made once."""
    world = new_world(tmp_path_factory.mktemp("history") / "mlops", empty_mlflow)
    world.champions(3)
    world.rollback()
    return world


@pytest.fixture
def decided(history: World, tmp_path: Path) -> Iterator[World]:
    """The history, whose files may be tampered with: they are put back afterwards."""
    kept = tmp_path / "kept"
    shutil.copytree(history.root, kept, ignore=shutil.ignore_patterns("mlflow.db*"))
    yield history
    for path in [path for path in history.root.rglob("*") if path.is_file() and "mlflow.db" not in path.name]:
        path.unlink()
    shutil.copytree(kept, history.root, dirs_exist_ok=True)
