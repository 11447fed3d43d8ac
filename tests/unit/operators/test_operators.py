"""Operators hand their keys to the job, its Outcome on, and its errors to Airflow in Airflow's words."""

from __future__ import annotations

import sys
import types

import pyarrow as pa
import pytest

from airflow_mlops_provider.airflow_versions import AirflowFailException
from airflow_mlops_provider.decisions.validation import ValidationPolicy
from airflow_mlops_provider.exceptions import BackendError
from airflow_mlops_provider.operators.validation import DataValidationOperator
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.verdict import Status
from airflow_mlops_provider.runners.external_python import ExternalPythonRunner
from airflow_mlops_provider.stores.datasets.dataset import open_dataset
from airflow_mlops_provider.stores.datasets.writing import write_dataset
from airflow_mlops_provider.stores.evidence.store import read_evidence

SUITE = {
    "name": "s",
    "expectations": [
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": "hours", "min_value": 0}},
        {"type": "expect_column_to_exist", "kwargs": {"column": "union"}},
    ],
}


class Task(types.SimpleNamespace):
    """The running task, as far as an operator sees it."""

    def xcom_push(self, *, key, value):
        self.xcoms[key] = value


def context():
    ti = Task(dag_id="d", run_id="r", task_id="validate", map_index=-1, try_number=2, xcoms={})
    return {"ti": ti}


@pytest.fixture
def batch(tmp_path):
    path = str(tmp_path / "in.parquet")
    write_dataset(pa.table({"hours": [1.0, -2.0, 3.0], "union": [0, 1, 1]}), path)
    return path


def operator(dataset, root, **more):
    return DataValidationOperator(task_id="validate", dataset=dataset, suite=SUITE, evidence_root=root, **more)


def test_a_passing_task_returns_its_outcome_and_records_who_asked(batch, evidence_root):
    write_dataset(open_dataset(batch).table().slice(0, 1), batch)
    op = operator(batch, evidence_root)
    outcome = Outcome.from_json(op.execute(context()))
    assert (outcome.kind, outcome.verdict.status) == (Kind.VALIDATION, Status.PASS)
    origin = read_evidence(outcome.evidence_uri).origin
    assert origin == {"dag_id": "d", "run_id": "r", "task_id": "validate", "map_index": "-1", "try_number": "2"}
    evidence, report = (link.get_link(op, ti_key=None) for link in op.operator_extra_links)
    assert evidence.startswith("http://airflow.example/")
    assert "/mlops/evidence?uri=file%3A%2F%2F%2F" in evidence
    assert report.endswith("&name=report.html")


def test_failed_data_fail_the_task_without_a_retry_and_leave_the_outcome(batch, evidence_root):
    ctx = context()
    with pytest.raises(AirflowFailException, match="hours"):
        operator(batch, evidence_root).execute(ctx)
    left = Outcome.from_json(ctx["ti"].xcoms["outcome"])
    assert left.verdict.status is Status.FAIL
    assert read_evidence(left.evidence_uri).verdict == left.verdict


def test_rows_that_were_written_nowhere_fail_the_task_whatever_the_budget(batch, evidence_root, tmp_path):
    policy = ValidationPolicy(max_quarantine_share=1.0)
    clean = tmp_path / "clean.parquet"
    with pytest.raises(AirflowFailException, match="1 of 2 rules broken"):
        operator(batch, evidence_root, policy=policy, clean_uri=str(clean)).execute(context())
    assert not clean.exists()


def test_the_failure_says_why_the_batch_is_refused_and_where_the_report_is(batch, evidence_root, tmp_path):
    with pytest.raises(AirflowFailException) as raised:
        operator(batch, evidence_root, quarantine_uri=str(tmp_path / "aside.parquet")).execute(context())
    assert str(raised.value).startswith(
        "batch refused: 1 of 2 rules broken (hours: 1 of 3 rows unexpected (33 %)); "
        "report: http://airflow.example/plugin/mlops/mlops/attachment?uri="
    )


def test_the_log_tells_the_verdict_and_every_finding_that_is_no_pass(batch, evidence_root, caplog):
    write_dataset(pa.table({"hours": [1.0, -2.0]}), batch)
    with caplog.at_level("INFO"), pytest.raises(AirflowFailException):
        operator(batch, evidence_root).execute(context())
    said = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert ("WARNING", "  fail  column 'union' is missing (expect_column_to_exist)") in said
    assert any(line.startswith("validation: FAIL - batch refused: ") for _, line in said)


@pytest.mark.filterwarnings("ignore")  # of Great Expectations' own imports
def test_a_suite_may_be_great_expectations_own_object(batch, evidence_root):
    from great_expectations import ExpectationSuite
    from great_expectations.expectations import ExpectColumnValuesToBeBetween

    rule = ExpectColumnValuesToBeBetween(column="hours", min_value=0)
    op = DataValidationOperator(
        task_id="validate",
        dataset=batch,
        suite=ExpectationSuite(name="own", expectations=[rule]),
        evidence_root=evidence_root,
    )
    assert op.suite["name"] == "own"
    with pytest.raises(AirflowFailException, match="hours: 1 of 3 rows unexpected"):
        op.execute(context())


def test_a_missing_file_fails_the_task_without_a_retry_and_is_named(tmp_path, evidence_root):
    with pytest.raises(AirflowFailException, match=r"validate: .*nowhere\.parquet"):
        operator(str(tmp_path / "nowhere.parquet"), evidence_root).execute(context())


def test_evidence_that_cannot_be_written_is_left_to_airflows_retries(batch, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BackendError, match="cannot be written"):
        operator(batch, str(tmp_path / "file")).execute(context())


def test_another_python_gives_the_same_outcome(batch, evidence_root):
    here, there = context(), context()
    for ctx, runner in ((here, None), (there, ExternalPythonRunner(python=sys.executable))):
        with pytest.raises(AirflowFailException):
            operator(batch, evidence_root, runner=runner).execute(ctx)
    ours, theirs = (ctx["ti"].xcoms["outcome"] for ctx in (here, there))
    assert ours["verdict"] == theirs["verdict"]
    assert ours["dataset"] == theirs["dataset"]


def test_another_python_that_is_not_there_is_a_failed_backend(batch, evidence_root):
    with pytest.raises(BackendError, match="/nowhere/python"):
        operator(batch, evidence_root, runner=ExternalPythonRunner(python="/nowhere/python")).execute(context())


def test_bad_input_in_another_python_is_named_as_here(tmp_path, evidence_root):
    runner = ExternalPythonRunner(python=sys.executable)
    with pytest.raises(AirflowFailException, match=r"nowhere\.parquet"):
        operator(str(tmp_path / "nowhere.parquet"), evidence_root, runner=runner).execute(context())
