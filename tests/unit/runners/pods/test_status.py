"""What clusters report of a pod, in one sentence."""

from __future__ import annotations

import pytest
from airflow.providers.cncf.kubernetes.pod_generator import PodGenerator

from airflow_mlops_provider.exceptions import BackendError, BadInputError, JobFaultError
from airflow_mlops_provider.runners.pods.status import cannot_start, error_in, has_ended, is_running, waits_for

BESIDE = {"name": "proxy", "image": "p", "imageID": "", "ready": True, "restartCount": 0, "state": {"running": {}}}


def pod(*, state=None, init=None, node="n", limits=None, beside=(), **status):
    container = {"name": "mlops", "image": "image:1", "imageID": "", "ready": False, "restartCount": 0}
    statuses = [*beside, *([{**container, "state": state}] if state else [])]
    if init:
        status["initContainerStatuses"] = [{**container, "name": "setup", "state": init}]
    spec = {"containers": [{"name": "mlops", "resources": {"limits": limits}}], "nodeName": node}
    return PodGenerator.deserialize_model_dict(
        {"metadata": {"name": "p"}, "spec": spec, "status": {"containerStatuses": statuses, **status}}
    )


UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes:\n no GPU"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"conditions": [UNSCHEDULABLE]}, "Unschedulable: 0/3 nodes: no GPU"),
        ({"node": None}, "no node has taken it"),
        ({}, "its node has not begun it"),
        ({"state": {"waiting": {"reason": "ContainerCreating"}}}, "ContainerCreating"),
        ({"state": {"waiting": {"reason": "PodInitializing"}}, "init": {"running": {}}}, "its node has not begun it"),
        ({"init": {"waiting": {"reason": "ErrImagePull", "message": "none"}}}, "ErrImagePull: none"),
    ],
)
def test_what_a_pod_waits_for(given, said):
    assert waits_for(pod(**given)) == said


@pytest.mark.parametrize(
    ("reason", "message", "is_hopeless"),
    [
        ("ErrImagePull", "not found", True),
        ("ImagePullBackOff", "Back-off pulling image", True),
        ("InvalidImageName", "503 service unavailable", True),
        ("ErrImagePull", "toomanyrequests: rate limit", False),
        ("ErrImagePull", "502 Bad Gateway", False),
        ("ContainerCreating", None, False),
    ],
)
@pytest.mark.parametrize("where", ["state", "init"])
def test_an_image_that_cannot_be_pulled_is_told_from_a_trouble_that_passes(reason, message, is_hopeless, where):
    told = cannot_start(pod(**{where: {"waiting": {"reason": reason, "message": message}}}))
    assert told == (f"image image:1 cannot be pulled: {reason}: {message}" if is_hopeless else None)


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ({"state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}, "limits": {"memory": "2Gi"}}, BackendError,
         "here: out of memory: it was killed at its limit of 2Gi; give it more memory"),
        ({"state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}, BackendError,
         "here: out of memory: it was killed at its limit; give it more memory"),
        ({"reason": "Evicted", "message": "low on\nmemory", "phase": "Failed"}, BackendError,
         "here: the cluster ended it: Evicted: low on memory"),
        ({"reason": "Evicted", "state": {"terminated": {"exitCode": 137, "reason": "Error"}}}, BackendError,
         "here: the cluster ended it: Evicted"),
        ({"state": {"terminated": {"exitCode": 143, "reason": "Error"}}}, BackendError,
         "here: it ended without a word, killed by SIGTERM (signal 15)"),
        ({"state": {"terminated": {"exitCode": 1, "message": "line\nno module named x"}}}, BackendError,
         "here: no module named x"),
        ({"state": {"terminated": {"exitCode": 2, "message": "unrecognized arguments"}}}, BadInputError,
         "unrecognized arguments"),
        ({"state": {"terminated": {"exitCode": 1, "message": 'Traceback (most recent call last):\n  File "a"\nE: x'}}},
         JobFaultError, "here: E: x"),
        ({"state": {"terminated": {"exitCode": 0}}}, BackendError,
         "here: it ended without a word and without an Outcome (exit status 0)"),
        ({"phase": "Failed", "init": {"terminated": {"exitCode": 3}}}, BackendError,
         "here: its init container 'setup' failed (exit status 3)"),
        ({"phase": "Failed"}, BackendError, "here: its pod failed before the job began"),
    ],
)  # fmt: skip
def test_why_a_job_without_a_last_word_ended(given, kind, said):
    error = error_in(pod(**given), where="here")
    assert (type(error), str(error)) == (kind, said)


def test_a_job_has_ended_although_a_container_beside_it_goes_on():
    ended = pod(state={"terminated": {"exitCode": 0}}, beside=[BESIDE], phase="Running")
    assert (has_ended(ended), is_running(ended)) == (True, False)
    running = pod(state={"running": {}}, beside=[BESIDE], phase="Running")
    assert (has_ended(running), is_running(running)) == (False, True)
    assert not is_running(pod(beside=[BESIDE], phase="Running"))
    assert has_ended(pod(phase="Failed"))
