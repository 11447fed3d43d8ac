"""The reference Dags load through the bundle, without an import error, and the same way every time."""

from __future__ import annotations

import json

import pytest

DAGS = {"wage_train", "wage_partitions", "wage_monitor", "wage_retrain", "wage_purge", "wage_rollback"}


def _serialized(dag) -> str:
    try:
        from airflow.serialization.serialized_objects import DagSerialization
    except ImportError:  # Airflow 3.1
        from airflow.serialization.serialized_objects import SerializedDAG as DagSerialization

    return json.dumps(DagSerialization.to_dict(dag), sort_keys=True, default=str)


@pytest.fixture(scope="module")
def bag(reference_dags):
    return reference_dags()


def test_every_reference_dag_loads_without_an_error(bag):
    assert bag.import_errors == {}
    assert set(bag.dags) == DAGS


def test_parsing_twice_gives_the_same_dag(bag, reference_dags):
    again = reference_dags()
    for dag_id in DAGS:
        assert _serialized(bag.dags[dag_id]) == _serialized(again.dags[dag_id])


def test_every_task_retries_with_growing_pauses_and_tells_slack_when_it_fails(bag):
    for dag in bag.dags.values():
        for task in dag.tasks:
            assert task.retries >= 1
            assert task.retry_exponential_backoff
            assert task.on_failure_callback


def test_the_retraining_dag_is_scheduled_by_the_drift_asset(bag):
    assert "wage_drift" in _serialized(bag.dags["wage_retrain"])
    assert bag.dags["wage_retrain"].max_active_runs == 1


def test_the_drift_sensor_has_an_alias_and_no_asset_as_its_outlet(bag):
    outlets = bag.dags["wage_monitor"].get_task("drift").outlets
    assert [type(outlet).__name__ for outlet in outlets] == ["AssetAlias"]
