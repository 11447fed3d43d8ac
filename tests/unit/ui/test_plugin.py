from __future__ import annotations

import subprocess
import sys
import textwrap
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from airflow_mlops_provider.ui.plugin import MLOpsApp, MLOpsPlugin

REPOSITORY = Path(__file__).resolve().parents[3]


def test_the_entry_point_is_the_plugin() -> None:
    [point] = [point for point in entry_points(group="airflow.plugins") if point.name == "mlops"]
    assert point.load() is MLOpsPlugin


def test_the_page_has_one_entry_in_the_navigation() -> None:
    [view] = MLOpsPlugin.external_views
    assert (view["name"], view["destination"], view["url_route"]) == ("MLOps", "nav", "mlops")
    assert view["href"] == "mlops/"


def test_importing_the_plugin_loads_neither_the_application_nor_anything_heavy() -> None:
    code = textwrap.dedent(
        """
        import sys
        import airflow.plugins_manager
        before = set(sys.modules)
        import airflow_mlops_provider.ui.plugin
        print(" ".join(set(sys.modules) - before))
        """
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ours = {"airflow_mlops_provider", "airflow_mlops_provider.ui", "airflow_mlops_provider.ui.plugin"}
    assert set(done.stdout.splitlines()[-1].split()) <= ours


def test_the_application_of_the_api_server_loads_no_data_library() -> None:
    heavy = ("numpy", "pandas", "pyarrow", "duckdb", "mlflow", "sklearn", "scipy", "evidently", "great_expectations")
    code = f"""
import sys
import airflow.api_fastapi.core_api.security
before = set(sys.modules)
from airflow_mlops_provider.ui.app import create_app
create_app()
print([name for name in {heavy!r} if name in set(sys.modules) - before])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_broken_page_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    app = FastAPI()
    app.mount("/mlops", MLOpsApp())
    app.get("/alive")(lambda: "yes")
    monkeypatch.setitem(sys.modules, "airflow_mlops_provider.ui.app", None)  # what a failing import leaves behind
    client = TestClient(app, raise_server_exceptions=False)
    assert client.get("/mlops/").status_code == 500
    assert client.get("/alive").json() == "yes"


@pytest.mark.parametrize("installed", [True, False])
def test_the_file_for_the_plugins_folder_registers_only_without_the_entry_point(
    installed: bool, tmp_path: Path
) -> None:
    hidden = "" if installed else "import importlib.metadata; importlib.metadata.entry_points = lambda **_: ()"
    code = f"""
import runpy
{hidden}
found = runpy.run_path({str(REPOSITORY / "plugins" / "mlops_plugin.py")!r})
print("MLOpsPlugin" in found)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == str(not installed)
