"""Which files a dataset is made of, and what they contain as a hash; needs fsspec alone, so that sensors stay light."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import fsspec

from airflow_mlops_provider.exceptions import BackendError, BadInputError, MLOpsError, one_line
from airflow_mlops_provider.stores.datasets.dvc import (
    DvcVersion,
    NoSuchVersionError,
    files_of_folder,
    is_dvc_uri,
    resolve_version,
)
from airflow_mlops_provider.stores.specs import local_path

_FORMATS = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv"}
_CHUNK_BYTES = 1 << 20


class DamagedFileError(Exception):
    """A file's bytes make no sense to the library that reads them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The files of a dataset.

    :param fs: the fsspec filesystem that they lie on.
    :param files: their paths on it, sorted by name.
    :param names: what to call a file whose path is not its name; a path that is missing here is.
    :param version: of a dataset under version control.
    """

    fs: Any
    files: tuple[str, ...]
    names: Mapping[str, str] = field(default_factory=dict)
    version: DvcVersion | None = None

    def name_of(self, file: str) -> str:
        """What a person calls ``file``."""
        return self.names.get(file, file)

    @property
    def format(self) -> str:
        """``parquet`` or ``csv``."""
        return format_of(self.name_of(self.files[0]))


def fingerprint(uri: str) -> str:
    """``sha256:...`` over the content of the dataset's files, as in ``DatasetRef.fingerprint``.

    :raises BadInputError: when there is no data file at ``uri``.
    """
    found = data_files(uri)
    return content_fingerprint(found.fs, found.files)


def exists(uri: str) -> bool:
    """Whether at least one data file lies at ``uri``.

    :raises BackendError: when the storage cannot be reached.
    """
    return _if_there(uri) is not None


def stamp(uri: str) -> str | None:
    """A cheap mark that changes whenever files appear, grow or are rewritten; ``None`` while there are none.

    From names, sizes and modification times only: nothing is read.
    """
    found = _if_there(uri)
    if found is None:
        return None
    if found.version is not None:
        # DVC's places are named by their content: another commit with the same data is no change.
        return hashlib.sha256(found.version.url.encode()).hexdigest()
    marks = []
    for file in found.files:
        info = found.fs.info(file)
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
def reading(fs: Any, file: str, *, name: str | None = None) -> Iterator[Any]:
    """A binary handle of ``file`` whose errors name it.

    :param name: what to call it when its path is not its name.
    :raises DamagedFileError: for an ``OSError`` without an errno, which is how pyarrow reports a damaged page.
    """
    try:
        with fs.open(file, "rb") as handle:
            yield handle
    except FileNotFoundError as error:
        raise BadInputError(f"{name or file}: no such file") from error
    except OSError as error:
        if error.errno is None:
            raise DamagedFileError(str(error)) from error
        raise BadInputError(f"{name or file} cannot be read: {error.strerror}") from error


def filesystem(uri: str) -> tuple[Any, str]:
    """The fsspec filesystem of ``uri`` and the path on it.

    :raises BadInputError: for a protocol that there is none for; a ``dvc:`` URI is a dataset to read, and no place.
    :raises BackendError: when the filesystem is not installed.
    """
    if is_dvc_uri(uri):
        raise BadInputError(f"{uri} names a version of a dataset, which can be read as one and not written")
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


def data_files(uri: str) -> Listing:
    """The data files behind a file, folder, glob or ``dvc:`` URI.

    :raises BadInputError: when there are none, one is empty, or their formats differ; names the file.
    :raises BackendError: when the storage cannot be reached.
    """
    found = _found(uri)
    if not found.files:
        raise BadInputError(f"{uri}: no such file, or no .parquet or .csv file in it")
    formats = {format_of(found.name_of(file)) for file in found.files}
    if len(formats) > 1:
        raise BadInputError(f"{uri} mixes {' and '.join(sorted(formats))} files; name one kind with a glob")
    for file in found.files:
        if _size(found, file) == 0:
            raise BadInputError(f"{found.name_of(file)} is empty (0 bytes)")
    return found


def _size(found: Listing, file: str) -> int | None:
    try:
        size: int | None = found.fs.size(file)
    except FileNotFoundError as error:
        raise BadInputError(f"{found.name_of(file)} has no bytes at {file}; push it with dvc push") from error
    return size


def _if_there(uri: str) -> Listing | None:
    try:
        found = _found(uri)
    except NoSuchVersionError:
        return None
    return found if found.files else None


def _found(uri: str) -> Listing:
    if is_dvc_uri(uri):
        return _version_files(resolve_version(uri, _is_stored))
    fs, path = filesystem(uri)
    with _listing(uri):
        return Listing(fs=fs, files=tuple(_list_files(fs, path)))


def _is_stored(url: str) -> bool:
    fs, path = filesystem(url)
    with _listing(url):
        return bool(fs.exists(path))


def _version_files(version: DvcVersion) -> Listing:
    fs, path = filesystem(version.url)
    places = {version.path: path}
    if version.is_folder:
        with _listing(version.url):
            places = files_of_folder(version, fs.cat_file(path))
        places = {f"{version.path}/{name}": filesystem(url)[1] for name, url in places.items() if _is_data(name)}
    return Listing(
        fs=fs, files=tuple(places.values()), names={file: name for name, file in places.items()}, version=version
    )


@contextmanager
def _listing(uri: str) -> Iterator[None]:
    try:
        yield
    except MLOpsError:
        raise
    except Exception as error:  # every remote filesystem raises a family of its own
        raise BackendError(f"{uri} cannot be listed: {one_line(error)}") from error


def _list_files(fs: Any, path: str) -> list[str]:
    with suppress(FileNotFoundError):
        return _present_files(fs, path)
    return []


def _present_files(fs: Any, path: str) -> list[str]:
    # A file may be called what looks like a pattern.
    if any(mark in path for mark in "*?[") and not fs.exists(path):
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
