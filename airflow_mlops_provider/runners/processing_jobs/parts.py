"""The request of a Processing job, over what the user says of all of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.jobs.secret_variables import SECRET_PREFIX
from airflow_mlops_provider.runners.remote_job import RemoteJob

MESSAGE_FILE = "/opt/ml/output/message"
MESSAGE_BYTES = 1024

PREFIX = "airflow-mlops-provider"
COLLECTED = f"{PREFIX}:collected"
"""Tag of a job whose end was seen: no retry takes it for its own any more."""

_LONGEST_TEXT = 256
"""Characters of a variable's value, and of one argument on the command line."""
_SPEC_ARGUMENT = 3
_FROM_ORIGIN = ("dag_id", "run_id", "task_id", "map_index")
_SECRETS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
_OF_THE_ROLE = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"),
    *("AWS_CREDENTIAL_EXPIRATION", "AWS_CA_BUNDLE"),
)
"""Variables of a Connection that mean nothing to the job: it has the credentials of its role."""


@dataclass(frozen=True, kw_only=True)
class JobParts:
    """What the user says of the jobs; see :class:`~airflow_mlops_provider.runners.sagemaker.SageMakerRunner`."""

    image: str
    role: str
    python: str
    instance_type: str
    volume_gb: int
    max_runtime: int
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    subnets: Sequence[str] = ()
    security_groups: Sequence[str] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)

    def request(
        self, job: RemoteJob, *, name: str, role_arn: str, region: str | None, environment: Mapping[str, str]
    ) -> dict[str, Any]:
        """The keys of ``CreateProcessingJob``.

        :param name: of the Processing job.
        :param role_arn: the ARN of :attr:`role`.
        :param region: that the job's AWS clients use unless they are told another.
        :param environment: of the job, from Connections.
        :raises BadInputError: when something does not fit into such a request, or would show a secret.
        """
        cluster = {"InstanceCount": 1, "InstanceType": self.instance_type, "VolumeSizeInGB": self.volume_gb}
        arguments = job.arguments(message_file=MESSAGE_FILE, message_bytes=MESSAGE_BYTES)
        own: dict[str, Any] = {
            "ProcessingJobName": name,
            "ProcessingResources": {"ClusterConfig": cluster},
            "StoppingCondition": {"MaxRuntimeInSeconds": self.max_runtime},
            "AppSpecification": {
                "ImageUri": self.image,
                "ContainerEntrypoint": [self.python],
                "ContainerArguments": [_fitting(each, what="the address of the spec") for each in arguments],
            },
            "Environment": self._variables(environment, region),
            "RoleArn": role_arn,
            "Tags": [{"Key": key, "Value": value} for key, value in self._tags(job).items()],
        }
        if self.subnets or self.security_groups:
            vpc = {"Subnets": list(self.subnets), "SecurityGroupIds": list(self.security_groups)}
            own["NetworkConfig"] = {"VpcConfig": vpc}
        return _over(self.config, own)

    def _variables(self, environment: Mapping[str, str], region: str | None) -> dict[str, str]:
        shown = {name: value for name, value in environment.items() if name not in (*_OF_THE_ROLE, *self.secrets)}
        for name, value in shown.items():
            if name in _SECRETS or (name == "MLFLOW_TRACKING_URI" and urlsplit(value).password):
                raise BadInputError(
                    f"SageMakerRunner: {name} holds a secret, which whoever may describe the job would read: "
                    f"keep it in AWS Secrets Manager and give secrets={{{name!r}: its ARN}}"
                )
        named = {"AWS_DEFAULT_REGION": region} if region else {}
        hidden = {f"{SECRET_PREFIX}{name}": arn for name, arn in self.secrets.items()}
        found = {**named, **shown, **self.env, **hidden}
        return {name: _fitting(value, what=f"the value of {name}") for name, value in found.items()}

    def _tags(self, job: RemoteJob) -> dict[str, str]:
        origin = job.spec.get("origin") or {}
        told = {f"{PREFIX}:{key}": _as_tag(str(origin[key])) for key in _FROM_ORIGIN if key in origin}
        return {**self.tags, **told, f"{PREFIX}:job": job.job}


def spec_uri_of(description: Mapping[str, Any]) -> str:
    """Where the spec of a job lies, by the description of its Processing job.

    :raises BadInputError: when that is none of this package's.
    """
    arguments = description.get("AppSpecification", {}).get("ContainerArguments") or []
    if len(arguments) <= _SPEC_ARGUMENT:
        raise BadInputError(f"job {description['ProcessingJobName']} was not started by SageMakerRunner")
    return str(arguments[_SPEC_ARGUMENT])


def _fitting(text: str, *, what: str) -> str:
    if len(text) > _LONGEST_TEXT:
        raise BadInputError(
            f"SageMakerRunner: {what} has {len(text)} characters; SageMaker takes {_LONGEST_TEXT}: {text}"
        )
    return text


def _as_tag(text: str) -> str:
    return re.sub(r"[^\w\s.:/=+\-@]", "_", text)[:_LONGEST_TEXT]


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """``above``, with what ``below`` has besides; the tags of both."""
    merged = {**below, **above}
    for key in below.keys() & above.keys():
        if isinstance(below[key], Mapping) and isinstance(above[key], Mapping):
            merged[key] = _over(below[key], above[key])
        elif key == "Tags":
            merged[key] = [*below[key], *above[key]]
    return merged
