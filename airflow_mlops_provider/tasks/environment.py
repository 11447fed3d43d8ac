"""The environment of a job: addresses and secrets from Connections and configuration, which never enter a request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow_mlops_provider.airflow_versions import AirflowNotFoundException
from airflow_mlops_provider.exceptions import BackendError
from airflow_mlops_provider.hooks.aws import aws_environment
from airflow_mlops_provider.hooks.mlflow import DEFAULT_CONN_ID, MLflowHook
from airflow_mlops_provider.stores.aws_access import aws_access, is_within_access
from airflow_mlops_provider.tasks.settings import aws_conn_id as configured_aws_conn_id
from airflow_mlops_provider.tasks.settings import job_environment, tracking_uri


def tracking_environment(tracking_conn_id: str) -> dict[str, str]:
    """Environment of a job that talks to MLflow: where it is, and which models' pickles may be opened.

    A Connection wins over ``[mlops] tracking_uri``; with neither, MLflow lives on SQLite beside the evidence.

    :raises BackendError: when a Connection other than the default one is named and does not exist.
    """
    try:
        return job_environment() | MLflowHook(tracking_conn_id).get_conn()
    except AirflowNotFoundException as error:
        if tracking_conn_id != DEFAULT_CONN_ID:
            raise BackendError(f"connection {tracking_conn_id!r}: {error}") from error
    configured = tracking_uri()
    return job_environment() | ({"MLFLOW_TRACKING_URI": configured} if configured else {})


def aws_variables(aws_conn_id: str | None = None) -> dict[str, str]:
    """The variables of the Connection that is named, here or in ``[mlops] aws_conn_id``; none without one.

    :raises BackendError: when it does not exist or gives no access.
    """
    named = aws_conn_id or configured_aws_conn_id()
    return aws_environment(named) if named else {}


@contextmanager
def s3_access(aws_conn_id: str | None = None) -> Iterator[dict[str, str]]:
    """Within the block, this process reaches S3 by the Connection that :func:`aws_variables` names, if any.

    :returns: its variables, for a job that runs elsewhere.
    :raises BackendError: as :func:`aws_variables`.
    """
    variables = aws_variables(aws_conn_id)
    with aws_access(variables):
        yield variables


@contextmanager
def default_s3_access() -> Iterator[None]:
    """As :func:`s3_access` with the configured Connection, unless the caller said already how S3 is reached."""
    if is_within_access():
        yield
        return
    with s3_access():
        yield
