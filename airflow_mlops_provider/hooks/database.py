"""An Airflow Connection as the address of a database."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from airflow.sdk import BaseHook

from airflow_mlops_provider.airflow_versions import AirflowNotFoundException
from airflow_mlops_provider.exceptions import BadInputError


def database_address(conn_id: str) -> str:
    """The address of the database behind a Connection, with its secrets: for a job's environment alone.

    PostgreSQL, Redshift, MySQL, MariaDB, SQLite, DuckDB, Snowflake and BigQuery are read from the Connection; of any
    other type the hook says its SQLAlchemy address.

    :raises BadInputError: when there is no such Connection, or it makes no address.
    """
    try:
        connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException as error:
        raise BadInputError(f"database {conn_id!r}: there is no Airflow Connection of that name") from error
    return _ADDRESSES.get(connection.conn_type or "", _of_hook)(connection)


def _of_server(scheme: str, options: Iterable[str]) -> Callable[[Any], str]:
    """How to make an address of a Connection's login, host and schema.

    :param options: the extras that the driver knows; the others are Airflow's own.
    """

    def address(connection: Any) -> str:
        extra = connection.extra_dejson
        if str(extra.get("iam", False)).lower() == "true":
            raise BadInputError(f"database {connection.conn_id!r}: a login by IAM makes no address; give a password")
        port = f":{connection.port}" if connection.port else ""
        known = {name: str(extra[name]) for name in options if extra.get(name) is not None}
        known |= {f"ssl_{name}": str(value) for name, value in _ssl(extra).items() if f"ssl_{name}" in options}
        host = connection.host or ""
        place = f"{scheme}://{_login(connection)}{host}{port}/{quote(connection.schema or '', safe='')}"
        return place + (f"?{urlencode(known, quote_via=quote)}" if known else "")

    return address


def _login(connection: Any) -> str:
    if not connection.login and not connection.password:
        return ""
    password = f":{quote(connection.password, safe='')}" if connection.password else ""
    return f"{quote(connection.login or '', safe='')}{password}@"


def _ssl(extra: Mapping[str, Any]) -> Mapping[str, Any]:
    given = extra.get("ssl") or {}
    found = json.loads(given) if isinstance(given, str) else given
    return found if isinstance(found, Mapping) else {}


def _of_file(scheme: str) -> Callable[[Any], str]:
    def address(connection: Any) -> str:
        path = connection.host or connection.schema or connection.extra_dejson.get("path")
        if not path:
            raise BadInputError(f"database {connection.conn_id!r}: its Connection has no path as its host")
        return f"{scheme}:///{quote(path)}"

    return address


def _of_snowflake(connection: Any) -> str:
    extra = {name.removeprefix("extra__snowflake__"): value for name, value in connection.extra_dejson.items()}
    account = ".".join(filter(None, [extra.get("account") or connection.host, extra.get("region")]))
    place = "/".join(quote(name, safe="") for name in (extra.get("database"), connection.schema) if name)
    known = {name: str(extra[name]) for name in ("warehouse", "role", "authenticator", "token") if extra.get(name)}
    return f"snowflake://{_login(connection)}{account}/{place}" + (f"?{urlencode(known)}" if known else "")


def _of_bigquery(connection: Any) -> str:
    extra = {
        name.removeprefix("extra__google_cloud_platform__"): value for name, value in connection.extra_dejson.items()
    }
    project = extra.get("project") or extra.get("project_id")
    if not project:
        raise BadInputError(f"database {connection.conn_id!r}: its Connection has no extra 'project'")
    key = extra.get("keyfile_dict")
    known = {"key_path": extra.get("key_path")}
    known["credentials"] = json.dumps(key) if isinstance(key, Mapping) else key
    asked = urlencode({name: value for name, value in known.items() if value})
    return f"bigquery://{project}/{connection.schema or ''}" + (f"?{asked}" if asked else "")


def _of_hook(connection: Any) -> str:
    """What the hook of any other type of Connection says: an address as SQLAlchemy takes it."""
    try:
        found = connection.get_hook().get_uri()
    except Exception as error:  # noqa: BLE001  # each provider has errors of its own, which may quote the Connection
        raise BadInputError(
            f"database {connection.conn_id!r}: a Connection of type {connection.conn_type!r} makes no address "
            f"({type(error).__name__})"
        ) from None
    return str(found)


_LIBPQ = (
    *("sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword", "options", "application_name"),
    *("connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "gssencmode"),
    *("target_session_attrs", "channel_binding"),
)
_PYMYSQL = ("charset", "unix_socket", "ssl_ca", "ssl_cert", "ssl_key", "connect_timeout", "read_timeout")

_ADDRESSES: dict[str, Callable[[Any], str]] = {
    "postgres": _of_server("postgresql", _LIBPQ),
    "postgresql": _of_server("postgresql", _LIBPQ),
    "redshift": _of_server("redshift", _LIBPQ),
    "mysql": _of_server("mysql", _PYMYSQL),
    "mariadb": _of_server("mysql", _PYMYSQL),
    "sqlite": _of_file("sqlite"),
    "duckdb": _of_file("duckdb"),
    "snowflake": _of_snowflake,
    "google_cloud_platform": _of_bigquery,
    "gcpbigquery": _of_bigquery,
}
