"""What a description of a job means, in one sentence; the reasons are those that AWS documents."""

from __future__ import annotations

import pytest

from airflow_mlops_provider.exceptions import BackendError
from airflow_mlops_provider.jobs.exit_message import ExitMessage
from airflow_mlops_provider.runners.processing_jobs.status import (
    error_in,
    has_ended,
    is_running,
    is_stopping,
    message_of,
)


def test_a_job_without_a_machine_yet_does_not_run():
    waiting = {"ProcessingJobStatus": "InProgress"}
    assert not is_running(waiting)
    assert is_running({**waiting, "ProcessingStartTime": 1.0})


@pytest.mark.parametrize(
    ("status", "ended", "stopping"),
    [
        ("InProgress", False, False),
        ("Stopping", False, True),
        ("Completed", True, False),
        ("Failed", True, False),
        ("Stopped", True, False),
    ],
)
def test_each_status_is_one_of_running_stopping_and_ended(status, ended, stopping):
    job = {"ProcessingJobStatus": status}
    assert (has_ended(job), is_stopping(job)) == (ended, stopping)


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (
            {"ProcessingJobStatus": "Stopped", "StoppingCondition": {"MaxRuntimeInSeconds": 86400}},
            "here: it was stopped; somebody stopped it, or it ran longer than 86,400 s",
        ),
        ({"ProcessingJobStatus": "Stopped"}, "here: it was stopped; somebody stopped it"),
        (
            {
                "ProcessingJobStatus": "Failed",
                "FailureReason": "CapacityError: Unable to provision ML compute capacity",
            },
            "here: CapacityError: Unable to provision ML compute capacity",
        ),
        (
            {"ProcessingJobStatus": "Failed", "FailureReason": "AlgorithmError: , exit code: 137"},
            "here: AlgorithmError: , exit code: 137; it may have run out of memory: give it a larger instance_type",
        ),
        (
            {"ProcessingJobStatus": "Failed", "FailureReason": "AlgorithmError", "ExitMessage": "another\nprogram's"},
            "here: AlgorithmError another program's",
        ),
        ({"ProcessingJobStatus": "Completed"}, "here: it ended without a word and without an Outcome"),
    ],
)
def test_a_job_without_a_last_word_is_told_with_what_aws_says(job, said):
    error = error_in(job, where="here")
    assert (type(error), str(error)) == (BackendError, said)


def test_a_last_word_is_read_and_any_other_text_is_none():
    text = '{"status": 2, "outcome_uri": "", "error": "no such file"}'
    assert message_of({"ExitMessage": text}) == ExitMessage(status=2, error="no such file")
    assert message_of({"ExitMessage": "Killed"}) is None
    assert message_of({}) is None
