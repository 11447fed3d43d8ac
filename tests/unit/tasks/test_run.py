"""A job as a task: its output in the task's log, its errors as Airflow's, its end with the task's."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from dataclasses import replace

import pytest

from airflow_mlops_provider.airflow_versions import AirflowFailException
from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.jobs import outcomes_of
from airflow_mlops_provider.records.outcome import Kind, Outcome
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.requests.drift import DriftRequest
from airflow_mlops_provider.records.requests.validate import ValidateRequest
from airflow_mlops_provider.records.verdict import Finding, Status, Verdict
from airflow_mlops_provider.runners.external_python import ExternalPythonRunner
from airflow_mlops_provider.runners.runner import State
from airflow_mlops_provider.tasks.run import run_for_task


def verdict(status: Status = Status.PASS) -> Verdict:
    return Verdict.of([Finding(subject="it", measure="n", observed=1.0, limit=1.0, status=status)], summary="said")


class Place:
    """A place to run jobs that a test fills; the job is what its handle does."""

    def __init__(self, lines=(), end=None) -> None:
        self.lines, self.end, self.cancelled = lines, end, 0

    def submit(self, job, spec, *, environment):
        self.spec = spec
        return self

    def state(self) -> State:
        return State.RUNNING

    def logs(self) -> Iterator[str]:
        yield from self.lines

    def collect(self) -> Outcome:
        if isinstance(self.end, BaseException):
            raise self.end
        return Outcome(kind=Kind.DRIFT, verdict=verdict(), evidence_uri="file:///one.json")

    def cancel(self) -> None:
        self.cancelled += 1

    def release(self) -> None:
        pass


def context(try_number=1):
    ti = types.SimpleNamespace(dag_id="d", run_id="r", task_id="t", map_index=-1, try_number=try_number)
    return {"ti": ti}


DRIFT = DriftRequest(reference=DatasetRef(uri="a.csv"), current=DatasetRef(uri="b.csv"), label_column="y")


def run(runner, *, root="/mlops", number=1, **more):
    keys = {"context": context(number), "runner": runner, "evidence_root": root, "environment": {}}
    return run_for_task(DRIFT, **keys, **more)


def test_the_lines_of_a_job_and_its_verdict_are_in_the_tasks_log(caplog):
    with caplog.at_level("INFO"):
        run(Place(lines=["epoch 1 of 2", "100 % of %s"]))
    said = [record.getMessage() for record in caplog.records]
    assert said[:-1] == ["epoch 1 of 2", "100 % of %s", "drift: PASS - said", "evidence: file:///one.json"]


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ("root", "on the MLOps page: http://airflow.example/"),
        ("other", "not on the MLOps page: [mlops] evidence_roots"),
    ],
)
def test_the_log_says_where_on_the_page_the_verdict_is(declared, said, caplog, tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://airflow.example")
    monkeypatch.setenv("AIRFLOW__MLOPS__EVIDENCE_ROOTS", str(tmp_path / declared))
    with caplog.at_level("INFO"):
        run(Place(), root=str(tmp_path / "root"))
    assert caplog.messages[-1].startswith(said)


def test_the_handle_is_given_to_the_task_before_the_job_has_ended():
    place, seen = Place(end=BackendError("gone")), []
    with pytest.raises(BackendError):
        run(place, started=seen.append)
    assert seen == [place]


def test_keys_that_are_none_are_left_to_the_job():
    place = Place()
    run(place)
    assert "columns" not in place.spec
    assert (place.spec["label_column"], place.spec["run_key"]) == ("y", "d/r/t/-1")


def test_bad_input_fails_the_task_without_a_retry_and_other_errors_pass():
    with pytest.raises(AirflowFailException, match=r"^drift: no such file$"):
        run(Place(end=BadInputError("no such file")))
    with pytest.raises(ZeroDivisionError):
        run(Place(end=ZeroDivisionError("a bug")))


def test_a_job_is_cancelled_when_the_task_is_interrupted_and_not_when_the_job_failed():
    for interruption in (KeyboardInterrupt(), SystemExit(1)):
        place = Place(end=interruption)
        with pytest.raises(type(interruption)):
            run(place)
        assert place.cancelled == 1
    place = Place(end=BackendError("gone"))
    with pytest.raises(BackendError):
        run(place)
    assert place.cancelled == 0


@pytest.mark.parametrize("runner", [None, ExternalPythonRunner(python=sys.executable)], ids=["here", "there"])
def test_the_outcome_can_be_fetched_under_its_request_and_the_newest_try_stands(runner, tmp_path, evidence_root):
    data = tmp_path / "in.csv"
    data.write_text("a,b\n1,2\n3,4\n")
    rule = {"type": "expect_column_to_exist", "kwargs": {"column": "a"}}
    spec = {"dataset": str(data), "suite": {"name": "s", "expectations": [rule]}}
    keys = {"runner": runner, "evidence_root": evidence_root, "environment": {}}
    request = ValidateRequest.from_spec(spec)
    first = run_for_task(request, context=context(1), **keys)
    data.write_text("a,b\n1,2\n")
    second = run_for_task(request, context=context(2), **keys)
    origin = {"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": "-1", "try_number": "3"}
    asked = {**spec, "run_key": "d/r/t/-1", "origin": origin, "evidence_root": evidence_root}
    outcomes = outcomes_of("validate", asked)
    assert len(outcomes.uris()) == 2
    assert outcomes.newest() == second
    assert first.evidence_uri != second.evidence_uri
    assert run_for_task(request, context=context(3), **keys) == second


def test_secrets_of_a_job_are_hidden_in_the_log_of_its_task():
    masker = pytest.importorskip("airflow.sdk._shared.secrets_masker")
    given = replace(DRIFT, current=DatasetRef(uri="https://ada:s3cr3t-of-data@example.com/a.csv"))
    environment = {"MLFLOW_TRACKING_URI": "https://t0ken-of-mlflow@ml.example.com"}
    run_for_task(given, context=context(1), runner=Place(), evidence_root="/mlops", environment=environment)
    raised = "ConnectionError: https://t0ken-of-mlflow@ml.example.com or ada with s3cr3t-of-data"
    assert masker.redact(raised) == "ConnectionError: https://***@ml.example.com or ada with ***"
