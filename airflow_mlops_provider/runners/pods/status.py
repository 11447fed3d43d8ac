"""What the status of a pod means, in one sentence.

Pods are those of the Kubernetes client, ``V1Pod``.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from airflow_mlops_provider.exceptions import BackendError, MLOpsError, one_line
from airflow_mlops_provider.jobs.exit_message import ExitMessage
from airflow_mlops_provider.jobs.protocol import error_of

CONTAINER = "mlops"
"""The container that runs the job; a template may bring others."""

_MAX_MESSAGE = 500
_OUT_OF_MEMORY = "OOMKilled"
_SIGNALS = 128
"""A container that a signal killed ends with this plus the signal's number."""

_FATAL = frozenset({"InvalidImageName", "ErrImageNeverPull"})
_PULLING = frozenset({"ErrImagePull", "ImagePullBackOff"})
_PASSING = re.compile(
    "qps exceeded|rate limit|too many requests|quota exceeded|temporarily unavailable|timeout|account limit"
    "|bad gateway|service unavailable",
    re.IGNORECASE,
)
"""What a registry says of a trouble that passes; the cluster tries again by itself."""


def container_of(pod: Any, name: str = CONTAINER) -> Any | None:
    """The status of a container of ``pod``, or ``None`` before it has one."""
    statuses = (pod.status and pod.status.container_statuses) or []
    return next((status for status in statuses if status.name == name), None)


def terminated(pod: Any) -> Any | None:
    """How the job's container ended, or ``None`` while it has not, or never began."""
    status = container_of(pod)
    return status.state.terminated if status is not None and status.state is not None else None


def is_running(pod: Any) -> bool:
    """Whether the job's container runs."""
    status = container_of(pod)
    return status is not None and status.state is not None and status.state.running is not None


def has_ended(pod: Any) -> bool:
    """Whether the job has ended, also when containers beside it go on."""
    return terminated(pod) is not None or _phase(pod) in ("Failed", "Succeeded")


def is_leaving(pod: Any) -> bool:
    """Whether somebody has deleted the pod; its processes may still run."""
    return pod.metadata.deletion_timestamp is not None


def age_seconds(pod: Any) -> float:
    """Seconds since the cluster made the pod."""
    made = pod.metadata.creation_timestamp
    return (datetime.now(UTC) - made).total_seconds() if made else 0.0


def message_of(pod: Any) -> ExitMessage | None:
    """The last word of the job, or ``None`` when it left none."""
    ended = terminated(pod)
    return ExitMessage.parse(ended.message) if ended is not None else None


def waits_for(pod: Any) -> str:
    """Why the job has not begun, as the cluster says it."""
    for status in (*_init_statuses(pod), container_of(pod)):
        waiting = status.state.waiting if status is not None and status.state is not None else None
        if waiting is not None and waiting.reason and waiting.reason != "PodInitializing":
            return _said(waiting.reason, waiting.message)
    for condition in (pod.status and pod.status.conditions) or []:
        if condition.type == "PodScheduled" and condition.status == "False":
            return _said(condition.reason, condition.message)
    return "no node has taken it" if not (pod.spec and pod.spec.node_name) else "its node has not begun it"


def cannot_start(pod: Any) -> str | None:
    """Why the job will not begin however long one waits, or ``None``."""
    for status in (*_init_statuses(pod), container_of(pod)):
        waiting = status.state.waiting if status is not None and status.state is not None else None
        if waiting is None or waiting.reason not in _FATAL | _PULLING:
            continue
        if waiting.reason in _FATAL or not _PASSING.search(waiting.message or ""):
            return f"image {status.image or '?'} cannot be pulled: {_said(waiting.reason, waiting.message)}"
    return None


def error_in(pod: Any, *, where: str) -> MLOpsError:
    """Why a job that has ended left no last word.

    :param where: the job and its pod.
    """
    if pod.status.reason:  # the cluster ended the whole pod: Evicted, NodeLost, Shutdown, DeadlineExceeded ...
        return BackendError(f"{where}: the cluster ended it: {_said(pod.status.reason, pod.status.message)}")
    ended = terminated(pod)
    if ended is None:
        return BackendError(f"{where}: {_failed_before(pod)}")
    if ended.reason == _OUT_OF_MEMORY:
        return BackendError(f"{where}: out of memory: it was killed at its limit{_limit(pod)}; give it more memory")
    status = ended.exit_code
    if status > _SIGNALS:
        return error_of(_SIGNALS - status, (), where=where)
    return error_of(status, (ended.message or "").splitlines(), where=where)


def _failed_before(pod: Any) -> str:
    for status in _init_statuses(pod):
        ended = status.state.terminated if status.state is not None else None
        if ended is not None and ended.exit_code:
            return f"its init container {status.name!r} failed (exit status {ended.exit_code})"
    return "its pod failed before the job began"


def _limit(pod: Any) -> str:
    container = next((each for each in pod.spec.containers if each.name == CONTAINER), None)
    limits = (container.resources and container.resources.limits) if container is not None else None
    return f" of {limits['memory']}" if limits and "memory" in limits else ""


def _init_statuses(pod: Any) -> list[Any]:
    return list((pod.status and pod.status.init_container_statuses) or [])


def _phase(pod: Any) -> str:
    return str(pod.status.phase) if pod.status is not None else ""


def _said(reason: str | None, message: str | None) -> str:
    told = one_line(message or "", longest=_MAX_MESSAGE)
    return f"{reason}: {told}" if told and reason else reason or told
