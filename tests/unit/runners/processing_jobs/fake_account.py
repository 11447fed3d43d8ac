"""A small account: jobs that a test ends, names that can be used once, and a log."""

from __future__ import annotations

from typing import Any

from airflow_mlops_provider.exceptions import AlreadyExistsError, BackendError
from airflow_mlops_provider.jobs.exit_message import ExitMessage
from airflow_mlops_provider.runners.sagemaker import SageMakerRunner


class FakeAccount:
    """What :class:`~airflow_mlops_provider.runners.processing_jobs.account.Account` offers, in memory."""

    aws_conn_id, region, region_name = "cloud", None, "us-east-1"

    def __init__(self) -> None:
        self.made: dict[str, dict[str, Any]] = {}
        self.tagged: dict[str, dict[str, str]] = {}
        self.stopped: list[str] = []
        self.log: list[str] = []
        self.log_error: BackendError | None = None
        self.hidden: set[str] = set()
        """Names that the next look does not find yet."""

    def role_arn(self, role: str) -> str:
        return role

    def create(self, request: dict[str, Any]) -> None:
        name = request["ProcessingJobName"]
        if name in self.made:
            raise AlreadyExistsError(f"{name} exists")
        arn = f"arn:job/{name}"
        self.made[name] = {**request, "ProcessingJobArn": arn, "ProcessingJobStatus": "InProgress"}
        self.made[name] |= {"ProcessingStartTime": 1.0}
        self.tagged[arn] = {}

    def describe(self, name: str) -> dict[str, Any] | None:
        if name in self.hidden:
            self.hidden.discard(name)
            return None
        return dict(self.made[name]) if name in self.made else None

    def jobs(self, *, containing: str) -> list[dict[str, Any]]:
        return [dict(job) for name, job in self.made.items() if containing in name and name not in self.hidden]

    def stop(self, name: str) -> None:
        self.stopped.append(name)
        self.made[name]["ProcessingJobStatus"] = "Stopped"

    def tags(self, arn: str) -> dict[str, str]:
        return self.tagged[arn]

    def tag(self, arn: str, tags: dict[str, str]) -> None:
        self.tagged[arn] |= tags

    def log_streams(self, name: str) -> list[str]:
        if self.log_error is not None:
            raise self.log_error
        return [f"{name}/algo-1"] if self.log else []

    def log_token(self) -> list[int]:
        return [0]

    def log_events(self, name: str, stream: str, token: list[int]) -> list[str]:
        new = self.log[token[0] :]
        token[0] += len(new)
        return new

    def end(self, name: str, *, code: int | None = None, reason: str | None = None, **message: Any) -> None:
        """End a job.

        :param code: exit status of its process; ``None`` when it left no last word.
        """
        said = None if code is None else ExitMessage(status=code, **message).to_bytes(at_most=1024).decode()
        ended = "Failed" if code or reason else "Completed"
        told = {"ProcessingJobStatus": ended, "ExitMessage": said, "FailureReason": reason}
        self.made[name] |= {key: value for key, value in told.items() if value is not None}


def runner_on(account: FakeAccount, **arguments: Any) -> SageMakerRunner:
    """A runner whose account it is."""
    given = {"image": "mlops", "role": "arn:aws:iam::123456789012:role/jobs", "poll_seconds": 0.0}
    runner = SageMakerRunner(**{**given, "late_log_seconds": 0.0, **arguments})
    runner.account = account  # type: ignore[assignment]  # what a runner needs of one
    return runner
