"""Can something be written here? Asked before the work, so that a job that cannot finish leaves nothing behind."""

from __future__ import annotations

import tempfile
from pathlib import Path

from airflow_mlops_provider.exceptions import BackendError


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
