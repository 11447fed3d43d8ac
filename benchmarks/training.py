"""The training Dag of this repository, run by Airflow in one process, against the same jobs in one plain script.

Both start as new processes with their databases there already, and do the same eight steps on the same rows; the
scheduler has no part in it. Under Airflow that includes importing it, parsing the Dags and keeping state and XCom.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.engines import Engine, Goal, at_most_times, measure, print_goals, print_table, run_one
from benchmarks.peers import REPOSITORY

PLAIN, AIRFLOW = "one plain script", "the Dag under Airflow"
BUNDLE = {"name": "mlops", "classpath": "airflow_mlops_provider.bundles.PackagedDagBundle", "kwargs": {}}


def environment(home: Path) -> dict[str, str]:
    """Where one engine keeps its databases, its evidence and its data."""
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps([BUNDLE]),
        "AIRFLOW__MLOPS__TRACKING_URI": f"sqlite:///{home}/mlflow.db",
        "AIRFLOW__MLOPS__EVIDENCE_ROOT": str(home / "evidence"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{home}/mlflow.db",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "WAGE_DATA": str(home / "wage"),
    }


def under_airflow(folder: str) -> float:
    os.environ.update(environment(Path(folder, "airflow")))
    started = time.perf_counter()
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db

    from airflow_mlops_provider.bundles import PackagedDagBundle

    bundle = PackagedDagBundle(name="mlops")
    bag = BundleDagBag(bundle.path, bundle_path=bundle.path, bundle_name="mlops")
    DagBundlesManager().sync_bundles_to_db()
    sync_bag_to_db(bag, "mlops", None)
    run = bag.dags["wage_train"].test()
    if run.state != "success":
        raise SystemExit(f"the Dag run is {run.state}")
    return time.perf_counter() - started


def plain_script(folder: str) -> float:
    home = Path(folder, "plain")
    os.environ.update(environment(home))
    os.chdir(home)
    sys.path.insert(0, str(REPOSITORY / "dags"))
    started = time.perf_counter()
    from models.wage_data import FIRST_YEARS, extract, latest, zone

    from airflow_mlops_provider import jobs
    from airflow_mlops_provider.stores.specs import read_model_spec

    model, suite = (str(REPOSITORY / "dags" / "models" / name) for name in ("wage.yaml", "wage_suite.json"))
    sensitive = list(read_model_spec(model).sensitive)

    def run(job: str, **spec: Any) -> Any:
        return jobs.run(job, spec | {"evidence_root": str(home / "evidence")}).to_json()

    def validated(name: str, *, held_out: bool) -> Any:
        landed = extract(zone("landing", f"{name}.parquet"), years=FIRST_YEARS, held_out=held_out)
        raw = run("ingest", source=landed, output_uri=zone("raw", name), interval_start="2026-01-01")
        places = {"clean_uri": latest("curated", name), "quarantine_uri": zone("quarantine", f"{name}.parquet")}
        return run("validate", dataset=raw, suite=suite, sensitive=sensitive, **places)

    rows, held_out = validated("first-train", held_out=False), validated("first-test", held_out=True)
    trained = run("train", model=model, dataset=rows)
    evaluated = run("evaluate", model=trained, dataset=held_out)
    sliced = run("bias", model=trained, dataset=held_out, slices=sensitive)
    card = run("card", model=trained, evidence=[rows, trained, evaluated, sliced])
    evidence = [rows, held_out, evaluated, sliced, card]
    run("promote", model=trained, evidence=evidence, policy={"tolerate_insufficient": ["bias"]})
    run("predict", model="models:/wage@champion", dataset=held_out, output_uri=latest("production", "scores"))
    return time.perf_counter() - started


ENGINES = (Engine(name=PLAIN, run=plain_script), Engine(name=AIRFLOW, run=under_airflow))


def main(_arguments: list[str]) -> list[Goal]:
    """Print the table; returns the goals."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("airflow", "plain"):
            Path(folder, name).mkdir()
        airflow = Path(sys.executable).with_name("airflow")
        settings = os.environ | environment(Path(folder, "airflow"))
        subprocess.run([airflow, "db", "migrate"], check=True, capture_output=True, env=settings)
        measure("training", ENGINES, Path(folder), turns=1)  # makes MLflow's database, and trains the first champion
        medians, failed = measure("training", ENGINES, Path(folder), turns=3)
    what, order = "a whole training run under Airflow", [engine.name for engine in ENGINES]
    if PLAIN in medians:
        print_table(what.capitalize(), medians, failed, floor=PLAIN, order=order)
    else:
        print(failed)
    return [at_most_times(what, medians, AIRFLOW, PLAIN, 1.5, of="the same steps in one plain script")]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--engine"]:
        run_one(ENGINES, sys.argv[1:])
    print_goals(main(sys.argv[1:]))
