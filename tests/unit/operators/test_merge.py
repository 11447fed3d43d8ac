"""Tasks over the chunks of a folder, merged."""

from __future__ import annotations

import types

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from airflow.sdk import DAG

from airflow_mlops_provider.decisions.validation import ValidationPolicy
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.operators.merge import MergeOperator, chunks_of
from airflow_mlops_provider.operators.validation import DataValidationOperator
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.verdict import Status

SUITE = {
    "name": "days",
    "expectations": [{"type": "expect_column_values_to_be_between", "kwargs": {"column": "x", "min_value": 0}}],
}


def context(task_id: str, map_index: int = -1):
    task = types.SimpleNamespace(dag_id="d", run_id="r", task_id=task_id, map_index=map_index, try_number=1)
    return {"ti": task}


def test_the_chunks_of_a_folder_are_validated_apart_and_vouched_for_together(tmp_path, evidence_root):
    raw, policy = tmp_path / "raw", ValidationPolicy(max_quarantine_share=0.5)
    raw.mkdir()
    for day in range(5):
        pq.write_table(pa.table({"x": [day, day + 1, -1 if day == 3 else 1]}), raw / f"day-{day}.parquet")
    with DAG("days", schedule=None):
        divide = chunks_of(str(raw), tasks=3).operator
    chunks = divide.python_callable(*divide.op_args, **divide.op_kwargs)
    parts = [
        DataValidationOperator(
            task_id="validate",
            dataset=chunk,
            suite=SUITE,
            clean_uri=f"{tmp_path}/clean/{number}.parquet",
            quarantine_uri=f"{tmp_path}/quarantine/{number}.parquet",
            policy=policy,
            evidence_root=evidence_root,
        ).execute(context("validate", number))
        for number, chunk in enumerate(chunks)
    ]
    places = {"dataset": f"{tmp_path}/clean", "quarantine_uri": f"{tmp_path}/quarantine"}
    merge = MergeOperator(task_id="merge", parts=parts, policy=policy, evidence_root=evidence_root, **places)
    outcome = Outcome.from_json(merge.execute(context("merge")))
    assert len(chunks) == 3
    assert outcome.verdict.status is Status.NOTICE
    assert outcome.dataset.rows == 14


def test_no_chunks_are_refused():
    with pytest.raises(BadInputError, match="'tasks' is 0"):
        chunks_of("days", tasks=0)
