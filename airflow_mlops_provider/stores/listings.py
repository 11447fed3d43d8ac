"""Which files a dataset is made of, and what they contain as a hash; needs fsspec alone, so that sensors stay light."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import fsspec

from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.stores.specs import local_path

_FORMATS = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv"}
_CHUNK_BYTES = 1 << 20


class DamagedFileError(Exception):
    """A file's bytes make no sense to the library that reads them."""


def fingerprint(uri: str) -> str:
    """``sha256:...`` over the content of the dataset's files, as in ``DatasetRef.fingerprint``.

    :raises BadInputError: when there is no data file at ``uri``.
    """
    fs, files = data_files(uri)
    return content_fingerprint(fs, files)


def exists(uri: str) -> bool:
    """Whether at least one data file lies at ``uri``.

    :raises BackendError: when the storage cannot be reached.
    """
    return bool(_found(uri)[1])


def stamp(uri: str) -> str | None:
    """A cheap mark that changes whenever files appear, grow or are rewritten; ``None`` while there are none.

    From names, sizes and modification times only: nothing is read.
    """
    fs, found = _found(uri)
    if not found:
        return None
    marks = []
    for file in found:
        info = fs.info(file)
        changed = info.get("mtime") or info.get("LastModified") or info.get("ETag") or ""
        marks.append(f"{file} {info.get('size')} {changed}")
    return hashlib.sha256("\n".join(marks).encode()).hexdigest()


def content_fingerprint(fs: Any, files: Iterable[str]) -> str:
    """The fingerprint of ``files``: over their hashes, not their names, so that moving data does not change it."""
    combined = hashlib.sha256()
    for digest in sorted(_file_digest(fs, file) for file in files):
        combined.update(digest)
    return f"sha256:{combined.hexdigest()}"


def _file_digest(fs: Any, file: str) -> bytes:
    running = hashlib.sha256()
    with reading(fs, file) as handle:
        while chunk := handle.read(_CHUNK_BYTES):
            running.update(chunk)
    return running.digest()


@contextmanager
def reading(fs: Any, file: str) -> Iterator[Any]:
    """A binary handle of ``file`` whose errors name it.

    :raises DamagedFileError: for an ``OSError`` without an errno, which is how pyarrow reports a damaged page.
    """
    try:
        with fs.open(file, "rb") as handle:
            yield handle
    except FileNotFoundError as error:
        raise BadInputError(f"{file}: no such file") from error
    except OSError as error:
        if error.errno is None:
            raise DamagedFileError(str(error)) from error
        raise BadInputError(f"{file} cannot be read: {error.strerror}") from error


def one_line(error: BaseException) -> str:
    """The text of ``error`` without line breaks."""
    return " ".join(str(error).split())


def filesystem(uri: str) -> tuple[Any, str]:
    """The fsspec filesystem of ``uri`` and the path on it."""
    if urlparse(uri).scheme in ("", "file"):
        return fsspec.filesystem("file"), str(local_path(uri).absolute())
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


def data_files(uri: str) -> tuple[Any, tuple[str, ...]]:
    """The filesystem and the sorted data files behind a file, folder or glob.

    :raises BadInputError: when there are none, one is empty, or their formats differ; names the file.
    :raises BackendError: when the storage cannot be reached.
    """
    fs, found = _found(uri)
    if not found:
        raise BadInputError(f"{uri}: no such file, or no .parquet or .csv file in it")
    formats = {format_of(file) for file in found}
    if len(formats) > 1:
        raise BadInputError(f"{uri} mixes {' and '.join(sorted(formats))} files; name one kind with a glob")
    for file in found:
        if fs.size(file) == 0:
            raise BadInputError(f"{file} is empty (0 bytes)")
    return fs, tuple(found)


def _found(uri: str) -> tuple[Any, list[str]]:
    fs, path = filesystem(uri)
    try:
        return fs, _list_files(fs, path)
    except FileNotFoundError:
        return fs, []
    except Exception as error:  # every remote filesystem raises a family of its own
        raise BackendError(f"{uri} cannot be listed: {one_line(error)}") from error


def _list_files(fs: Any, path: str) -> list[str]:
    if any(mark in path for mark in "*?["):
        return sorted(file for file in fs.glob(path) if _is_data(file))
    if fs.isdir(path):
        return sorted(file for file in fs.find(path) if _is_data(file))
    return [path] if fs.exists(path) else []


def _is_data(file: str) -> bool:
    name = file.rsplit("/", 1)[-1]
    return Path(name).suffix in _FORMATS and not name.startswith((".", "_"))


def format_of(uri: str) -> str:
    """``parquet`` or ``csv``, by the name's ending; ``BadInputError`` for any other."""
    suffix = Path(uri.rsplit("/", 1)[-1]).suffix.lower()
    if suffix not in _FORMATS:
        raise BadInputError(f"{uri}: the name must end in {', '.join(_FORMATS)}")
    return _FORMATS[suffix]
