"""Airflow's home must be set before Airflow is first imported, and every worker of a parallel run needs its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

# A law is broken by an example, not by a busy machine.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

HOME = Path(tempfile.mkdtemp(prefix="airflow-test-"))
for name in [name for name in os.environ if name.startswith(("AIRFLOW_", "MLFLOW_"))]:
    del os.environ[name]
os.environ.update(
    {
        "AIRFLOW_HOME": str(HOME),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__API__BASE_URL": "http://airflow.example",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(
            [{"name": "mlops", "classpath": "airflow_mlops_provider.bundles.PackagedDagBundle", "kwargs": {}}]
        ),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "WAGE_DATA": str(HOME / "wage"),
    }
)

GLUE = {
    "operators",
    "sensors",
    "hooks",
    "notifications",
    "runners",
    "tasks",
    "triggers",
    "ui",
    "contract",
    "architecture",
}
INTEGRATION = {"integration"}
SERVICES = {"services"}
REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by the folder it lies in, so that a tier is a folder and never forgotten."""
    for item in items:
        folders = set(item.path.relative_to(REPOSITORY).parts)
        if folders & INTEGRATION:
            item.add_marker(pytest.mark.integration)
        elif folders & SERVICES:
            item.add_marker(pytest.mark.services)
        elif folders & GLUE:
            item.add_marker(pytest.mark.glue)
        if (folders & GLUE and "architecture" not in folders) or item.get_closest_marker("floor_too"):
            item.add_marker(pytest.mark.floor)


@pytest.fixture(scope="session")
def airflow_db() -> Path:
    """A migrated Airflow database on SQLite; the path is Airflow's home."""
    airflow = Path(sys.executable).with_name("airflow")
    subprocess.run([airflow, "db", "migrate"], check=True, capture_output=True)
    return HOME


@pytest.fixture(scope="session")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow store without anything in it; making one takes seconds, copying it none."""
    from airflow_mlops_provider.stores.models import ModelStore

    root = tmp_path_factory.mktemp("mlflow")
    ModelStore(evidence_root=str(root))
    return root / "mlflow.db"


@pytest.fixture
def evidence_root(tmp_path: Path) -> str:
    """An empty evidence root."""
    return str(tmp_path / "mlops")


def load_reference_dags():
    """The Dag bag of the packaged bundle, parsed anew, on any supported Airflow."""
    from airflow_mlops_provider.bundles import PackagedDagBundle

    bundle = PackagedDagBundle(name="mlops")
    try:
        from airflow.dag_processing.dagbag import BundleDagBag
    except ImportError:  # Airflow 3.1, where the caller puts the bundle on the path
        from airflow.models.dagbag import DagBag

        if str(bundle.path) not in sys.path:
            sys.path.append(str(bundle.path))
        return DagBag(bundle.path, include_examples=False, bundle_path=bundle.path)
    return BundleDagBag(bundle.path, bundle_path=bundle.path, bundle_name="mlops")


@pytest.fixture(scope="session")
def reference_dags(airflow_db):
    """A function that parses the reference Dags anew and returns their bag."""
    return load_reference_dags
