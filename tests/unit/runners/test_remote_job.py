"""What every place that outlives a task shares: names by the request, specs in the evidence root, the last word."""

from __future__ import annotations

import re

import pytest

from airflow_mlops_provider.exceptions import BackendError, BadInputError, IntegrityError, JobFaultError
from airflow_mlops_provider.jobs import JOBS, outcomes_of
from airflow_mlops_provider.jobs.exit_message import ExitMessage
from airflow_mlops_provider.runners.remote_job import RemoteJob, hand_over, handed_over
from airflow_mlops_provider.stores.specs import local_path


@pytest.fixture
def spec(tmp_path):
    origin = {"dag_id": "d", "try_number": "1", "max_tries": "2"}
    drift = {"reference": "a.csv", "current": "b.csv", "label_column": "y"}
    return {**drift, "evidence_root": str(tmp_path), "run_key": "d/r/t/-1", "origin": origin}


def handed(spec):
    # Nothing of this machine is far away in these tests.
    return hand_over("drift", spec, place="a test", mounted=["/"])


def again(spec, **origin):
    return {**spec, "origin": {**spec["origin"], **origin}}


def test_a_retry_has_the_name_of_the_try_before(spec):
    assert handed(spec).name == handed(again(spec, try_number="2")).name


def test_a_cleared_task_and_another_request_have_names_of_their_own_below_that_of_their_task(spec):
    first, cleared = handed(spec), handed(again(spec, max_tries="3"))
    other, another_task = handed({**spec, "current": "c.csv"}), handed({**spec, "run_key": "x"})
    assert len({job.name for job in (first, cleared, other, another_task)}) == 4
    assert first.task == cleared.task == other.task != another_task.task


@pytest.mark.parametrize("job", JOBS)
def test_a_name_fits_every_place_with_a_number_behind_it(job):
    name = RemoteJob(job=job, spec={"run_key": "r"}, spec_uri="", fetch=lambda: None, read=lambda _: None).name
    assert re.fullmatch(r"[a-z][a-z0-9-]{1,45}[a-z0-9]", name)


def test_the_job_reads_what_was_handed_over(spec):
    job = handed(spec)
    assert job.arguments(message_file="/message", message_bytes=10) == [
        *("-m", "airflow_mlops_provider.jobs", "drift", job.spec_uri),
        *("--message-file", "/message", "--message-bytes", "10"),
    ]
    found = handed_over("drift", job.spec_uri)
    assert (found.spec, found.name) == (job.spec, job.name)
    assert found.spec["sender"]["package_version"]


def test_what_the_place_does_not_reach_is_refused_by_its_key(spec):
    with pytest.raises(BadInputError, match=r"the evidence root .* lies on this machine, which a test does not reach"):
        hand_over("drift", spec, place="a test")


def test_an_outcome_is_read_by_its_address_and_an_edited_one_refused(spec, outcome):
    job = handed(spec)
    uri = outcomes_of("drift", job.spec).leave(outcome)
    assert job.result(ExitMessage(status=0, outcome_uri=uri), where="here") == outcome
    assert job.result(ExitMessage(status=3, outcome_uri=uri), where="here") == outcome
    path = local_path(uri)
    path.write_text(path.read_text().replace("pass", "fail"))
    assert isinstance(job.result(ExitMessage(status=0, outcome_uri=uri), where="here"), IntegrityError)


def test_an_outcome_in_another_evidence_root_is_refused(spec, outcome, tmp_path):
    elsewhere = outcomes_of("drift", {**spec, "evidence_root": str(tmp_path / "other")}).leave(outcome)
    message = ExitMessage(status=0, outcome_uri=elsewhere.replace(str(tmp_path), "/elsewhere"))
    error = handed(spec).result(message, where="here")
    assert isinstance(error, BadInputError)
    assert "does not lie under the evidence root" in str(error)


@pytest.mark.parametrize(
    ("status", "error", "kind", "text"),
    [
        (2, "b.csv: no such file", BadInputError, "b.csv: no such file"),
        (1, "MLflow is gone", BackendError, "here: MLflow is gone"),
        (1, 'Traceback (most recent call last):\n  File "x"\nKeyError: 1', JobFaultError, "here: KeyError: 1"),
    ],
)
def test_an_error_comes_back_as_what_it_was(spec, status, error, kind, text):
    found = handed(spec).result(ExitMessage(status=status, error=error), where="here")
    assert (type(found), str(found)) == (kind, text)


def test_what_the_job_leaves_later_can_be_fetched_and_what_was_there_before_is_not(spec, outcome):
    outcomes_of("drift", handed(spec).spec).leave(outcome)
    job = handed(spec)
    assert job.fetch() is None
    outcomes_of("drift", job.spec).leave(outcome)
    assert job.fetch() == outcome
