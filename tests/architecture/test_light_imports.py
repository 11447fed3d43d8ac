"""What a Dag file imports is imported again by every task: it must stay light."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys

import pytest

import airflow_mlops_provider.notifications
import airflow_mlops_provider.operators
import airflow_mlops_provider.sensors

HEAVY = {
    "boto3",
    "duckdb",
    "evidently",
    "great_expectations",
    "kubernetes",
    "mlflow",
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
    "sklearn",
}


def _modules() -> list[str]:
    rooms = (airflow_mlops_provider.operators, airflow_mlops_provider.sensors, airflow_mlops_provider.notifications)
    return [
        module.name for room in rooms for module in pkgutil.walk_packages(room.__path__, prefix=f"{room.__name__}.")
    ]


def _loaded_after(statements: str) -> set[str]:
    code = f"import sys, json\n{statements}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


@pytest.mark.parametrize("module", _modules())
def test_importing_what_a_dag_imports_loads_no_heavy_module(module):
    # Airflow itself may load some of these; only what this package adds is held against it.
    allowed = _loaded_after("import airflow.sdk; from airflow.configuration import conf; airflow.sdk.BaseOperator")
    assert not (_loaded_after(f"import {module}") & HEAVY) - allowed


def test_the_five_names_of_the_package_load_no_heavy_module():
    names = "BiasSliceOperator, DataValidationOperator, DriftSensor, PromoteModelOperator, TrainOperator"
    assert not _loaded_after(f"from airflow_mlops_provider import {names}") & HEAVY


def test_importing_the_package_alone_does_not_import_airflow():
    assert "airflow" not in _loaded_after("import airflow_mlops_provider")


def test_the_job_frame_runs_without_airflow():
    assert "airflow" not in _loaded_after("import airflow_mlops_provider.jobs.__main__")


def test_importing_the_page_loads_neither_a_plotting_library_nor_pandas():
    drawing = {"altair", "bokeh", "matplotlib", "plotly", "vl_convert", "pandas"}
    page = "import airflow_mlops_provider.ui.plugin, airflow_mlops_provider.ui.app as app; app.create_app()"
    assert not _loaded_after(page) & drawing
