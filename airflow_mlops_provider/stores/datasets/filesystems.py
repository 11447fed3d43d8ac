"""Filesystems, local and remote, through fsspec: find one, read a file, write one so that it appears whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import fsspec

from airflow_mlops_provider.exceptions import AlreadyExistsError, BackendError, BadInputError, one_line
from airflow_mlops_provider.secrets_in_text import HIDDEN
from airflow_mlops_provider.stores.aws_access import s3_filesystem
from airflow_mlops_provider.stores.datasets.abandoned_parts import sweep_objects
from airflow_mlops_provider.stores.datasets.dvc import is_dvc_uri
from airflow_mlops_provider.stores.datasets.held_outputs import Part, finish
from airflow_mlops_provider.stores.local_files import sweep_parts
from airflow_mlops_provider.stores.specs import local_path
from airflow_mlops_provider.stores.storage_errors import is_storage_error, storage_reason

_OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss"})

_S3 = ("s3", "s3a")


class DamagedFileError(Exception):
    """A file's bytes make no sense to the library that reads them."""


def filesystem(uri: str) -> tuple[Any, str]:
    """The fsspec filesystem of ``uri`` and the path on it.

    :raises BadInputError: for a protocol that there is none for; a ``dvc:`` URI is a dataset to read, and no place.
    :raises BackendError: when the filesystem is not installed.
    """
    if is_dvc_uri(uri):
        raise BadInputError(f"{uri} names a version of a dataset, which can be read as one and not written")
    if HIDDEN in uri and "://" in uri:
        raise BadInputError(
            f"{uri}: its secret was not kept; name the place without it, and give it by the environment"
        )
    if urlparse(uri).scheme in ("", "file"):
        return fsspec.filesystem("file"), str(local_path(uri).absolute())
    if urlparse(uri).scheme in _S3:
        fs = s3_filesystem(keeps_listings=True)
        return fs, str(fs._strip_protocol(uri))
    try:
        fs, path = fsspec.core.url_to_fs(uri)
    except ImportError as error:
        raise BackendError(f"{uri} needs a package that is not installed: {error}") from error
    except ValueError as error:
        raise BadInputError(f"{uri}: {error}") from error
    return fs, str(path)


def is_local(fs: Any) -> bool:
    """Whether ``fs`` is this machine's own."""
    return "file" in ((fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol)


def _is_object_store(fs: Any) -> bool:
    """Whether ``fs`` has no folders; one that is asked for there makes its bucket, also one with a misspelt name."""
    protocols = (fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol
    return not _OBJECT_STORES.isdisjoint(protocols)


@contextmanager
def reading(fs: Any, file: str, *, name: str | None = None) -> Iterator[Any]:
    """A binary handle of ``file`` whose errors name it.

    :param name: what to call it when its path is not its name.
    :raises BadInputError: when there is no such file, or this machine does not let it be read.
    :raises BackendError: when the store that it lies in does not answer, or refuses.
    :raises DamagedFileError: for an ``OSError`` without an errno, which is how pyarrow reports a damaged page.
    """
    try:
        with fs.open(file, "rb") as handle:
            yield handle
    except FileNotFoundError as error:
        raise BadInputError(f"{name or file}: no such file") from error
    except Exception as error:
        if is_storage_error(error):
            raise BackendError(f"{name or file} cannot be read: {storage_reason(error)}") from error
        if not isinstance(error, OSError):
            raise
        if error.errno is None:
            raise DamagedFileError(str(error)) from error
        raise BadInputError(f"{name or file} cannot be read: {error.strerror}") from error


@contextmanager
def writing(
    uri: str, *, inspect: Callable[[Any, str], None] | None = None, rename: Callable[[str], str] | None = None
) -> Iterator[Any]:
    """A binary handle whose content appears at ``uri`` when the block ends well, and leaves nothing otherwise.

    Within :func:`~airflow_mlops_provider.stores.datasets.held_outputs.held_back` it appears when that block ends.

    :param inspect: is called with the filesystem and the path of the whole file before it gets its name.
    :param rename: gives the path or URI to appear at in place of the one given; called when the file is whole.
    :raises BackendError: when it cannot be written.
    """
    fs, path = filesystem(uri)
    # The temporary name keeps no data suffix, so that a folder being read never picks it up.
    part = Part(
        fs=fs, is_local=is_local(fs), part=f"{path}.{os.getpid()}-{os.urandom(4).hex()}.part", path=path, uri=uri
    )
    waits = False
    try:
        if not _is_object_store(fs):
            fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        if is_local(fs):
            sweep_parts(Path(path))
        elif _is_object_store(fs):
            sweep_objects(fs, path)
        with fs.open(part.part, "wb") as handle:
            yield handle
        if inspect is not None:
            inspect(fs, part.part)
        if rename is not None:
            part = replace(part, path=rename(path), uri=rename(uri))
        waits = finish(part)
    except Exception as error:
        if not (isinstance(error, OSError) or is_storage_error(error)):
            raise
        raise BackendError(f"{uri} cannot be written: {storage_reason(error)}") from error
    finally:
        if not waits:
            part.remove()


def create(uri: str, data: bytes) -> None:
    """Write a small file that is not there yet: whole, or not at all, and one of several writers alone.

    :raises AlreadyExistsError: when there is one.
    :raises BadInputError: for a filesystem that cannot create exclusively.
    :raises BackendError: when it cannot be written.
    """
    fs, path = filesystem(uri)
    require_exclusive_create(uri)
    try:
        if is_local(fs):
            _link(Path(path), data)
        else:
            fs.pipe_file(path, data, mode="create")
    except FileExistsError as error:
        raise AlreadyExistsError(f"{uri} exists already") from error
    except Exception as error:  # botocore raises a family of its own, made at run time
        if "PreconditionFailed" in repr(error):
            raise AlreadyExistsError(f"{uri} exists already") from error
        raise BackendError(f"{uri} cannot be written: {one_line(error)}") from error


def require_exclusive_create(uri: str) -> None:
    """Raise ``BadInputError`` for a filesystem on which two writers may create one file."""
    fs, _ = filesystem(uri)
    if not is_local(fs) and "s3" not in fs.protocol:
        raise BadInputError(f"{uri} cannot be created exclusively; use a local folder or s3://")


def _link(path: Path, data: bytes) -> None:
    """Write under another name and link: a reader never sees half a file, and a link is exclusive."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep_parts(path)
    part = path.with_name(f"{path.name}.{os.getpid()}-{os.urandom(4).hex()}.part")
    try:
        part.write_bytes(data)
        os.link(part, path)
    finally:
        part.unlink(missing_ok=True)


def set_aside(uri: str) -> str | None:
    """Move the file at ``uri`` to a name beside it that no reader takes for data; ``None`` when there is none.

    :returns: where it lies now: the name with ``.stale`` and the time of the move.
    :raises BackendError: when it cannot be moved.
    """
    fs, path = filesystem(uri)
    moved = f"{path}.stale-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
    try:
        if not fs.exists(path):
            return None
        fs.mv(path, moved)
    except Exception as error:  # every remote filesystem raises a family of its own
        raise BackendError(f"{uri} cannot be moved aside: {storage_reason(error)}") from error
    return f"{uri}{moved.removeprefix(path)}"
