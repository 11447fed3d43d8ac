"""Which verdicts fail a task: those that say that what it was to make was not made, unless the user says otherwise."""

from __future__ import annotations

import types

import pyarrow as pa
import pytest

from airflow_mlops_provider.airflow_versions import AirflowFailException
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.operators.bias import BiasSliceOperator
from airflow_mlops_provider.operators.decay import DecayOperator
from airflow_mlops_provider.operators.evaluation import EvaluateModelOperator
from airflow_mlops_provider.operators.prediction import BatchPredictOperator
from airflow_mlops_provider.operators.promotion import PromoteModelOperator, RollbackModelOperator
from airflow_mlops_provider.operators.reproduction import ReproduceOperator
from airflow_mlops_provider.operators.training import TrainOperator
from airflow_mlops_provider.operators.validation import DataValidationOperator
from airflow_mlops_provider.operators.verification import VerifyOperator
from airflow_mlops_provider.records.outcome import Outcome
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.stores.datasets.writing import write_dataset

SUITE = {
    "name": "s",
    "expectations": [{"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "x"}}],
}


@pytest.mark.parametrize(
    ("operator", "statuses"),
    [
        (DataValidationOperator, (Status.FAIL, Status.INSUFFICIENT_EVIDENCE)),
        (TrainOperator, (Status.FAIL,)),
        (BatchPredictOperator, (Status.FAIL,)),
        (RollbackModelOperator, (Status.FAIL,)),
        (VerifyOperator, (Status.FAIL,)),
        (ReproduceOperator, (Status.FAIL,)),
        (PromoteModelOperator, ()),
        (EvaluateModelOperator, ()),
        (BiasSliceOperator, ()),
        (DecayOperator, ()),
    ],
)
def test_the_statuses_that_fail_a_task_are_those_of_its_step(operator, statuses):
    assert operator.default_fail_on == statuses


def validated(tmp_path, evidence_root, **keys):
    data = str(tmp_path / "in.parquet")
    write_dataset(pa.table({"x": [1, None]}), data)
    pushed = {}
    ti = types.SimpleNamespace(
        dag_id="d",
        run_id="r",
        task_id="t",
        map_index=-1,
        try_number=1,
        xcom_push=lambda *, key, value: pushed.update({key: value}),
    )
    operator = DataValidationOperator(task_id="t", dataset=data, suite=SUITE, evidence_root=evidence_root, **keys)
    return lambda: operator.execute({"ti": ti}), pushed


def test_a_failed_verdict_fails_the_task_and_leaves_its_outcome(tmp_path, evidence_root):
    run, pushed = validated(tmp_path, evidence_root)
    with pytest.raises(AirflowFailException, match=r"; report: http://airflow\.example/plugin/mlops/mlops/"):
        run()
    assert Outcome.from_json(pushed["outcome"]).verdict.status is Status.FAIL


def test_a_task_that_fails_on_nothing_hands_its_failed_verdict_on(tmp_path, evidence_root):
    run, pushed = validated(tmp_path, evidence_root, fail_on=[])
    assert Outcome.from_json(run()).verdict.status is Status.FAIL
    assert pushed == {}


def test_a_status_that_there_is_not_is_refused_by_name(tmp_path, evidence_root):
    with pytest.raises(BadInputError, match="'fail_on' names 'failed'; statuses are pass, notice"):
        validated(tmp_path, evidence_root, fail_on=["failed"])
