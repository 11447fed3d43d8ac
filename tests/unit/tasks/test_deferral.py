"""A task leaves its worker while its job runs in a place that outlasts it."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from airflow_mlops_provider.airflow_versions import AirflowFailException, AirflowTaskTimeout, TaskDeferred
from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.operators.validation import DataValidationOperator
from airflow_mlops_provider.runners.external_python import ExternalPythonRunner
from airflow_mlops_provider.runners.kubernetes import KubernetesRunner
from airflow_mlops_provider.runners.runner import State
from airflow_mlops_provider.tasks.deferral import defer_until_ended, resumed, waits_in_triggerer
from airflow_mlops_provider.triggers.kubernetes import PodTrigger

SUITE = {"name": "s", "expectations": []}


class Job:
    """A job in a place that outlasts its task."""

    name, where, outlives_worker, is_cancelled = "job-1", "job 'x' far away", True, False

    def __init__(self, state=State.RUNNING):
        self._state, self.cancelled = state, False

    def state(self):
        return self._state

    def cancel(self):
        self.cancelled = True


class Place(KubernetesRunner):
    """A runner that finds the one job that there is."""

    def __init__(self, job):
        super().__init__(image="i", namespace="jobs", conn_id="c")
        self.job = job

    def resume(self, job, name, *, since=None):
        self.asked = (job, name, since)
        return self.job


def operator(**arguments):
    return DataValidationOperator(task_id="t", dataset="a.csv", suite=SUITE, **arguments)


def test_an_operator_defers_where_it_is_asked_to_and_its_jobs_outlast_it(monkeypatch):
    runner = KubernetesRunner(image="i")
    assert operator(runner=runner, deferrable=True).deferrable
    assert not operator(runner=runner).deferrable
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "True")
    assert operator(runner=runner).deferrable
    assert not operator(runner=runner, deferrable=False).deferrable
    assert not operator().deferrable


@pytest.mark.parametrize(("runner", "place"), [(None, "own process"), (ExternalPythonRunner(python="p"), "External")])
def test_deferring_where_the_job_would_end_with_the_task_is_refused(runner, place):
    with pytest.raises(BadInputError, match=f"'deferrable' needs a runner whose jobs outlive .*{place}"):
        waits_in_triggerer(True, runner)


@pytest.mark.parametrize("limit", [None, timedelta(minutes=5)])
def test_the_trigger_knows_the_pod_and_the_tasks_time(limit):
    runner = Place(Job())
    with pytest.raises(TaskDeferred) as deferred:
        defer_until_ended(
            operator(execution_timeout=limit), runner=runner, handle=runner.job, method="execute_complete"
        )
    trigger = deferred.value.trigger
    assert isinstance(trigger, PodTrigger)
    assert (trigger.pod_name, trigger.pod_namespace, trigger.base_container_name) == ("job-1", "jobs", "mlops")
    assert (deferred.value.method_name, deferred.value.kwargs) == ("execute_complete", {"name": "job-1"})
    assert trigger.deadline is None if limit is None else 200 < trigger.deadline - time.time() <= 300


@pytest.mark.parametrize("state", [State.SUCCEEDED, State.FAILED])
def test_a_job_that_has_ended_is_not_waited_for(state):
    runner = Place(Job(state))
    defer_until_ended(operator(), runner=runner, handle=runner.job, method="execute_complete")


def test_the_task_goes_on_with_the_job_that_it_left():
    runner = Place(Job())
    assert resumed("train", runner=runner, name="job-1", event={"reason": "ended", "since": "s"}) is runner.job
    assert runner.asked == ("train", "job-1", "s")


def test_a_job_whose_task_has_no_time_left_is_cancelled():
    runner = Place(Job())
    with pytest.raises(AirflowTaskTimeout, match="far away was cancelled: execution_timeout has passed"):
        resumed("train", runner=runner, name="job-1", event={"reason": "deadline"})
    assert runner.job.cancelled


def test_an_operator_whose_runner_was_taken_away_meanwhile_says_so():
    with pytest.raises(AirflowFailException, match="its runner was changed"):
        resumed("train", runner=None, name="job-1", event={})
