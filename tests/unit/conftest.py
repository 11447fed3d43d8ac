"""What tests of several rooms share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow store without anything in it; making one takes seconds, copying it none."""
    from airflow_mlops_provider.stores.models import ModelStore

    root = tmp_path_factory.mktemp("mlflow")
    ModelStore(evidence_root=str(root))
    return root / "mlflow.db"


@pytest.fixture
def mlops_root(tmp_path: Path, empty_mlflow: Path) -> str:
    """An evidence root with an MLflow store of its own, where jobs and ``ModelStore`` look for it by default."""
    root = tmp_path / "mlops"
    root.mkdir()
    shutil.copy(empty_mlflow, root / "mlflow.db")
    return str(root)
