"""A job on SageMaker: found again by a retry, its Outcome by its address, its name never used twice."""

from __future__ import annotations

import dataclasses

import pytest

from airflow_mlops_provider.exceptions import BackendError, BadInputError, JobCancelledError
from airflow_mlops_provider.jobs import outcomes_of
from airflow_mlops_provider.jobs.protocol import outcome_line
from airflow_mlops_provider.runners.processing_jobs.parts import COLLECTED
from airflow_mlops_provider.runners.runner import LastingRunner, State
from airflow_mlops_provider.runners.sagemaker import SageMakerRunner
from airflow_mlops_provider.stores.evidence.job_specs import read_spec
from tests.unit.runners.processing_jobs.fake_account import FakeAccount, runner_on


@pytest.fixture
def account() -> FakeAccount:
    return FakeAccount()


@pytest.fixture
def spec(s3_root):
    origin = {"dag_id": "d", "run_id": "r", "try_number": "1", "max_tries": "2"}
    keys = {"reference": "s3://lake/a.csv", "current": "s3://lake/b.csv", "label_column": "y"}
    return {**keys, "evidence_root": s3_root, "run_key": "d/r/t/-1", "origin": origin}


def again(spec, **origin):
    return {**spec, "origin": {**spec["origin"], "try_number": "2", **origin}}


def submit(account, spec, **arguments):
    return runner_on(account, **arguments).submit("drift", spec, environment={})


def leaves(spec, outcome):
    return outcomes_of("drift", spec).leave(outcome)


def test_the_runner_is_one_whose_jobs_outlive_the_task():
    assert isinstance(runner_on(FakeAccount()), LastingRunner)


def test_the_outcome_is_read_by_its_address_and_the_job_is_marked_when_it_is_released(account, spec, outcome):
    handle = submit(account, spec)
    assert handle.state() is State.RUNNING
    account.end(handle.name, code=0, outcome_uri=leaves(spec, outcome))
    account.log = ["one", outcome_line(outcome)]
    assert list(handle.logs()) == ["one"]
    assert (handle.collect(), handle.state()) == (outcome, State.SUCCEEDED)
    assert COLLECTED not in account.tags(f"arn:job/{handle.name}")
    handle.release()
    assert account.tags(f"arn:job/{handle.name}") == {COLLECTED: "true"}


def test_the_job_reads_its_spec_in_the_evidence_root(account, spec):
    handle = submit(account, spec, env={"A": "b"})
    request = account.made[handle.name]
    assert read_spec(request["AppSpecification"]["ContainerArguments"][3])["current"]["uri"] == spec["current"]
    assert request["Environment"] == {"AWS_DEFAULT_REGION": "us-east-1", "A": "b"}


def test_a_retry_finds_the_job_that_runs(account, spec):
    first = submit(account, spec)
    assert submit(account, again(spec)).name == first.name
    assert list(account.made) == [first.name]


def test_a_job_that_ended_while_nobody_looked_is_not_run_again(account, spec, outcome):
    first = submit(account, spec)
    account.end(first.name, code=0, outcome_uri=leaves(spec, outcome))
    handle = submit(account, again(spec))
    assert handle.collect() == outcome
    assert len(account.made) == 1


def test_an_outcome_that_cannot_be_read_at_the_moment_is_read_by_the_retry(account, spec, outcome):
    def unreadable(_):
        raise BackendError("evidence cannot be read")

    first = submit(account, spec)
    first._job = dataclasses.replace(first._job, read=unreadable)
    account.end(first.name, code=0, outcome_uri=leaves(spec, outcome))
    with pytest.raises(BackendError, match="cannot be read"):
        first.collect()
    first.release()
    second = submit(account, again(spec))
    assert (second.name, second.collect()) == (first.name, outcome)


def test_a_job_whose_end_was_seen_is_followed_by_one_with_the_next_number(account, spec):
    names = []
    for _ in range(3):
        handle = submit(account, spec)
        account.end(handle.name, code=1, error="MLflow is gone")
        with pytest.raises(BackendError, match=r"^job 'drift' as SageMaker job mlops-drift-.*: MLflow is gone$"):
            handle.collect()
        handle.release()
        names.append(handle.name)
    assert [name.rpartition("-")[2] for name in names] == ["1", "2", "3"]


def test_a_failure_that_nobody_saw_is_run_again_and_bad_input_is_not(account, spec):
    first = submit(account, spec)
    account.end(first.name, code=1, error="MLflow is gone")
    second = submit(account, again(spec))
    assert second.name == f"{first.name[:-1]}2"
    account.end(second.name, code=2, error="b.csv: no such file")
    third = submit(account, again(spec))
    with pytest.raises(BadInputError, match=r"^b\.csv: no such file$"):
        third.collect()
    assert third.name == second.name


@pytest.mark.parametrize("other", [{"max_tries": "5"}, None])
def test_a_cleared_task_and_another_request_of_it_stop_the_job_before(account, spec, other):
    first = submit(account, spec)
    second = submit(account, again(spec, **other) if other else {**spec, "current": "s3://lake/c.csv"})
    assert (account.stopped, second.name == first.name) == ([first.name], False)


def test_a_job_that_is_not_listed_yet_is_joined_and_not_started_twice(account, spec):
    first = submit(account, spec)
    account.hidden = {first.name}  # as from a list and a description of some seconds ago
    assert submit(account, again(spec)).name == first.name
    assert list(account.made) == [first.name]


def test_a_job_without_a_last_word_whose_outcome_was_written_has_it(account, spec, outcome):
    handle = submit(account, spec)
    leaves(spec, outcome)
    account.end(handle.name, reason="InternalServerError")
    assert handle.collect() == outcome


def test_a_job_without_a_last_word_and_outcome_is_told_with_the_reason(account, spec):
    handle = submit(account, spec)
    account.end(handle.name, reason="CapacityError: no machine")
    with pytest.raises(BackendError, match="CapacityError: no machine"):
        handle.collect()


def test_a_log_that_cannot_be_read_is_told_once_and_the_outcome_stands(account, spec, outcome):
    handle = submit(account, spec)
    account.log_error = BackendError("may not read the log")
    account.end(handle.name, code=0, outcome_uri=leaves(spec, outcome))
    assert list(handle.logs()) == ["may not read the log"]
    assert handle.collect() == outcome


def test_cancel_stops_the_job_once(account, spec):
    handle = submit(account, spec)
    handle.cancel()
    handle.cancel()
    with pytest.raises(JobCancelledError):
        handle.collect()
    assert (account.stopped, handle.state()) == ([handle.name], State.CANCELLED)


def test_a_job_that_ended_is_not_stopped(account, spec, outcome):
    handle = submit(account, spec)
    account.end(handle.name, code=0, outcome_uri=leaves(spec, outcome))
    handle.collect()
    handle.cancel()
    assert account.stopped == []


def test_a_job_that_waits_in_the_triggerer_is_found_again_by_its_name(account, spec, outcome):
    handle = submit(account, spec)
    runner = runner_on(account)
    path, arguments = runner.waiting(handle, deadline=7.0)
    assert path.endswith("triggers.sagemaker.ProcessingTrigger")
    assert arguments == {"job_name": handle.name, "aws_conn_id": "cloud", "region": None, "deadline": 7.0}
    account.end(handle.name, code=0, outcome_uri=leaves(spec, outcome))
    assert runner.resume("drift", handle.name).collect() == outcome
    with pytest.raises(BackendError, match="SageMaker knows no job gone"):
        runner.resume("drift", "gone")


def test_what_on_kill_may_be_is_said():
    with pytest.raises(BadInputError, match="'on_kill' is 'stop'; it is 'keep' or 'cancel'"):
        SageMakerRunner(image="i", role="r", on_kill="stop")
    assert submit_outlives("keep")
    assert not submit_outlives("cancel")


def submit_outlives(on_kill: str) -> bool:
    return SageMakerRunner(image="i", role="r", on_kill=on_kill).rules.outlives_worker
