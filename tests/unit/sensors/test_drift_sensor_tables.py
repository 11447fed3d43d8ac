"""DriftSensor on a table: waits until it has rows, judges them once, and asks its Connection for the way there."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import types

import pyarrow.parquet as pq
import pytest
from airflow.sdk.execution_time.context import OutletEventAccessors

from airflow_mlops_provider.airflow_versions import AirflowFailException, TaskDeferred
from airflow_mlops_provider.records.html_report import HtmlReport
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.policies.drift import DriftPolicy
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.sensors.drift import DriftSensor
from airflow_mlops_provider.triggers.datasets import DatasetTrigger
from tests.builders.agreement import REFERENCE
from tests.builders.tables import sqlite_orders


@pytest.fixture
def sensor(tmp_path, monkeypatch, evidence_root):
    path = tmp_path / "orders.db"
    sqlite_orders(path, REFERENCE)
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    pq.write_table(REFERENCE, tmp_path / "reference.parquet")

    def make(current, **more):
        return DriftSensor(
            task_id="drift",
            reference=str(tmp_path / "reference.parquet"),
            current=current,
            policy=DriftPolicy(min_rows=5),
            evidence_root=evidence_root,
            **{"html_report": HtmlReport.NEVER, **more},
        )

    return make


def context(run_id="run1"):
    ti = types.SimpleNamespace(dag_id="monitor", run_id=run_id, task_id="drift", map_index=-1, try_number=1)
    return {"ti": ti, "outlet_events": OutletEventAccessors()}


def test_a_table_with_rows_is_judged_and_its_secret_is_gone_afterwards(sensor):
    outcome = Outcome.from_json(sensor({"conn_id": "shop", "table": "orders"}).execute(context()))
    assert outcome.verdict.status is Status.PASS
    assert (outcome.dataset.uri, outcome.dataset.identified_by) == ("sql://shop/orders", "rows")
    assert "MLOPS_DATABASE_SHOP" not in os.environ


def test_rows_that_are_not_there_yet_are_waited_for(sensor, tmp_path):
    op = sensor("sql://shop/orders?where=id > 80")
    assert not op.poke(context())
    with sqlite3.connect(tmp_path / "orders.db") as connection:
        connection.execute("UPDATE orders SET id = id + 80")
    connection.close()
    assert op.poke(context())


def test_a_deferred_sensor_is_woken_to_look_itself(sensor):
    with pytest.raises(TaskDeferred) as deferred:
        sensor("sql://shop/orders?where=id > 80", deferrable=True).execute(context())
    trigger = deferred.value.trigger
    assert "sql://shop/orders" in trigger.uri
    trigger = DatasetTrigger(uri=trigger.uri, seen=None, poll_seconds=0)
    trigger.poll_seconds = 0.0

    async def first():
        return await anext(trigger.run())

    assert asyncio.run(first()).payload == {"stamp": None}


def test_a_table_that_does_not_exist_fails_the_sensor(sensor):
    with pytest.raises(AirflowFailException, match="no such table: nope"):
        sensor("sql://shop/nope").execute(context())


def test_a_second_run_of_a_schedule_waits_for_other_rows(sensor):
    op = sensor("sql://shop/orders")
    assert op.poke(context("run1"))
    assert not op.poke(context("run2"))
