"""What becomes of a job when Airflow ends its task, and when its place may forget it."""

from __future__ import annotations

import pytest

from airflow_mlops_provider.exceptions import BackendError, WorkerStopsError
from airflow_mlops_provider.operators.validation import DataValidationOperator
from airflow_mlops_provider.runners.runner import State
from airflow_mlops_provider.tasks.job_end import end_with_task, release_when_reported

ORIGIN = {"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": "-1"}


class Job:
    """A job that tells what was done to it."""

    where, is_cancelled = "job 'train' in pod p", False

    def __init__(self, *, outlives_worker=None, state=State.RUNNING):
        if outlives_worker is not None:
            self.outlives_worker = outlives_worker
        self._state, self.done = state, []

    def state(self):
        return self._state

    def cancel(self):
        self.done.append("cancelled")

    def release(self):
        self.done.append("released")


@pytest.fixture
def told(monkeypatch):
    """Lets a test say what Airflow tells of the task."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    def tell(answer):
        def states(**asked):
            assert asked == {"dag_id": "d", "map_index": -1, "task_ids": ["t"], "run_ids": ["r"]}
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", staticmethod(states))

    return tell


def test_a_job_that_ends_with_its_task_is_cancelled():
    job = Job()
    end_with_task(job, ORIGIN)
    assert job.done == ["cancelled"]


@pytest.mark.parametrize("state", ["failed", "success", "restarting", "removed"])
def test_a_lasting_job_is_cancelled_when_somebody_marked_or_cleared_its_task(told, state):
    told({"r": {"t": state}})
    job = Job(outlives_worker=True)
    end_with_task(job, ORIGIN)
    assert job.done == ["cancelled"]


@pytest.mark.parametrize("answer", [{"r": {"t": "running"}}, OSError("Airflow is gone")])
def test_a_lasting_job_is_left_alone_when_only_its_worker_shuts_down(told, answer):
    told(answer)
    job = Job(outlives_worker=True)
    with pytest.raises(WorkerStopsError, match=r"^job 'train' in pod p goes on, and a retry finds it"):
        end_with_task(job, ORIGIN)
    assert job.done == []


def test_a_lasting_job_is_cancelled_with_its_worker_where_the_runner_says_so(told):
    told({"r": {"t": "running"}})
    job = Job(outlives_worker=False)
    end_with_task(job, ORIGIN)
    assert job.done == ["cancelled"]


def test_a_job_that_was_cancelled_because_its_time_ran_out_is_no_worker_that_shuts_down():
    job = Job(outlives_worker=True)
    job.is_cancelled = True
    end_with_task(job, ORIGIN)
    assert job.done == []


def test_a_job_that_cannot_be_cancelled_is_told_in_the_log(told, caplog):
    told({"r": {"t": "failed"}})
    job = Job(outlives_worker=True)

    def refuse():
        raise BackendError("the cluster is gone")

    job.cancel = refuse
    end_with_task(job, ORIGIN)
    assert "could not be cancelled: the cluster is gone" in caplog.text


@pytest.mark.parametrize(
    ("state", "kind", "done"),
    [
        (State.SUCCEEDED, "on_success_callback", ["released"]),
        (State.SUCCEEDED, "on_failure_callback", ["released"]),
        (State.SUCCEEDED, "on_retry_callback", []),
        (State.FAILED, "on_retry_callback", ["released"]),
        (State.FAILED, "on_failure_callback", ["released"]),
    ],
)
def test_a_place_forgets_a_job_once_the_tasks_end_is_reported(state, kind, done):
    seen = []
    operator = DataValidationOperator(
        task_id="t", dataset="a.csv", suite={"name": "s", "expectations": []}, **{kind: lambda _: seen.append("own")}
    )
    job = Job(state=state)
    release_when_reported(operator, job)
    for callback in getattr(operator, kind):
        callback({})
    assert (seen, job.done) == (["own"], done)
