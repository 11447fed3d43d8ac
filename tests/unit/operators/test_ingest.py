"""A source is taken over as a task, once for each data interval."""

from __future__ import annotations

import types
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_mlops_provider.airflow_versions import AirflowFailException
from airflow_mlops_provider.operators.ingest import IngestOperator
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.stores.datasets.dataset import open_dataset


def context(day: int):
    task = types.SimpleNamespace(
        dag_id="d", run_id="r", task_id="ingest", map_index=-1, try_number=1, xcom_push=lambda **_: None
    )
    return {"ti": task, "data_interval_start": datetime(2026, 11, day, tzinfo=UTC)}


@pytest.fixture
def ingest(tmp_path, evidence_root):
    source, raw = tmp_path / "in.parquet", tmp_path / "raw"

    def do(count: int, day: int, **keys):
        pq.write_table(pa.table({"nr": list(range(count))}), source)
        operator = IngestOperator(
            task_id="ingest", source=str(source), output_uri=str(raw), evidence_root=evidence_root, **keys
        )
        return operator.execute(context(day))

    return do


def test_the_outcome_is_the_snapshot_of_the_runs_interval(ingest):
    outcome = Outcome.from_json(ingest(10, 29))
    assert outcome.kind is Kind.INGEST
    assert outcome.dataset.uri.endswith("/raw/20261129T000000.000000Z.snapshot")


def test_a_cleared_task_hands_on_the_same_snapshot(ingest):
    assert ingest(10, 29)["dataset"] == ingest(99, 29)["dataset"]


def test_a_snapshot_that_is_not_published_fails_the_task_without_a_retry(ingest, tmp_path):
    ingest(100, 29)
    with pytest.raises(AirflowFailException, match="the snapshot is not published"):
        ingest(3, 30)
    assert open_dataset(str(tmp_path / "raw" / "latest.snapshot")).rows == 100


def test_an_interval_may_be_named_in_place_of_the_runs(ingest):
    assert "/raw/20200101T000000.000000Z" in ingest(10, 29, interval_start="2020-01-01")["dataset"]["uri"]
