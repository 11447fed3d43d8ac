"""An Airflow Connection of type ``aws`` as the environment of a job and of whatever reads evidence."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow.sdk.log import mask_secret

from airflow_mlops_provider.airflow_versions import AirflowException, AirflowNotFoundException
from airflow_mlops_provider.exceptions import BackendError, one_line

if TYPE_CHECKING:
    from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook

FRESH_SECONDS = 600.0
"""How long a long-lived process uses what it read; Amazon's temporary credentials live 15 minutes at least."""


def aws_environment(aws_conn_id: str) -> dict[str, str]:
    """The variables by which Amazon's clients find credentials, region and endpoints.

    A role that the Connection names is assumed here, and the variables hold its temporary credentials. A Connection
    without any credentials leaves them to the surroundings of the job, such as a role of its machine.

    :param aws_conn_id: the Connection's id.
    :raises BackendError: when there is no such Connection, the provider ``amazon`` is not installed, or the credentials
        cannot be had.
    """
    hook = _hook(aws_conn_id)
    try:
        connection = hook.conn_config
        found = {
            **_credentials(hook),
            "AWS_DEFAULT_REGION": connection.region_name,
            "AWS_CA_BUNDLE": connection.verify if isinstance(connection.verify, str) else None,
            **_endpoints(connection),
        }
    except Exception as error:  # botocore and the provider raise families of their own
        raise BackendError(f"connection {aws_conn_id!r} gives no access to AWS: {one_line(error)}") from error
    return {name: value for name, value in found.items() if value is not None}


class AwsAccess:
    """The variables of a Connection for a process that outlives temporary credentials.

    :param aws_conn_id: the Connection's id.
    :param read: how they are read.
    :param clock: seconds.
    """

    def __init__(
        self,
        aws_conn_id: str,
        *,
        read: Callable[[str], dict[str, str]] = aws_environment,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._aws_conn_id = aws_conn_id
        self._read = read
        self._clock = clock
        self._kept: dict[str, str] = {}
        self._read_at: float | None = None

    def variables(self) -> dict[str, str]:
        """As :func:`aws_environment`, read anew when they are older than :data:`FRESH_SECONDS`."""
        now = self._clock()
        if self._read_at is None or now - self._read_at > FRESH_SECONDS:
            self._kept, self._read_at = self._read(self._aws_conn_id), now
        return self._kept


def _hook(aws_conn_id: str) -> AwsGenericHook[Any]:
    try:
        from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook
    except ImportError as error:
        raise BackendError(
            f"connection {aws_conn_id!r} needs Airflow's provider for Amazon: "
            "pip install 'airflow-mlops-provider[amazon]'"
        ) from error
    hook: AwsGenericHook[Any] = AwsGenericHook(aws_conn_id=aws_conn_id, client_type="s3")
    try:
        hook.get_connection(aws_conn_id)  # the hook itself takes a missing one for an empty one
    except (AirflowNotFoundException, ImportError) as error:
        # An ImportError is how the API server of Airflow 3.1.0 says that it has no such Connection.
        raise BackendError(f"connection {aws_conn_id!r}: {error}") from error
    return hook


def _credentials(hook: AwsGenericHook[Any]) -> dict[str, str]:
    connection = hook.conn_config
    if not (connection.aws_access_key_id or connection.profile_name or connection.role_arn):
        return {}
    credentials = hook.get_session().get_credentials()
    if credentials is None:
        raise AirflowException("it has no credentials")
    frozen = credentials.get_frozen_credentials()
    for secret in filter(None, (frozen.secret_key, frozen.token)):
        mask_secret(secret)
    return {
        "AWS_ACCESS_KEY_ID": frozen.access_key,
        "AWS_SECRET_ACCESS_KEY": frozen.secret_key,
        # Also when it is empty: a token of the worker's own does not fit these credentials.
        "AWS_SESSION_TOKEN": frozen.token or "",
        "AWS_SECURITY_TOKEN": "",
        "AWS_CREDENTIAL_EXPIRATION": "",
    }


def _endpoints(connection: Any) -> dict[str, str]:
    found = {"AWS_ENDPOINT_URL": connection.endpoint_url}
    for service, config in connection.service_config.items():
        name = service.replace(" ", "_").replace("-", "_").upper()
        found[f"AWS_ENDPOINT_URL_{name}"] = config.get("endpoint_url")
    return {name: value for name, value in found.items() if value}
