"""Where is this, and can it be written? Asked before the work, so that a job that must fail leaves nothing behind."""

from __future__ import annotations

import tempfile
from pathlib import Path
from urllib.parse import urlparse

from airflow_mlops_provider.exceptions import BackendError
from airflow_mlops_provider.stores.specs import local_path


def place_of(uri: str) -> str:
    """One spelling for each place: the resolved path of a local one."""
    scheme = urlparse(uri).scheme
    return str(local_path(uri).resolve()) if scheme in ("", "file") else uri.rstrip("/")


def require_writable_folder(folder: Path, *, name: str) -> None:
    """Create and remove a file in ``folder``, or in the nearest folder above it that exists.

    :param name: what to call the place in errors.
    :raises BackendError: when that fails, with the reason.
    """
    try:
        standing = next(place for place in (folder, *folder.parents) if place.exists())
        with tempfile.TemporaryFile(dir=standing):
            pass
    except OSError as error:
        raise BackendError(f"{name} cannot be written: {error.strerror or error}") from error
