"""Which runs wait past a batch that another run was given."""

from __future__ import annotations

import types

import pytest

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.tasks.drift_watch import expects_another, watch_over

URI = "batches/latest.parquet"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("scheduled", True),
        ("manual", False),
        ("asset_triggered", False),
        ("backfill", False),
        ("operator_triggered", False),
    ],
)
def test_runs_of_a_schedule_alone_are_to_have_a_batch_of_their_own(kind, expected):
    context = {"dag_run": types.SimpleNamespace(run_type=kind)}
    assert expects_another(URI, tasks=(), context=context) is expected


def test_a_batch_that_a_task_of_the_run_handed_over_is_waited_past_by_nobody():
    assert not expects_another(URI, tasks=("land",), context={})
    assert not expects_another({"uri": URI, "fingerprint": "sha256:1"}, tasks=(), context={})


def test_a_watch_is_of_one_try_of_a_task(evidence_root):
    ti = types.SimpleNamespace(dag_id="d", run_id="r", task_id="t", map_index=2, try_number=3)
    watch = watch_over(URI, evidence_root=evidence_root, context={"ti": ti})
    assert (watch.uri, watch.run_key, watch.attempt) == (URI, "d/r/t/2", "3")


def test_a_batch_that_is_no_dataset_is_refused_by_name(evidence_root):
    ti = types.SimpleNamespace(dag_id="d", run_id="r", task_id="t", map_index=-1, try_number=1)
    with pytest.raises(BadInputError, match="dataset"):
        watch_over(7, evidence_root=evidence_root, context={"ti": ti})
