"""An Airflow Connection as the address of an MLflow tracking server."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from airflow.sdk import BaseHook

from airflow_mlops_provider.exceptions import BackendError

DEFAULT_CONN_ID = "mlflow_default"


class MLflowHook(BaseHook):
    """Reads a Connection of type ``mlflow``.

    Host, scheme and port make the tracking address; the extra ``tracking_uri`` (``sqlite:///...``,
    ``databricks``) replaces them. Login and password reach the job through its environment alone.

    :param tracking_conn_id: the Connection's id.
    """

    conn_name_attr = "tracking_conn_id"
    default_conn_name = DEFAULT_CONN_ID
    conn_type = "mlflow"
    hook_name = "MLflow tracking"

    def __init__(self, tracking_conn_id: str = DEFAULT_CONN_ID, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tracking_conn_id = tracking_conn_id

    def get_conn(self) -> dict[str, str]:
        """The job's environment variables: ``MLFLOW_TRACKING_URI`` and, where given, user name and password.

        :raises BackendError: when the Connection gives no address.
        """
        connection = self.get_connection(self.tracking_conn_id)
        extra = connection.extra_dejson
        uri = extra.get("tracking_uri") or _address(connection)
        if not uri:
            raise BackendError(f"connection {self.tracking_conn_id!r} has neither a host nor an extra 'tracking_uri'")
        found = {
            "MLFLOW_TRACKING_URI": uri,
            "MLFLOW_TRACKING_USERNAME": connection.login,
            "MLFLOW_TRACKING_PASSWORD": connection.password,
            "MLFLOW_TRACKING_TOKEN": extra.get("token"),
        }
        return {name: str(value) for name, value in found.items() if value}

    def test_connection(self) -> tuple[bool, str]:
        """Whether the server answers, and what it said; used by the Connection form's test button."""
        from airflow_mlops_provider.stores.models import ModelStore

        try:
            ModelStore(self.get_conn()["MLFLOW_TRACKING_URI"])
        except Exception as error:  # noqa: BLE001  # the form shows whatever went wrong
            return False, str(error)
        return True, "MLflow answers"


def _address(connection: Any) -> str:
    """Scheme, host, port and path, each from where the Connection's form took it.

    A host may carry a scheme, a port and a path of its own, as people paste addresses. The form's port is used where
    the host names none.
    """
    if not connection.host:
        return ""
    scheme = connection.schema if connection.schema in ("http", "https") else "http"
    given = connection.host if "://" in connection.host else f"{scheme}://{connection.host}"
    parts = urlsplit(given)
    if parts.port or not connection.port:
        return given.rstrip("/")
    credentials, at, name = parts.netloc.rpartition("@")
    netloc = f"{credentials}{at}{name.rstrip(':')}:{connection.port}"
    return urlunsplit(parts._replace(netloc=netloc)).rstrip("/")
