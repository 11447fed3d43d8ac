"""What is looked at from inside an environment; the last line of output is the result as JSON.

Runs with the environment's own Python, far from the checkout: only what the wheel brought is there.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
import traceback
from pathlib import Path


def look_at_provider() -> None:
    """Every module that the provider's metadata names is there."""
    from airflow.providers_manager import ProvidersManager

    manager = ProvidersManager()
    assert "airflow-mlops-provider" in manager.providers
    assert "mlflow" in manager.hooks
    assert manager.hooks["mlflow"] is not None


def look_at_plugin() -> None:
    """The plugin loads, and so does the application that it mounts."""
    from airflow import plugins_manager

    plugins_manager.ensure_plugins_loaded()
    # Airflow 3.1 keeps them in a variable of the module.
    found = plugins_manager.import_errors if hasattr(plugins_manager, "import_errors") else None
    errors = plugins_manager.get_import_errors() if found is None else found
    assert not errors, errors
    from airflow_mlops_provider.ui.app import create_app

    assert create_app().routes


def look_at_bundle() -> None:
    """The reference Dags lie inside the wheel and parse without any of the ML libraries."""
    from airflow_mlops_provider.bundles import PackagedDagBundle

    bundle = PackagedDagBundle(name="mlops")
    assert "site-packages" in str(bundle.path)
    bag = dag_bag(bundle.path)
    assert len(bag.dags) >= 5, sorted(bag.dags)


def dag_bag(folder: Path):
    """The Dags of a folder, none of which fails to parse."""
    try:
        from airflow.dag_processing.dagbag import BundleDagBag

        bag = BundleDagBag(folder, bundle_path=folder, bundle_name="mlops")
    except ImportError:  # Airflow 3.1
        from airflow.models.dagbag import DagBag

        sys.path.append(str(folder))
        bag = DagBag(folder, include_examples=False, bundle_path=folder)
    assert bag.import_errors == {}, bag.import_errors
    return bag


def run_dag(extra: str, folder: Path) -> None:
    """Run the Dag that needs this extra alone, or the base package's own."""
    name = f"with_{extra}" if (folder / f"with_{extra}.py").exists() else "with_nothing"
    bag = dag_bag(folder / f"{name}.py")
    sync(bag)
    run = bag.dags[name].test()
    state = str(getattr(run.state, "value", run.state))
    assert state == "success", {task.task_id: str(task.state) for task in run.get_task_instances()}


def sync(bag) -> None:
    """Tell the database of the Dags, as a Dag processor would."""
    import os

    from airflow.dag_processing.bundles.manager import DagBundlesManager

    try:
        from airflow.dag_processing.dagbag import sync_bag_to_db
    except ImportError:  # Airflow 3.1
        from airflow.models.dagbag import sync_bag_to_db

    assert "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST" in os.environ
    DagBundlesManager().sync_bundles_to_db()
    sync_bag_to_db(bag, "mlops", None)


def main() -> None:
    extra, folder = sys.argv[1], Path(sys.argv[2])
    steps, failure = [], ""
    looks = {
        "provider's modules": look_at_provider,
        "page": look_at_plugin,
        "bundle": look_at_bundle,
        "Dag": lambda: run_dag(extra, folder),
    }
    for name, look in looks.items():
        try:
            look()
        except Exception:  # noqa: BLE001  # whatever it is, it is the result
            failure = f"{name}: {traceback.format_exc()}"
            break
        steps.append(name)
    packages = len(list(importlib.metadata.distributions()))
    print(f"\n{json.dumps({'steps': steps, 'failure': failure, 'packages': packages})}")


if __name__ == "__main__":
    main()
