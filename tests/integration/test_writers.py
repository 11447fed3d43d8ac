"""A verdict names the task or asset that last wrote the data, as real Dag runs know it."""

from __future__ import annotations

import functools
import textwrap

import pytest

from airflow_mlops_provider.decisions.alerts import alert_of_outcome
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.evidence.store import read_evidence

pytestmark = [
    pytest.mark.floor_too,
    # dag.test() runs Airflow itself in this process, whose warnings are not ours to answer.
    pytest.mark.filterwarnings("ignore"),
]

DAGS = """
from pathlib import Path

import pandas as pd
from airflow.sdk import Asset, dag, task

from airflow_mlops_provider.decisions.validation import ValidationPolicy
from airflow_mlops_provider.operators.validation import DataValidationOperator
from airflow_mlops_provider.sensors.drift import DriftSensor

HERE = Path({folder!r})
HOURS = Asset(name="hours", uri=(HERE / "assets").as_uri())
SUITE = {{
    "name": "s",
    "expectations": [
        {{"type": "expect_column_values_to_be_between", "kwargs": {{"column": "hours", "min_value": 0}}}},
        {{"type": "expect_column_to_exist", "kwargs": {{"column": "hours"}}}},
    ],
}}


def frame(start):
    # Not in order: what rises from row to row is a key, and not compared.
    return pd.DataFrame({{"hours": [float(start + 7 * row % 400) for row in range(400)]}})


def write(name, start):
    (HERE / name).parent.mkdir(exist_ok=True)
    frame(start).to_parquet(HERE / name)
    return str(HERE / name)


@dag(schedule=None)
def chained():
    @task
    def land():
        return write("batch.parquet", -3)

    validate = DataValidationOperator(
        task_id="validate",
        dataset=land(),
        suite=SUITE,
        clean_uri=str(HERE / "clean.parquet"),
        quarantine_uri=str(HERE / "aside.parquet"),
        policy=ValidationPolicy(max_quarantine_share=0.5),
        evidence_root=str(HERE / "mlops"),
    )
    DriftSensor(
        task_id="drift",
        reference=str(HERE / "far.parquet"),
        current=validate.output,
        evidence_root=str(HERE / "mlops"),
    )


@dag(schedule=None)
def producer():
    @task(outlets=[HOURS])
    def load():
        write("assets/day.parquet", 0)

    load()


@dag(schedule=[HOURS])
def consumer():
    DriftSensor(
        task_id="drift",
        reference=str(HERE / "far.parquet"),
        current=str(HERE / "assets" / "day.parquet"),
        inlets=[HOURS],
        evidence_root=str(HERE / "mlops"),
    )


@dag(schedule=None)
def alone():
    DriftSensor(
        task_id="unknown",
        reference=str(HERE / "far.parquet"),
        current=str(HERE / "reference.parquet"),
        evidence_root=str(HERE / "mlops"),
    )


frame(0).to_parquet(HERE / "reference.parquet")
frame(1000).to_parquet(HERE / "far.parquet")
chained()
producer()
consumer()
alone()
"""


@pytest.fixture(scope="module")
def run(airflow_db, tmp_path_factory):
    """Run one of the Dags above and give its Outcomes by task."""
    folder = tmp_path_factory.mktemp("writers")
    (folder / "dags").mkdir()
    (folder / "dags" / "writers.py").write_text(textwrap.dedent(DAGS.format(folder=str(folder))))
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    try:
        from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    except ImportError:  # Airflow 3.1
        from airflow.models.dagbag import DagBag, sync_bag_to_db
    bag = DagBag(folder / "dags")
    assert bag.import_errors == {}
    DagBundlesManager().sync_bundles_to_db()
    sync_bag_to_db(bag, "mlops", None)

    @functools.cache  # a second run would wait for another batch
    def go(dag_id):
        done = bag.dags[dag_id].test()
        assert str(getattr(done.state, "value", done.state)) == "success"
        tasks = done.get_task_instances()
        found = {ti.task_id: ti.xcom_pull(task_ids=ti.task_id, key="return_value") for ti in tasks}
        links = {ti.task_id: ti.xcom_pull(task_ids=ti.task_id, key="_link_ReportLink") for ti in tasks}
        return done.run_id, found | {"links": links}

    return go


def test_a_drift_verdict_names_the_tasks_of_its_run_that_wrote_the_batch(run):
    run_id, found = run("chained")
    drift, validation = Outcome.from_json(found["drift"]), Outcome.from_json(found["validate"])
    assert drift.verdict.status is Status.FAIL
    told = f"data last written by chained.validate, before that by chained.land (run {run_id})"
    assert told in drift.verdict.findings[0].detail
    assert f"data last written by chained.land (run {run_id})" in validation.verdict.findings[0].detail
    assert [writer["task_id"] for writer in read_evidence(drift.evidence_uri).details["written_by"]] == [
        "validate",
        "land",
    ]
    assert told in alert_of_outcome(drift, where="chained.drift", links={}).lines[1]


def test_airflow_keeps_the_links_of_both_tasks_to_their_reports(run):
    _, found = run("chained")
    assert found["links"]["validate"].endswith("&name=report.html")
    assert found["links"]["drift"].endswith("&name=evidently.html")
    assert found["links"]["land"] is None


def test_a_drift_verdict_names_the_asset_and_the_task_that_updated_it(run):
    run_id, _ = run("producer")
    _, found = run("consumer")
    drift = Outcome.from_json(found["drift"])
    assert f"data last written by asset hours by producer.load (run {run_id})" in drift.verdict.findings[0].detail
    [writer] = read_evidence(drift.evidence_uri).details["written_by"]
    assert writer == {"dag_id": "producer", "task_id": "load", "run_id": run_id, "asset": "hours"}


def test_a_batch_of_which_nobody_knows_is_said_to_be_written_by_nobody(run):
    _, found = run("alone")
    unknown = Outcome.from_json(found["unknown"])
    assert "written by" not in unknown.verdict.findings[0].detail
    assert "written_by" not in read_evidence(unknown.evidence_uri).details
