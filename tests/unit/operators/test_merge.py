"""Mapped tasks over the chunks of a folder, merged, in a Dag as Airflow runs it."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from airflow.sdk import DAG

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.operators.merge import MergeOperator, chunks_of
from airflow_mlops_provider.operators.validation import DataValidationOperator
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.verdict import Status

SUITE = {
    "name": "days",
    "expectations": [{"type": "expect_column_values_to_be_between", "kwargs": {"column": "x", "min_value": 0}}],
}


@pytest.mark.usefixtures("airflow_db")
def test_the_chunks_of_a_folder_are_validated_apart_and_vouched_for_together(tmp_path, evidence_root):
    raw = tmp_path / "raw"
    raw.mkdir()
    for day in range(5):
        pq.write_table(pa.table({"x": [day, day + 1, -1 if day == 3 else 1]}), raw / f"day-{day}.parquet")
    with DAG("days", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
        validate = DataValidationOperator.partial(
            task_id="validate",
            suite=SUITE,
            clean_uri=f"{tmp_path}/clean/{{{{ ti.map_index }}}}.parquet",
            quarantine_uri=f"{tmp_path}/quarantine/{{{{ ti.map_index }}}}.parquet",
            policy={"max_quarantine_share": 0.5},
            evidence_root=evidence_root,
        ).expand(dataset=chunks_of(str(raw), tasks=3))
        MergeOperator(
            task_id="merge",
            parts=validate.output,
            dataset=f"{tmp_path}/clean",
            quarantine_uri=f"{tmp_path}/quarantine",
            policy={"max_quarantine_share": 0.5},
            evidence_root=evidence_root,
        )
    run = dag.test()
    assert run.state == "success"
    instances = {(ti.task_id, ti.map_index): ti for ti in run.get_task_instances()}
    outcome = Outcome.from_json(instances["merge", -1].xcom_pull(task_ids="merge"))
    assert len([key for key in instances if key[0] == "validate"]) == 3
    assert outcome.verdict.status is Status.NOTICE
    assert outcome.dataset.rows == 14


def test_no_chunks_are_refused():
    with pytest.raises(BadInputError, match="'tasks' is 0"):
        chunks_of("days", tasks=0)
