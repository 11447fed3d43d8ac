"""What the description of a Processing job means; descriptions are as ``DescribeProcessingJob`` gives them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from airflow_mlops_provider.exceptions import BackendError, MLOpsError, one_line
from airflow_mlops_provider.jobs.exit_message import ExitMessage

_LONGEST = 500
_KILLED = re.compile(r"exit code:? 137\b")


def has_ended(job: Mapping[str, Any]) -> bool:
    """Whether the job has ended, however."""
    return job["ProcessingJobStatus"] in ("Completed", "Failed", "Stopped")


def is_stopping(job: Mapping[str, Any]) -> bool:
    """Whether somebody has stopped the job, and it has not ended yet."""
    return bool(job["ProcessingJobStatus"] == "Stopping")


def is_running(job: Mapping[str, Any]) -> bool:
    """Whether its container runs; before that, SageMaker looks for a machine and pulls the image."""
    return not has_ended(job) and job.get("ProcessingStartTime") is not None


def message_of(job: Mapping[str, Any]) -> ExitMessage | None:
    """The last word of the job, or ``None`` when it left none."""
    return ExitMessage.parse(job.get("ExitMessage"))


def error_in(job: Mapping[str, Any], *, where: str) -> MLOpsError:
    """Why a job that has ended left no last word.

    :param where: the job and its place.
    """
    if job["ProcessingJobStatus"] == "Stopped":
        seconds = job.get("StoppingCondition", {}).get("MaxRuntimeInSeconds")
        limit = f", or it ran longer than {seconds:,} s" if seconds else ""
        return BackendError(f"{where}: it was stopped; somebody stopped it{limit}")
    said = [job.get("FailureReason"), job.get("ExitMessage")]
    reason = one_line(
        " ".join(filter(None, said)) or "it ended without a word and without an Outcome", longest=_LONGEST
    )
    hint = "; it may have run out of memory: give it a larger instance_type" if _KILLED.search(reason) else ""
    return BackendError(f"{where}: {reason}{hint}")
