"""Where the profiles of windows lie: files whose names end in ``.profile``."""

from __future__ import annotations

from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.records.requests.profile import SUFFIX
from airflow_mlops_provider.stores.datasets.filesystems import filesystem, is_local
from airflow_mlops_provider.stores.storage_errors import storage_reason


def profile_uris(uri: str) -> tuple[str, ...]:
    """The URIs of the profiles behind a file, folder or pattern, sorted by name.

    :raises BadInputError: when there is none.
    :raises BackendError: when the storage cannot be reached.
    """
    fs, path = filesystem(uri)
    is_pattern = any(mark in path for mark in "*?[")
    if uri.endswith(SUFFIX) and not is_pattern:
        return (uri,)
    try:
        fs.invalidate_cache()
        found = fs.glob(path) if is_pattern else fs.find(path)
    except Exception as error:  # every remote filesystem raises a family of its own
        raise BackendError(f"{uri} cannot be listed: {storage_reason(error)}") from error
    files = sorted(file for file in found if file.endswith(SUFFIX))
    if not files:
        raise BadInputError(f"{uri}: no such file, or no {SUFFIX} file in it")
    return tuple(file if is_local(fs) else fs.unstrip_protocol(file) for file in files)
