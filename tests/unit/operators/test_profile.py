"""A folder is profiled as a task, and the profile stands for its rows."""

from __future__ import annotations

import types

import numpy as np
import pyarrow as pa
import pytest

from airflow_mlops_provider.airflow_versions import AirflowFailException
from airflow_mlops_provider.operators.profile import ProfileOperator
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.datasets.writing import write_dataset

CONTEXT = {"ti": types.SimpleNamespace(dag_id="d", run_id="r", task_id="profile", map_index=-1, try_number=1)}


@pytest.fixture
def rows(tmp_path):
    path = str(tmp_path / "in.parquet")
    write_dataset(pa.table({"x": np.random.default_rng(0).normal(size=500), "wage": np.arange(500.0)}), path)
    return path


def profile(rows, root, **keys):
    return ProfileOperator(task_id="profile", dataset=rows, evidence_root=root, **keys).execute(CONTEXT)


def test_the_outcome_points_at_the_profile(rows, evidence_root, tmp_path):
    kept = str(tmp_path / "in.profile")
    outcome = Outcome.from_json(profile(rows, evidence_root, output_uri=kept, sensitive=["wage"]))
    assert (outcome.kind, outcome.verdict.status) == (Kind.PROFILE, Status.PASS)
    assert (outcome.dataset.uri, outcome.dataset.rows) == (kept, 500)
    assert "in 1 column" in outcome.verdict.summary


def test_a_file_of_another_name_fails_the_task_without_a_retry(rows, evidence_root):
    with pytest.raises(
        AirflowFailException, match=r"^profile: profile spec: 'output_uri' is p\.json; its name must end"
    ):
        profile(rows, evidence_root, output_uri="p.json")
