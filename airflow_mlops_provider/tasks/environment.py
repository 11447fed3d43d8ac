"""The environment of a job: addresses and secrets from Connections and configuration, which never enter a request."""

from __future__ import annotations

from airflow_mlops_provider.airflow_versions import AirflowNotFoundException
from airflow_mlops_provider.exceptions import BackendError
from airflow_mlops_provider.hooks.mlflow import DEFAULT_CONN_ID, MLflowHook
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
