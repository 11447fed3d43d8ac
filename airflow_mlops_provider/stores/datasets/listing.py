"""Which files a dataset is made of; needs fsspec alone, so that sensors stay light."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from airflow_mlops_provider.exceptions import BackendError, BadInputError, MLOpsError
from airflow_mlops_provider.records.snapshot import LATEST, SNAPSHOT
from airflow_mlops_provider.stores.datasets.dvc import (
    DvcVersion,
    NoSuchVersionError,
    content_hash,
    files_of_folder,
    is_dvc_uri,
    resolve_version,
)
from airflow_mlops_provider.stores.datasets.file_names import (
    format_of,
    is_data,
    is_leftover,
    looks_like_data,
    table_format,
)
from airflow_mlops_provider.stores.datasets.filesystems import filesystem
from airflow_mlops_provider.stores.datasets.fingerprints import CHUNK_BYTES
from airflow_mlops_provider.stores.datasets.name_ranges import NameRange, parse_range, ranges_of
from airflow_mlops_provider.stores.datasets.snapshot_files import folder_of, is_snapshot_uri, read_snapshot
from airflow_mlops_provider.stores.storage_errors import storage_reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The files of a dataset.

    :param fs: the fsspec filesystem that they lie on.
    :param files: their paths on it, sorted by name.
    :param names: what to call a file whose path is not its name; a path that is missing here is.
    :param left_out: what else lies there and is no part of it, as paths within the folder.
    :param version: of a dataset under version control.
    :param uri: of this very content, where the one that was asked for may mean another one later.
    :param fingerprint: that the content must have; ``None`` where nobody has said.
    """

    fs: Any
    files: tuple[str, ...]
    names: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    version: DvcVersion | None = None
    uri: str | None = None
    fingerprint: str | None = None

    def name_of(self, file: str) -> str:
        """What a person calls ``file``."""
        return self.names.get(file, file)

    @property
    def format(self) -> str:
        """``parquet`` or ``csv``."""
        return format_of(self.name_of(self.files[0]))


def data_files(uri: str) -> Listing:
    """The data files behind a file, folder, glob, snapshot or ``dvc:`` URI.

    Within a folder, what has a hidden or underscored part in its path is left out, as is what is no data by its name.

    :raises BadInputError: when there are none, one is empty, their formats differ, one is data in a form that cannot be
        read, or they are part of a Delta, Iceberg or Hudi table; names the file.
    :raises BackendError: when the storage cannot be reached.
    """
    found = _found(uri, is_whole=_is_whole)
    unread = next((name for name in found.left_out if looks_like_data(name) and not is_leftover(name)), None)
    if unread is not None:
        raise BadInputError(f"{uri}: {unread} looks like data and cannot be read; name the files to read with a glob")
    if not found.files:
        raise BadInputError(f"{uri}: no such file, or no .parquet or .csv file in it")
    formats = {format_of(found.name_of(file)) for file in found.files}
    if len(formats) > 1:
        raise BadInputError(f"{uri} mixes {' and '.join(sorted(formats))} files; name one kind with a glob")
    for file in found.files:
        if _size(found, file) == 0:
            raise BadInputError(f"{found.name_of(file)} is empty (0 bytes)")
    return found


def exists(uri: str) -> bool:
    """Whether at least one data file lies at ``uri``.

    :raises BackendError: when the storage cannot be reached.
    """
    return find_files(uri) is not None


def _size(found: Listing, file: str) -> int | None:
    try:
        size: int | None = found.fs.size(file)
    except FileNotFoundError as error:
        if found.version is None:
            raise BadInputError(f"{found.name_of(file)} was removed after it was listed") from error
        raise BadInputError(f"{found.name_of(file)} has no bytes at {file}; push it with dvc push") from error
    return size


def find_files(uri: str) -> Listing | None:
    """The files at ``uri``; ``None`` while there are none.

    :raises BadInputError: when the place is none that can be read.
    :raises BackendError: when the storage cannot be reached.
    """
    try:
        found = _found(uri)
    except NoSuchVersionError:
        return None
    return found if found.files else None


def _found(uri: str, *, is_whole: Callable[[DvcVersion], bool] | None = None) -> Listing:
    if is_dvc_uri(uri):
        return _version_files(resolve_version(uri, _is_stored, is_whole))
    if is_snapshot_uri(uri):
        return _snapshot_files(uri)
    named = parse_range(uri)
    if named is not None:
        return _files_in(named)
    fs, path = filesystem(uri)
    with telling_storage(uri):
        fs.invalidate_cache()  # a process that waits for files would see its first listing for ever
        return _files_at(fs, path, uri)


def _is_stored(url: str) -> bool:
    fs, path = filesystem(url)
    with telling_storage(url):
        return bool(fs.exists(path))


def _is_whole(version: DvcVersion) -> bool:
    """Whether the bytes of a version are those that were pushed, by the hashes that DVC names them by."""
    if not _matches_its_hash(version.url):
        return False
    if not version.is_folder:
        return True
    fs, path = filesystem(version.url)
    return all(map(_matches_its_hash, files_of_folder(version, fs.cat_file(path)).values()))


def _matches_its_hash(url: str) -> bool:
    wanted, (fs, path) = content_hash(url), filesystem(url)
    with telling_storage(url):
        if wanted is None:
            return bool(fs.exists(path))
        found = hashlib.md5(usedforsecurity=False)
        try:
            with fs.open(path, "rb") as source:
                while chunk := source.read(CHUNK_BYTES):
                    found.update(chunk)
        except FileNotFoundError:
            return False
    return found.hexdigest() == wanted


def _version_files(version: DvcVersion) -> Listing:
    fs, path = filesystem(version.url)
    places: dict[str, str] = {version.path: path}
    left_out: tuple[str, ...] = ()
    if version.is_folder:
        with telling_storage(version.url):
            tracked = files_of_folder(version, fs.cat_file(path))
        data, left_out = _divided(tracked, version.uri)
        places = {f"{version.path}/{name}": filesystem(tracked[name])[1] for name in data}
    return Listing(
        fs=fs,
        files=tuple(places.values()),
        names={file: name for name, file in places.items()},
        left_out=left_out,
        version=version,
    )


def _files_in(named: NameRange) -> Listing:
    """The files of a folder whose names lie in a range."""
    found = _found(named.folder)
    names = relative_names(found, named.folder)
    files = tuple(file for file, name in zip(found.files, names, strict=True) if named.holds(name))
    return replace(found, files=files)


def relative_names(found: Listing, uri: str) -> tuple[str, ...]:
    """The names of the files of a listing, relative to the folder that ``uri`` names or that its pattern begins with.

    :raises BadInputError: for a version or snapshot, whose files are listed elsewhere.
    """
    if found.version is not None or found.uri is not None:
        raise BadInputError(f"{uri} cannot be divided by names; name a folder or a pattern")
    folder = re.split(r"[*?\[]", filesystem(uri)[1])[0].rstrip("/")
    start = len(folder if filesystem(uri)[0].isdir(folder) else folder.rpartition("/")[0])
    return tuple(file[start:].lstrip("/") for file in found.files)


def ranges(uri: str, *, at_most: int) -> tuple[NameRange, ...]:
    """Ranges of names that divide the files of a folder or pattern evenly.

    :param at_most: number of ranges; there are fewer when there are fewer files.
    :raises BadInputError: when there is no file.
    """
    return ranges_of(uri, relative_names(data_files(uri), uri), at_most=at_most)


def _snapshot_files(uri: str) -> Listing:
    fs, path = filesystem(uri)
    with telling_storage(uri):
        snapshot = read_snapshot(uri)
    if snapshot is None:
        return Listing(fs=fs, files=())
    return Listing(
        fs=fs,
        files=tuple(f"{folder_of(path)}/{file.path}" for file in snapshot.files),
        uri=f"{folder_of(uri)}/{snapshot.name}{SNAPSHOT}",
        fingerprint=snapshot.fingerprint,
    )


@contextmanager
def telling_storage(uri: str) -> Iterator[None]:
    """Turn errors of a filesystem in the block into a ``BackendError`` that names ``uri``."""
    try:
        yield
    except MLOpsError:
        raise
    except Exception as error:  # every remote filesystem raises a family of its own
        raise BackendError(f"{uri} cannot be listed: {storage_reason(error)}") from error


def _files_at(fs: Any, path: str, uri: str) -> Listing:
    # A file may be called what looks like a pattern.
    if any(mark in path for mark in "*?[") and not fs.exists(path):
        return _matched(fs, path, uri)
    if fs.isdir(path):  # asked first: some filesystems say of what they cannot reach that it does not exist
        return _within(fs, path, fs.find(path), uri)
    return Listing(fs=fs, files=(path,) if fs.exists(path) else ())


def _matched(fs: Any, pattern: str, uri: str) -> Listing:
    parts = pattern.split("/")
    first = next(number for number, part in enumerate(parts) if any(mark in part for mark in "*?["))
    folder = "/".join(parts[:first])
    files, folders = _expanded(fs, pattern)
    marker = _marker(fs, folder) if files else None
    if marker:
        _refuse_table(uri, *marker)
    if any(part.startswith((".", "_")) for part in parts[first:]):  # asked for by name
        return Listing(fs=fs, files=tuple(sorted(file for file in files if is_data(file))))
    return _within(fs, folder, (*files, *folders), uri)


def _expanded(fs: Any, pattern: str) -> tuple[list[str], list[str]]:
    """The files that a pattern matches, with those of a matched folder that has the name of data, and other folders."""
    matches = fs.glob(pattern, detail=True)
    folders = [path for path, info in matches.items() if info["type"] == "directory"]
    written = [path for path in folders if is_data(path)]
    files = [path for path in matches if path not in set(folders)]
    inside = [file for path in written for file in fs.find(path) if file not in matches]
    return files + inside, [f"{path}/" for path in folders if path not in written]


def _marker(fs: Any, folder: str) -> tuple[str, str] | None:
    """The table format of ``folder`` itself, which a pattern need not match."""
    for name, marker in (("Delta", "_delta_log"), ("Hudi", ".hoodie")):
        if fs.isdir(f"{folder}/{marker}"):
            return name, marker
    found = fs.glob(f"{folder}/metadata/*.metadata.json") if fs.isdir(f"{folder}/metadata") else []
    return ("Iceberg", f"metadata/{found[0].rsplit('/', 1)[-1]}") if found else None


def _within(fs: Any, folder: str, files: Iterable[str], uri: str) -> Listing:
    # A file below a folder may be listed with or without the mark of the filesystem's root.
    start = len(folder.rstrip("/")) + 1
    places = {file[start:]: file for file in sorted(files) if len(file) > start}
    data, left_out = _divided(places, uri)
    return Listing(fs=fs, files=tuple(places[name] for name in data), left_out=left_out)


def _divided(relatives: Iterable[str], uri: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Paths within a folder as those that are its data and those that are left out."""
    names = list(relatives)
    table = table_format(names)
    if table is not None:
        _refuse_table(uri, *table)
    if any(is_snapshot_uri(name) for name in names):
        raise BadInputError(
            f"{uri} is a folder of snapshots: read as plain files it would hold rows twice; name {LATEST}"
        )
    data = tuple(name for name in names if is_data(name) and not is_leftover(name))
    chosen = set(data)
    return data, tuple(name for name in names if name not in chosen)


def _refuse_table(uri: str, kind: str, marker: str) -> None:
    raise BadInputError(
        f"{uri} is a {kind} table ({marker}): read as plain files it would hold deleted rows; {_WAYS[kind]}"
    )


_WAYS = {
    "Delta": "name the folder of the table alone, which is read by its log with the extra 'delta'",
    "Iceberg": "name its newest metadata file, or iceberg://CATALOGUE/namespace.table, which are read with the extra "
    "'iceberg'",
    "Hudi": "export its rows to Parquet first",
}
"""How to name a table of each format as a dataset."""
