"""An Airflow Connection as the place of a Spark."""

from __future__ import annotations

from urllib.parse import quote

from airflow.sdk import BaseHook

from airflow_mlops_provider.airflow_versions import AirflowNotFoundException
from airflow_mlops_provider.exceptions import BadInputError


def spark_place(conn_id: str) -> tuple[str | None, str | None]:
    """The master of a Connection of type ``spark``, or the address of one of type ``spark_connect``.

    :returns: master and address; one of them is ``None``.
    :raises BadInputError: when there is no such Connection, or it names no place.
    """
    try:
        connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException as error:
        raise BadInputError(f"Spark {conn_id!r}: there is no Airflow Connection of that name") from error
    host = (connection.host or "").rstrip("/")
    if not host:
        raise BadInputError(f"Spark {conn_id!r}: its Connection has no host")
    port = f":{connection.port}" if connection.port else ""
    if connection.conn_type == "spark_connect":
        said = {"user_id": connection.login, "token": connection.password, **_options(connection.extra_dejson)}
        options = ";".join(f"{name}={quote(str(value), safe='')}" for name, value in said.items() if value)
        return None, f"sc://{host.removeprefix('sc://')}{port}/" + (f";{options}" if options else "")
    return f"{host}{port}", None


def _options(extra: dict[str, object]) -> dict[str, object]:
    return {name: str(extra[name]).lower() for name in ("use_ssl",) if extra.get(name) is not None}
