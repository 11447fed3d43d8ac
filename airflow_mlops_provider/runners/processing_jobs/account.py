"""The calls to SageMaker and CloudWatch, through Airflow's hooks; what goes wrong is one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_mlops_provider.airflow_versions import AirflowNotFoundException
from airflow_mlops_provider.exceptions import AlreadyExistsError, BackendError, BadInputError, MLOpsError, one_line

if TYPE_CHECKING:
    from airflow.providers.amazon.aws.hooks.logs import AwsLogsHook
    from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook

DEFAULT_CONN_ID = "aws_default"
LOG_GROUP = "/aws/sagemaker/ProcessingJobs"

_LONGEST = 600
_TAKEN = ("already exists", "must be unique")
"""What SageMaker says of a name that was used before, besides its code."""
_ABSENT = ("could not find", "not found", "does not exist")


@dataclass(frozen=True, kw_only=True)
class Account:
    """An AWS account and region as a runner needs it.

    :param aws_conn_id: Connection of type ``aws``; ``None``, and the default one where it does not exist, mean boto3's
        own search.
    :param region: by default that of the Connection, then that of the environment.
    """

    aws_conn_id: str | None = DEFAULT_CONN_ID
    region: str | None = None

    def __str__(self) -> str:
        # Of its parts alone: an error is told by it, and asking for more might fail as well.
        region = self.region or self.hook.region_name
        return f"AWS (connection {self.aws_conn_id!r}{f', region {region!r}' if region else ''})"

    @cached_property
    def hook(self) -> SageMakerHook:
        """Airflow's hook.

        :raises BackendError: when the provider is not installed, or a Connection that is named does not exist.
        """
        try:
            from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
        except ImportError as error:
            raise BackendError(
                "SageMakerRunner needs Airflow's provider: pip install 'airflow-mlops-provider[amazon]'"
            ) from error
        hook = SageMakerHook(aws_conn_id=self.aws_conn_id, region_name=self.region)  # type: ignore[no-untyped-call]  # as below
        if self.aws_conn_id not in (None, DEFAULT_CONN_ID):
            try:
                hook.get_connection(self.aws_conn_id)  # the hook itself takes a missing one for an empty one
            except AirflowNotFoundException as error:
                raise BackendError(f"connection {self.aws_conn_id!r}: {error}") from error
        return hook

    @cached_property
    def region_name(self) -> str | None:
        """The region that is asked."""
        with self._told("find a region"):
            found: str | None = self.region or self.hook.region_name or self.hook.get_session().region_name
            return found

    def role_arn(self, role: str) -> str:
        """The ARN of ``role``, which is a name or an ARN already."""
        with self._told(f"look up role {role}"):
            return str(self.hook.expand_role(role, region_name=self.region_name))

    def create(self, request: Mapping[str, Any]) -> None:
        """Start a Processing job.

        :raises AlreadyExistsError: when a job had its name, however long ago.
        :raises BadInputError: when SageMaker says that it is no such request.
        """
        with self._told(f"start job {request['ProcessingJobName']}"):
            self.hook.create_processing_job(dict(request), wait_for_completion=False)

    def describe(self, name: str) -> dict[str, Any] | None:
        """What SageMaker says of job ``name``, or ``None`` when there never was one."""
        from botocore.exceptions import ClientError

        with self._told(f"ask for job {name}"):
            try:
                return dict(self.hook.describe_processing_job(name))
            except ClientError as error:
                if _is_absent(error):
                    return None
                raise

    def jobs(self, *, containing: str) -> list[dict[str, Any]]:
        """Name and status of the jobs whose names contain this; a job of the last seconds may be missing."""
        with self._told("list jobs"):
            return list(self.hook.list_processing_jobs(NameContains=containing))

    def stop(self, name: str) -> None:
        """Ask a job to end; one that has ended is no fault."""
        try:
            with self._told(f"stop job {name}"):
                self.hook.conn.stop_processing_job(ProcessingJobName=name)
        except BadInputError:
            found = self.describe(name)
            if found is not None and found["ProcessingJobStatus"] == "InProgress":
                raise

    def tags(self, arn: str) -> dict[str, str]:
        """The tags of a job."""
        with self._told("list tags"):
            pages = self.hook.conn.get_paginator("list_tags").paginate(ResourceArn=arn)
            return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """Add tags to a job."""
        with self._told("add tags"):
            self.hook.conn.add_tags(ResourceArn=arn, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])

    def log_streams(self, name: str) -> list[str]:
        """The streams of the job's log: one when it has begun to write, and none before."""
        from botocore.exceptions import ClientError

        with self._told(f"read the log of job {name}"):
            try:
                found = self._logs.conn.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{name}/")
            except ClientError as error:
                if _is_absent(error):  # before the first job of the region there is no group
                    return []
                raise
        return [stream["logStreamName"] for stream in found["logStreams"]]

    def log_events(self, name: str, stream: str, token: Any) -> Iterator[str]:
        """The lines of a stream that came since ``token`` was moved last; moves it."""
        with self._told(f"read the log of job {name}"):
            for event in self._logs.get_log_events(LOG_GROUP, stream, continuation_token=token):
                yield event["message"]

    def log_token(self) -> Any:
        """A mark in a stream, at its beginning."""
        return self._logs.ContinuationToken()  # type: ignore[no-untyped-call]  # the provider's own

    @cached_property
    def _logs(self) -> AwsLogsHook:
        from airflow.providers.amazon.aws.hooks.logs import AwsLogsHook

        return AwsLogsHook(aws_conn_id=self.aws_conn_id, region_name=self.region_name)

    @contextmanager
    def _told(self, doing: str) -> Iterator[None]:
        """Turn what boto3 raises into errors of ours."""
        from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

        try:
            yield
        except ClientError as error:
            raise self._error(error, doing) from error
        except ParamValidationError as error:
            raise BadInputError(f"cannot {doing}: {one_line(error, longest=_LONGEST)}") from error
        except BotoCoreError as error:
            raise BackendError(f"{self}: cannot {doing}: {one_line(error, longest=_LONGEST)}") from error

    def _error(self, error: Any, doing: str) -> MLOpsError:
        code, said = _code(error), one_line(error.response["Error"].get("Message", ""), longest=_LONGEST)
        if code == "ResourceInUse" or any(word in said for word in _TAKEN):
            return AlreadyExistsError(f"{self}: cannot {doing}: {said}")
        if code in ("AccessDeniedException", "AccessDenied", "UnauthorizedOperation"):
            return BackendError(f"{self} may not {doing}: {said}")
        if code == "ResourceLimitExceeded":
            return BackendError(f"{self}: cannot {doing}: a quota of the account is reached: {said}")
        if code in ("ValidationException", "ValidationError"):
            return BadInputError(f"{self}: cannot {doing}: {said}")
        return BackendError(f"{self}: cannot {doing}: {code}: {said}")


def _code(error: Any) -> str:
    return str(error.response["Error"].get("Code", ""))


def _is_absent(error: Any) -> bool:
    said = str(error.response["Error"].get("Message", "")).lower()
    if _code(error) in ("ResourceNotFound", "ResourceNotFoundException"):
        return True
    return _code(error) in ("ValidationException", "ValidationError") and any(word in said for word in _ABSENT)
