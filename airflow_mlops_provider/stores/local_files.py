"""Where is this, and can it be written? Asked before the work, so that a job that must fail leaves nothing behind."""

from __future__ import annotations

import re
import tempfile
import time
from contextlib import suppress
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


def sweep_parts(target: Path) -> None:
    """Remove what killed writers left beside ``target``, half written: parts that nobody touched for an hour.

    Of every name: a dated output has no second writer that would remove its own.
    """
    for part in target.parent.iterdir():
        if is_part(part.name):
            remove_abandoned(part)


def is_part(name: str) -> bool:
    """Whether this is the temporary name of a dataset that is being written."""
    return _PART.search(name) is not None


def remove_abandoned(part: Path) -> bool:
    """Remove a half-written file that nobody touched for an hour: whoever began it was killed. Says if it went."""
    with suppress(OSError):  # its writer, or another sweep, was quicker
        if part.stat().st_mtime < time.time() - ABANDONED_AFTER_SECONDS:
            part.unlink()
            return True
    return False


_PART = re.compile(r".\.\d+-[0-9a-f]{8}\.part$")
ABANDONED_AFTER_SECONDS = 3600
"""Whoever has not touched a half-written file for so long was killed."""
