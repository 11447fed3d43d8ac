"""Marks of a dataset's files that cost no reading; needs fsspec alone, so that sensors stay light."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.stores.datasets.listing import Listing, find_files, telling_storage


def stamp(uri: str) -> str | None:
    """A cheap mark that changes whenever files appear, grow or are rewritten; ``None`` while there are none.

    From names, sizes and modification times only: nothing is read. It says when to look again, and never that two
    contents are the same.
    """
    found = stamps(uri)
    return None if found is None else found.delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamps:
    """Marks of a dataset's files that cost no reading.

    :param delivery: changes when files appear, grow or are written; also when the same content is written again.
    :param state: changes then too, and when a file is replaced by one of the same size and time of modification.
    :param is_settled: whether any change from now on changes ``state``. A file that was written a moment ago may be
        written again within the resolution of its time stamp.
    """

    delivery: str
    state: str
    is_settled: bool


def stamps(uri: str) -> Stamps | None:
    """The marks of what lies at ``uri``; ``None`` while there is nothing.

    :raises BadInputError: when the place is none that can be read, as a Delta table.
    :raises BackendError: when the storage cannot be reached.
    """
    found = find_files(uri)
    if found is None:
        return None
    if found.version is not None:
        # DVC's places are named by their content: another commit with the same data is no change.
        mark = _hashed([found.version.url])
        return Stamps(delivery=mark, state=mark, is_settled=True)
    with telling_storage(uri):
        try:
            infos = [found.fs.info(file) for file in found.files]
        except FileNotFoundError:
            return None  # removed since it was listed
    return Stamps(
        delivery=_hashed([f"{file} {_delivered(info)}" for file, info in zip(found.files, infos, strict=True)]),
        state=_hashed([f"{file} {_marks(info)}" for file, info in zip(found.files, infos, strict=True)]),
        is_settled=all(map(_is_settled, infos)),
    )


def file_stamps(found: Listing) -> tuple[str, ...]:
    """A mark of each file as :attr:`Stamps.delivery` is one of them all, from what was listed a moment ago.

    :raises BadInputError: when a file was removed meanwhile.
    :raises BackendError: when the storage cannot be reached.
    """
    with telling_storage(found.uri or found.name_of(found.files[0])):
        try:
            return tuple(_hashed([f"{file} {_delivered(found.fs.info(file))}"]) for file in found.files)
        except FileNotFoundError as error:
            raise BadInputError(f"{error.filename} was removed after it was listed") from error


SETTLED_SECONDS = 2.0
"""Age from which a time stamp is a proof: no filesystem in use has a coarser one (FAT has this)."""

PROOFS = ("ETag", "etag", "VersionId", "generation", "md5Hash", "content_md5")
"""Marks that tell a file of a store from every other content, by what the store calls them."""
_ALSO = ("created", "ino")
"""Of local files: the time of the last change of status, which nobody can set back, and the inode."""


def _delivered(info: Mapping[str, Any]) -> str:
    changed = info.get("mtime") or info.get("LastModified") or info.get("ETag") or ""
    if isinstance(changed, datetime):
        changed = changed.replace(microsecond=0)  # a store tells more or less, depending on how it is asked
    return f"{info.get('size')} {changed}"


def _marks(info: Mapping[str, Any]) -> str:
    proof = next((str(info[name]) for name in PROOFS if info.get(name) is not None), "")
    return " ".join([_delivered(info), proof, *(str(info.get(name, "")) for name in _ALSO)])


def _is_settled(info: Mapping[str, Any]) -> bool:
    if any(info.get(name) is not None for name in PROOFS):
        return True
    times = [info[name] for name in ("mtime", "created", "LastModified") if info.get(name) is not None]
    seconds = [each.timestamp() if isinstance(each, datetime) else each for each in times]
    known = [each for each in seconds if isinstance(each, int | float)]
    return bool(known) and max(known) < time.time() - SETTLED_SECONDS


def _hashed(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
