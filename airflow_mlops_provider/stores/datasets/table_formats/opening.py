"""Which URIs name a Delta or Iceberg table, and opening what they name; light until one is opened."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from airflow_mlops_provider.exceptions import BackendError, MLOpsError
from airflow_mlops_provider.records.refs import DatasetRef
from airflow_mlops_provider.records.table_version import METADATA_FILE, TableVersion, is_catalogue_uri, table_version
from airflow_mlops_provider.stores.datasets.dvc import is_dvc_uri
from airflow_mlops_provider.stores.datasets.filesystems import filesystem
from airflow_mlops_provider.stores.datasets.name_ranges import parse_range
from airflow_mlops_provider.stores.datasets.stamps import Stamps
from airflow_mlops_provider.stores.datasets.table_formats.missing_table import MissingTableError
from airflow_mlops_provider.stores.storage_errors import storage_reason

if TYPE_CHECKING:
    from airflow_mlops_provider.stores.datasets.table_formats.logged_table import LoggedDataset

DELTA, ICEBERG = "Delta", "Iceberg"


def format_of_table(uri: str) -> str | None:
    """``Delta`` or ``Iceberg`` when ``uri`` names such a table, else ``None``.

    :raises BackendError: when the storage cannot be reached.
    """
    asked = table_version(uri)
    if asked.snapshot is not None or is_catalogue_uri(asked.place) or asked.place.endswith(METADATA_FILE):
        return ICEBERG
    if asked.version is not None:
        return DELTA
    if is_dvc_uri(uri) or parse_range(uri) is not None:
        return None
    fs, path = filesystem(uri)
    try:
        return DELTA if fs.isdir(f"{path}/_delta_log") else None
    except Exception as error:  # every remote filesystem raises a family of its own
        if isinstance(error, MLOpsError):
            raise
        raise BackendError(f"{uri} cannot be listed: {storage_reason(error)}") from error


def open_logged(ref: DatasetRef, kind: str) -> LoggedDataset:
    """The version of a table that a reference means now.

    :param kind: what :func:`format_of_table` said.
    :raises BadInputError: when there is none, or it cannot be read.
    :raises BackendError: when its extra is not installed, or the storage or catalogue cannot be reached.
    """
    from airflow_mlops_provider.stores.datasets.table_formats.logged_table import LoggedDataset

    asked = table_version(ref.uri)
    if kind == DELTA:
        from airflow_mlops_provider.stores.datasets.table_formats.delta import DeltaVersion

        return LoggedDataset(ref, DeltaVersion(asked))
    from airflow_mlops_provider.stores.datasets.table_formats.iceberg import IcebergSnapshot

    return LoggedDataset(ref, IcebergSnapshot(asked))


def logged_stamps(uri: str, kind: str) -> Stamps | None:
    """The marks of a table's newest version, or of the one that ``uri`` names; ``None`` while there is none.

    Nothing is read of a Delta table but the names of its log, so that whoever waits needs no extra.

    :param kind: what :func:`format_of_table` said.
    :raises BackendError: when the storage or catalogue cannot be reached.
    """
    if is_catalogue_uri(uri):
        try:
            found = open_logged(DatasetRef(uri=uri), kind)
        except MissingTableError:
            return None
        return _stamps(found.fingerprint) if found.files else None
    asked = table_version(uri)
    fs, path = filesystem(asked.place)
    fs.invalidate_cache()
    try:
        return _delta_stamps(fs, path, asked) if kind == DELTA else _stamps(uri) if fs.exists(path) else None
    except FileNotFoundError:
        return None
    except Exception as error:  # every remote filesystem raises a family of its own
        raise BackendError(f"{uri} cannot be listed: {storage_reason(error)}") from error


def _delta_stamps(fs: Any, path: str, asked: TableVersion) -> Stamps | None:
    found = {info["name"].rsplit("/", 1)[-1]: info for info in fs.ls(f"{path}/_delta_log", detail=True)}
    commits = [name for name in found if name.removesuffix(".json").isdecimal()]
    newest = max(commits, default=None) if asked.version is None else f"{asked.version:020}.json"
    if newest not in commits:
        return None
    info = found[newest]
    # A table that was dropped and made again counts from zero again.
    return _stamps(f"{newest} {info.get('ETag') or info.get('LastModified') or info.get('mtime')}")


def _stamps(said: str) -> Stamps:
    mark = hashlib.sha256(said.encode()).hexdigest()
    return Stamps(delivery=mark, state=mark, is_settled=True)
