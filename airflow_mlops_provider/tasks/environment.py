"""The environment of a job: addresses and secrets from Connections and configuration, which never enter a request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from airflow_mlops_provider.airflow_versions import AirflowNotFoundException
from airflow_mlops_provider.exceptions import BackendError, BadInputError, MLOpsError
from airflow_mlops_provider.hooks.aws import aws_environment
from airflow_mlops_provider.hooks.database import database_address
from airflow_mlops_provider.hooks.iceberg import catalogue_environment
from airflow_mlops_provider.hooks.mlflow import DEFAULT_CONN_ID, MLflowHook
from airflow_mlops_provider.records.database_address import address_variable
from airflow_mlops_provider.records.requests.request import JobRequest
from airflow_mlops_provider.records.table_source import is_table_uri, table_source
from airflow_mlops_provider.records.table_version import catalogue_of, is_catalogue_uri
from airflow_mlops_provider.runners.in_process import environment_of
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


def database_environment(request: JobRequest) -> dict[str, str]:
    """Environment of a job that reads or writes tables: the address of each database or catalogue it is led to.

    Those that its keys name, that the evidence names which it is given, and that hold what a champion was trained on.

    :raises BadInputError: when a Connection does not exist or makes no address.
    """
    return _addresses({*_table_uris(request.to_spec()), *_recorded_uris(request)})


@contextmanager
def reachable_databases(uri: str) -> Iterator[None]:
    """Let this process reach the database or catalogue that a dataset's URI names, while the block runs."""
    with environment_of(_addresses({uri} if _needs_connection(uri) else set())):
        yield


def _needs_connection(uri: str) -> bool:
    return is_table_uri(uri) or is_catalogue_uri(uri)


def _addresses(uris: set[str]) -> dict[str, str]:
    catalogues = {catalogue_of(uri) for uri in uris if is_catalogue_uri(uri)}
    of_catalogues = {key: value for name in sorted(catalogues) for key, value in catalogue_environment(name).items()}
    return of_catalogues | _of_databases({uri for uri in uris if is_table_uri(uri)})


def _of_databases(uris: set[str]) -> dict[str, str]:
    found: dict[str, tuple[str, str]] = {}
    for conn_id in sorted({table_source(uri).conn_id for uri in uris}):
        variable = address_variable(conn_id)
        other = found.get(variable)
        if other is not None:
            raise BadInputError(f"databases {other[0]!r} and {conn_id!r} share the environment variable {variable}")
        found[variable] = (conn_id, database_address(conn_id))
    return {variable: address for variable, (_, address) in found.items()}


def _table_uris(value: Any) -> Iterator[str]:
    """Every URI in plain JSON of a table that is reached by a Connection."""
    if isinstance(value, str) and _needs_connection(value):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _table_uris(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _table_uris(item)


def _recorded_uris(request: JobRequest) -> Iterator[str]:
    """The tables that records name which the request points at; what cannot be read is for the job to say."""
    from airflow_mlops_provider.stores.chains.reference import is_model_uri, reference_dataset
    from airflow_mlops_provider.stores.evidence.store import read_evidence

    spec = request.to_spec()
    given = spec.get("evidence") or ()
    for uri in (given,) if isinstance(given, str) else given:
        try:
            evidence = read_evidence(uri)
        except MLOpsError:
            continue
        refs = (evidence.dataset, *evidence.inputs.values())
        yield from (ref.uri for ref in refs if ref is not None and _needs_connection(ref.uri))
    reference = (spec.get("reference") or {}).get("uri", "")
    if is_model_uri(reference) and "@" in reference and request.evidence_root is not None:
        try:
            found = reference_dataset(reference, request.evidence_root).uri
        except MLOpsError:
            return
        if _needs_connection(found):
            yield found
