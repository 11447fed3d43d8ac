"""DriftSensor waits for a version under DVC as for a file, and a fallback is told."""

from __future__ import annotations

import types

import numpy as np
import pandas as pd
import pytest

from airflow_mlops_provider.notifications.slack import MLOpsSlackNotifier
from airflow_mlops_provider.records.html_report import HtmlReport
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.sensors.drift import DriftSensor
from demo.services import SlackReceiver
from tests.builders.dvc_repository import DvcRepository

pytest.importorskip("dvc")


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path / "config"))
    return DvcRepository(tmp_path)


def rows(seed):
    return pd.DataFrame({"x": np.random.default_rng(seed).normal(size=1000)})


def context(run_id):
    ti = types.SimpleNamespace(dag_id="monitor", run_id=run_id, task_id="drift", map_index=-1, try_number=1)
    return {"ti": ti, "outlet_events": {}}


def test_a_version_is_waited_for_judged_once_and_its_fallback_told(repository, evidence_root, monkeypatch):
    def poke(run_id):
        op = DriftSensor(
            task_id="drift",
            reference=repository.uri("reference.parquet", rev="main"),
            current=repository.uri("batch.parquet"),
            evidence_root=evidence_root,
            html_report=HtmlReport.NEVER,
        )
        return op.poke(context(run_id))

    repository.commit({"reference.parquet": rows(0)}, tracked="reference.parquet")
    assert not poke("run 1")
    repository.commit({"latest/batch.parquet": rows(1)}, tracked="latest/batch.parquet", tag="last-stable")
    first = Outcome.from_json(poke("run 1").xcom_value)
    assert first.verdict.status is Status.PASS
    assert not poke("run 2")

    repository.commit({"latest/batch.parquet": rows(2)}, tracked="latest/batch.parquet", tag="last-stable")
    repository.commit({"latest/batch.parquet": rows(3)}, tracked="latest/batch.parquet", push=False)
    second = Outcome.from_json(poke("run 2").xcom_value)
    assert second.verdict.status is Status.NOTICE
    receiver = SlackReceiver()
    monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", receiver.connection)
    ti = types.SimpleNamespace(task_id="drift", map_index=-1, state="success")
    ti.xcom_pull = lambda *, task_ids, key, map_indexes: second.to_json() if key == "return_value" else None
    MLOpsSlackNotifier()({"ti": ti, "dag_run": types.SimpleNamespace(dag_id="monitor", run_id="run 2")})
    receiver.stop()
    [message] = receiver.messages
    assert message["text"].startswith("[WARNING] Older data were read in monitor.drift\n")
    assert "was never pushed" in message["text"]
    assert "read at the fallback revision last-stable" in message["text"]
