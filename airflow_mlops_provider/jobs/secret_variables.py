"""Variables whose values a job reads from AWS Secrets Manager when it begins.

A place such as SageMaker shows the environment of a job to whoever may describe it. There, the environment holds
``MLOPS_SECRET_<NAME>``, the ARN of a secret, and the job makes ``<NAME>`` of it by the permissions of its own role.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, MutableMapping
from typing import Any

from airflow_mlops_provider.exceptions import BackendError, BadInputError, one_line

SECRET_PREFIX = "MLOPS_SECRET_"  # noqa: S105  # the beginning of a variable's name

_PARTS = 7
"""Parts of the ARN of a secret, apart by colons; what follows is a key within it, as Amazon ECS writes it."""


def read_secret_variables(
    environment: MutableMapping[str, str] = os.environ, *, read: Callable[[str], str] | None = None
) -> None:
    """Add the variables that ``environment`` names by the ARNs of secrets.

    :param environment: is changed in place.
    :param read: gives the text of a secret by its ARN.
    :raises BadInputError: when a name is no ARN of a secret, or the secret has no such key.
    :raises BackendError: when a secret cannot be read.
    """
    named = {name.removeprefix(SECRET_PREFIX): arn for name, arn in environment.items() if _is_named(name)}
    for name, arn in named.items():
        environment[name] = _value(arn, name=name, read=read or _from_secrets_manager)


def _is_named(name: str) -> bool:
    return name.startswith(SECRET_PREFIX) and name != SECRET_PREFIX


def _value(arn: str, *, name: str, read: Callable[[str], str]) -> str:
    parts = arn.split(":")
    if len(parts) < _PARTS or parts[2] != "secretsmanager":
        raise BadInputError(f"{name}: {arn} is not the ARN of a secret in AWS Secrets Manager")
    text, key = read(":".join(parts[:_PARTS])), parts[_PARTS] if len(parts) > _PARTS else ""
    return _under(text, key, name=name) if key else text


def _under(text: str, key: str, *, name: str) -> str:
    try:
        found: Any = json.loads(text)
        return str(found[key])
    except (ValueError, KeyError, TypeError):
        raise BadInputError(f"{name}: its secret has no key {key!r}") from None


def _from_secrets_manager(arn: str) -> str:
    try:
        import boto3

        client = boto3.client("secretsmanager", region_name=arn.split(":")[3])
        return str(client.get_secret_value(SecretId=arn)["SecretString"])
    except Exception as error:  # botocore raises a family of its own, made at run time
        raise BackendError(f"secret {arn} cannot be read: {one_line(error)}") from error
