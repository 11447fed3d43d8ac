"""An Airflow Connection as the catalogue of Iceberg tables, in the variables that pyiceberg reads."""

from __future__ import annotations

import re

from airflow.sdk import BaseHook

from airflow_mlops_provider.airflow_versions import AirflowNotFoundException


def catalogue_environment(name: str) -> dict[str, str]:
    """The variables by which pyiceberg finds the catalogue ``name``, with its secrets: for a job's environment alone.

    Host, login and password of the Connection are the catalogue's ``uri`` and ``credential``; its extra are further
    properties: ``{"type": "glue", "warehouse": "s3://lake"}``.

    :param name: of the catalogue and of the Connection.
    :returns: no variables without a Connection of that name: the worker may know the catalogue by itself.
    """
    try:
        connection = BaseHook.get_connection(name)
    except AirflowNotFoundException:
        return {}
    port = f":{connection.port}" if connection.port else ""
    found = {"uri": f"{connection.host}{port}"} if connection.host else {}
    if connection.login and connection.password:
        found["credential"] = f"{connection.login}:{connection.password}"
    elif connection.password:
        found["token"] = connection.password
    found |= {key: str(value) for key, value in connection.extra_dejson.items() if value is not None}
    return {f"PYICEBERG_CATALOG__{_spelled(name)}__{_spelled(key)}": value for key, value in found.items()}


def _spelled(name: str) -> str:
    """As pyiceberg spells a property in the environment: ``s3.access-key-id`` is ``S3__ACCESS_KEY_ID``."""
    return re.sub(r"[^A-Z0-9]", "_", name.upper().replace(".", "__"))
