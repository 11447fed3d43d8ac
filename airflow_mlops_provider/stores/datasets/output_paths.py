"""Where a job may write: checked before the work, so that a job that must fail leaves nothing behind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.records.table_version import table_version
from airflow_mlops_provider.stores.datasets.dataset import Dataset
from airflow_mlops_provider.stores.datasets.file_names import format_of
from airflow_mlops_provider.stores.datasets.filesystems import filesystem, is_local
from airflow_mlops_provider.stores.datasets.snapshot_files import folder_of, is_snapshot_uri
from airflow_mlops_provider.stores.datasets.snapshots import require_snapshot_output
from airflow_mlops_provider.stores.local_files import place_of, require_writable_folder


def require_outputs(outputs: Mapping[str, str | None], data: Dataset) -> None:
    """Check, before the work, the places that a job is to write to; a remote one is taken on trust.

    :param outputs: key of the spec to URI; ``None`` where nothing is written.
    :param data: what the job reads: no output may be it or lie inside it.
    :raises BadInputError: when no dataset can be called that, or two places are one.
    :raises BackendError: when one cannot be written.
    """
    read = {place_of(file) for file in data.files} | {place_of(table_version(data.uri).place)}
    taken: dict[str, str] = {}
    for key, uri in outputs.items():
        if uri is None:
            continue
        _require_writable(uri, key)
        is_snapshot = is_snapshot_uri(uri)
        place = place_of(folder_of(uri) if is_snapshot else uri)
        is_source = is_snapshot and any(file.startswith(f"{place}/") for file in read)
        if is_source or place in read or any(place.startswith(f"{folder}/") for folder in read):
            raise BadInputError(f"key {key!r}: {uri} is part of the dataset that is read")
        other = taken.setdefault(place, key)
        if other != key:
            raise BadInputError(f"keys {other!r} and {key!r} are both {uri}")


def _require_writable(uri: str, key: str) -> None:
    if not uri.strip() or "\0" in uri:
        raise BadInputError(f"key {key!r} is {uri!r}, which names no file")
    if is_snapshot_uri(uri):
        require_snapshot_output(uri, key)
    else:
        format_of(uri)
    fs, path = filesystem(uri)
    if is_local(fs):
        if Path(path).is_dir():
            raise BackendError(f"{uri} cannot be written: it is a folder")
        require_writable_folder(Path(path).parent, name=uri)
