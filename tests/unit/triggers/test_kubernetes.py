"""The trigger waits for the end of a pod's job, and tells why the task is to go on."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pendulum
import pytest
from airflow.providers.cncf.kubernetes.pod_generator import PodGenerator

from airflow_mlops_provider.triggers.datasets import MIN_WAIT_SECONDS
from airflow_mlops_provider.triggers.kubernetes import PodTrigger
from tests.unit.runners.pods.pods_api import refused, status

WHERE = {"pod_name": "p", "pod_namespace": "jobs", "container": "mlops", "conn_id": "c", "startup_timeout": 60.0}


def pod(*, age_seconds=0, **state):
    made = datetime.now(UTC) - timedelta(seconds=age_seconds)
    told = {"metadata": {"name": "p", "creationTimestamp": made.isoformat()}, "status": {"phase": "Pending"}}
    return PodGenerator.deserialize_model_dict({**told, **({"status": status(**state)} if state else {})})


def event_of(*pods, **arguments):
    """The event of a trigger that finds the pod in these states, one after the other."""
    trigger, states = PodTrigger(**{**WHERE, **arguments}), iter(pods)
    trigger.poll_interval = 0.0

    async def get_pod(**_):
        found = next(states)
        if isinstance(found, Exception):
            raise found
        return found

    async def passed_on(*_, **__):
        return pendulum.datetime(2026, 1, 1, 0, 0, 7)

    trigger.__dict__["hook"] = SimpleNamespace(get_pod=get_pod)
    trigger.__dict__["pod_manager"] = SimpleNamespace(fetch_container_logs_before_current_sec=passed_on)

    async def first():
        return await anext(trigger.run())

    return asyncio.run(first()).payload


def test_what_airflow_stores_makes_the_same_trigger_again():
    arguments = {**WHERE, "eks_cluster": "e", "aws_conn_id": "a", "region": "r", "deadline": 7.0}
    path, stored = PodTrigger(**arguments).serialize()
    assert (path, stored) == ("airflow_mlops_provider.triggers.kubernetes.PodTrigger", arguments)
    assert PodTrigger(**stored).serialize() == (path, stored)


def test_it_never_looks_within_seconds():
    assert PodTrigger(**WHERE).poll_interval == MIN_WAIT_SECONDS


@pytest.mark.parametrize("code", [0, 1])
def test_it_waits_through_start_and_run_to_the_end_and_says_until_when_lines_were_passed_on(code):
    ended = pod(terminated={"exitCode": code})
    event = event_of(pod(), pod(waiting={"reason": "ContainerCreating"}), pod(running={}), ended)
    assert event == {"reason": "ended", "since": "2026-01-01T00:00:07.000000Z"}


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (pod(age_seconds=61), "not started"),
        (pod(waiting={"reason": "ErrImagePull", "message": "not found"}), "not started"),
        (pod(terminated={"exitCode": 0}), "ended"),
        (refused(404, "not found"), "gone"),
        (refused(403, "no"), "unreadable: "),
    ],
)
def test_why_the_task_goes_on(found, reason):
    event = event_of(found, found, found)
    assert event["reason"].startswith(reason)
    assert event["since"] is None


def test_the_time_of_the_task_runs_out():
    assert event_of(pod(running={}), deadline=time.time() - 1)["reason"] == "deadline"
