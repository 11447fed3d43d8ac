"""A job elsewhere, whatever its place: what is waited for, what a retry takes up, and what is asked after its end."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from airflow_mlops_provider.exceptions import BackendError, BadInputError, JobCancelledError
from airflow_mlops_provider.jobs import outcomes_of
from airflow_mlops_provider.jobs.exit_message import ExitMessage
from airflow_mlops_provider.runners.remote_handle import RemoteHandle
from airflow_mlops_provider.runners.remote_job import hand_over
from airflow_mlops_provider.runners.runner import State

READER = SimpleNamespace(
    is_running=lambda found: found["state"] == "running",
    has_ended=lambda found: found["state"] == "ended",
    message_of=lambda found: found.get("message"),
    error_in=lambda found, *, where: BackendError(f"{where}: it was killed"),
)


class Handle(RemoteHandle):
    """A job whose place says these things of it, the last one for good."""

    reader = READER
    gone = "the place does not know it"

    def __init__(self, job, *said):
        super().__init__(name="j-1", job=job, outlives_worker=True, poll_seconds=0.0)
        self.said, self.released, self.ended = list(said), 0, 0

    where = "job 'drift' there"

    def release(self):
        self.released += self._ended_as is not None

    def _look(self):
        return self.said.pop(0) if len(self.said) > 1 else self.said[0]

    def _waits_for(self, found):
        if found.get("too_late"):
            raise BackendError("it did not start in time")
        return found["reason"]

    def _followed(self, *, until):
        while not until():
            yield "a line"

    def _end(self):
        self.ended += 1


@pytest.fixture
def job(tmp_path):
    keys = {"reference": "a.csv", "current": "b.csv", "label_column": "y", "evidence_root": str(tmp_path)}
    return hand_over("drift", {**keys, "run_key": "d/r/t/-1"}, place="a test", mounted=["/"])


def waits(reason):
    return {"state": "waiting", "reason": reason}


def ended(**message):
    return {"state": "ended", "message": ExitMessage(**message)} if message else {"state": "ended"}


RUNS = {"state": "running"}


def test_each_reason_to_wait_is_a_line_once(job, outcome):
    uri = outcomes_of("drift", job.spec).leave(outcome)
    handle = Handle(
        job, waits("no node"), waits("no node"), waits("image"), RUNS, RUNS, ended(status=0, outcome_uri=uri)
    )
    assert list(handle.logs()) == ["no node", "image", "a line"]
    assert (handle.collect(), handle.state()) == (outcome, State.SUCCEEDED)
    handle.release()
    assert handle.released == 1


def test_a_job_that_is_not_waited_for_any_longer_is_an_error_with_its_reason(job):
    handle = Handle(job, {"state": "waiting", "too_late": True})
    with pytest.raises(BackendError, match="it did not start in time"):
        handle.collect()


def test_the_state_asks_once_and_after_the_end_nobody(job):
    handle = Handle(job, waits("image"), RUNS, ended())
    assert [handle.state() for _ in range(3)] == [State.PENDING, State.RUNNING, State.FAILED]
    handle.said = [RUNS]
    assert handle.state() is State.FAILED


def test_a_job_that_its_place_lost_is_a_failed_backend_and_is_not_released(job):
    handle = Handle(job, None)
    with pytest.raises(BackendError, match="job 'drift' there: the place does not know it"):
        handle.collect()
    handle.release()
    assert handle.released == 0


@pytest.mark.parametrize("said", [None, ended()])
def test_what_a_lost_or_killed_job_has_left_is_its_outcome(job, outcome, said):
    handle = Handle(job, said)
    outcomes_of("drift", job.spec).leave(outcome)
    assert handle.collect() == outcome


def test_a_cancelled_job_is_ended_once_and_asked_for_no_more(job):
    handle = Handle(job, RUNS)
    lines = handle.logs()
    assert next(lines) == "a line"
    handle.cancel()
    handle.cancel()
    handle.said = []
    with pytest.raises(JobCancelledError, match="job 'drift' there was cancelled"):
        handle.collect()
    assert (handle.ended, handle.state(), handle.is_cancelled) == (1, State.CANCELLED, True)


@pytest.mark.parametrize(
    ("said", "is_taken"),
    [
        (RUNS, True),
        (waits("image"), True),
        (ended(), False),
        (ended(status=1, error="MLflow is gone"), False),
        (ended(status=2, error="b.csv: no such file"), True),
        (ended(status=0, outcome_uri="s3://away/outcomes/1.json"), True),
        (None, True),
    ],
)
def test_a_retry_waits_for_what_is_worth_it_and_releases_what_failed_while_nobody_looked(job, said, is_taken):
    handle = Handle(job, said)
    assert handle.is_for_retry() is is_taken
    assert handle.released == (not is_taken)


def test_bad_input_is_told_again_to_the_retry(job):
    handle = Handle(job, ended(status=2, error="b.csv: no such file"))
    assert handle.is_for_retry()
    with pytest.raises(BadInputError, match=r"b\.csv: no such file"):
        handle.collect()
