"""A mapped task group hands its argument to operators, and a task after it takes all of their outputs."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.verdict import Status

pytestmark = [
    pytest.mark.floor_too,
    # dag.test() runs Airflow itself in this process, whose warnings are not ours to answer.
    pytest.mark.filterwarnings("ignore"),
]

DAG = """
from airflow.sdk import dag, task_group

from airflow_mlops_provider.operators.merge import MergeOperator
from airflow_mlops_provider.operators.validation import DataValidationOperator

HERE = {folder!r}
RULE = {{"type": "expect_column_values_to_not_be_null", "kwargs": {{"column": "{{{{ params.column }}}}"}}}}


@dag(dag_id="mapped_group", schedule=None, params={{"column": "hours"}})
def checks():
    @task_group
    def check(file):
        return DataValidationOperator(
            task_id="validate",
            dataset=file,
            suite={{"expectations": [RULE]}},
            clean_uri=HERE + "/clean/{{{{ ti.map_index }}}}.parquet",
            evidence_root=HERE + "/mlops",
        ).output

    parts = check.expand(file=[f"{{HERE}}/{{number}}.parquet" for number in range(3)])
    MergeOperator(task_id="merge", parts=parts, dataset=HERE + "/clean", evidence_root=HERE + "/mlops")


checks()
"""


@pytest.mark.usefixtures("airflow_db")
def test_the_argument_of_a_mapped_group_is_a_dataset_and_its_outputs_are_evidence(tmp_path):
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    try:
        from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    except ImportError:  # Airflow 3.1
        from airflow.models.dagbag import DagBag, sync_bag_to_db
    for number in range(3):
        pd.DataFrame({"hours": range(100 + number)}).to_parquet(tmp_path / f"{number}.parquet")
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "groups.py").write_text(DAG.format(folder=str(tmp_path)))
    bag = DagBag(tmp_path / "dags")
    assert bag.import_errors == {}
    DagBundlesManager().sync_bundles_to_db()
    sync_bag_to_db(bag, "mlops", None)
    done = bag.dags["mapped_group"].test(logical_date=dt.datetime(2024, 1, 1, tzinfo=dt.UTC))
    tasks = done.get_task_instances()
    assert [str(getattr(ti.state, "value", ti.state)) for ti in tasks] == ["success"] * 4
    [merge] = [ti for ti in tasks if ti.task_id == "merge"]
    merged = Outcome.from_json(merge.xcom_pull(task_ids="merge"))
    assert (merged.verdict.status, merged.dataset.rows) == (Status.PASS, 303)
