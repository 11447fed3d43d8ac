"""A dataset's files, pinned: whatever is read of a file later is what was read of it first, or the reading stops.

The first opening of a file notes its *identity*, which costs no reading; hashing it notes its *content*. Every later
opening holds the identity of the open handle against the one that was noted. When they differ, the file is hashed
again through that handle: equal content goes on, other content is an :class:`IntegrityError` that names the file.

What an identity is, and what it proves:

=====================  ==============================================  ================================================
files on               identity                                        proves equal content
=====================  ==============================================  ================================================
this machine           device, inode, size, times of modification and  when the file was last changed two seconds or
                       of status change in nanoseconds, of the open    more before it was first opened; looked at again
                       handle                                          when the handle is closed
S3                     ETag and version                                always: each range is asked for by ``If-Match``
other stores with an   ETag, generation, version or MD5, before and    always, as far as the store's marks do
ETag or the like       after the reading
other stores           size and time of modification, before and       never
                       after the reading
=====================  ==============================================  ================================================

A file whose identity is no proof is hashed before its rows are read and once more by :meth:`PinnedFiles.confirm`. What
that leaves open: such a file is overwritten in place with as many bytes *and* put back, both within the resolution of
its time stamp and between two looks. On this machine a writer may also set the clock back, or write to the disk below
the filesystem. Neither is guarded against.

Files that a library opens by path, as DuckDB does, are lent to it: their identities before and after must be the very
same, because nobody sees which content was open in between.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from airflow_mlops_provider.exceptions import BackendError, BadInputError, IntegrityError
from airflow_mlops_provider.stores.datasets.filesystems import is_local, reading
from airflow_mlops_provider.stores.datasets.fingerprints import CHUNK_BYTES, content_fingerprint
from airflow_mlops_provider.stores.datasets.listing import Listing, data_files
from airflow_mlops_provider.stores.datasets.stamps import PROOFS, SETTLED_SECONDS

_TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified", "created")


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells a file from another one without reading it.

    :param marks: name to value.
    :param is_proof: whether other content cannot have the same marks.
    """

    marks: Mapping[str, Any]
    is_proof: bool

    def differs(self, other: Identity) -> frozenset[str]:
        """Names of the marks that are not the same."""
        names = {*self.marks, *other.marks}
        return frozenset(name for name in names if self.marks.get(name) != other.marks.get(name))


@dataclass(slots=True)
class _Pin:
    """What is known of one file.

    :param identity: at its first opening, or that of equal content since.
    :param digest: SHA-256 of its bytes, once they were hashed.
    :param is_lent: whether somebody opens it by path.
    :param is_open_question: whether it was read, without proof, since it was hashed.
    """

    identity: Identity | None = None
    digest: bytes | None = None
    is_lent: bool = False
    is_open_question: bool = False


class PinnedFiles:
    """The files of a listing, each of which is read as the same bytes every time.

    :param listing: the files; what appears beside them later is not part of it.
    :param digests: SHA-256 of files that are known already, because they were just written.
    """

    def __init__(self, listing: Listing, *, digests: Mapping[str, bytes] | None = None) -> None:
        self.listing = listing
        self.fs = listing.fs
        self.files = listing.files
        self._pins = {file: _Pin(digest=(digests or {}).get(file)) for file in listing.files}

    @property
    def is_local(self) -> bool:
        """Whether the files lie on this machine."""
        return is_local(self.fs)

    def only(self, files: Sequence[str]) -> PinnedFiles:
        """Some of the files, under the same pins."""
        found = PinnedFiles(replace(self.listing, files=tuple(files), left_out=(), version=None))
        found._pins = {file: self._pins[file] for file in files}
        return found

    def name_of(self, file: str) -> str:
        """What a person calls ``file``."""
        return self.listing.name_of(file)

    @contextmanager
    def open(self, file: str) -> Iterator[Any]:
        """A binary handle of ``file`` at its start.

        :raises IntegrityError: when it is not, or ceases to be, what was read of it first.
        :raises DamagedFileError: when a library cannot make sense of it.
        """
        pin = self._pins[file]
        with self._opened(file) as handle, _Watch(self.fs, file, handle) as watch:
            self._admit(file, watch)
            if pin.identity is not None and not pin.identity.is_proof:
                pin.is_open_question = True
            try:
                yield handle
            except Exception:
                # A file that was cut while it was read looks damaged.
                self._require_unchanged(file, watch)
                raise
            self._require_unchanged(file, watch)

    def digest(self, file: str) -> bytes:
        """SHA-256 of the bytes of ``file``; they are read for it once."""
        pin = self._pins[file]
        if pin.digest is None:
            with self._opened(file) as handle, _Watch(self.fs, file, handle) as watch:
                self._admit(file, watch)
                if pin.digest is None:
                    found = hash_of(handle)
                    self._require_unchanged(file, watch)
                    pin.digest = found
        return pin.digest

    def fingerprint(self) -> str:
        """The fingerprint of all files together."""
        return content_fingerprint(self.digest(file) for file in self.files)

    @contextmanager
    def lent(self) -> Iterator[tuple[str, ...]]:
        """The paths of local files, while the block runs, for a library that opens them by itself.

        Call :meth:`confirm` in the block, once the library is done and before anything is made of what it read.

        :raises IntegrityError: when a file is not what was read first; also in place of the error that came of it.
        """
        for file in self.files:
            with self.open(file):
                self._pins[file].is_lent = True
        try:
            yield self.files
        except IntegrityError:
            raise
        except Exception:
            self.confirm()
            raise
        finally:
            for pin in self._pins.values():
                pin.is_lent = False

    def confirm(self) -> None:
        """Settle what is not certain yet: all that was read is what was pinned.

        :raises IntegrityError: naming a file that changed, or that was lent and touched or removed since.
        """
        for file, pin in self._pins.items():
            if pin.is_lent:
                self._require_untouched(file)
            if pin.is_open_question:
                self._hash_again(file)

    def _hash_again(self, file: str) -> None:
        pin = self._pins[file]
        if pin.digest is None:
            self.digest(file)
            return
        with self._opened(file) as handle, _Watch(self.fs, file, handle) as watch:
            if hash_of(handle) != pin.digest:
                raise self._changed(file)
            self._require_unchanged(file, watch)
            pin.identity, pin.is_open_question = watch.before, not watch.before.is_proof and pin.is_lent

    def _admit(self, file: str, watch: _Watch) -> None:
        """Note the identity of the open handle, or hold it against the one that was noted."""
        pin, found = self._pins[file], watch.before
        if pin.identity is None:
            pin.identity = found
        elif found.differs(pin.identity):
            if pin.is_lent or pin.digest is None or watch.hashed() != pin.digest:
                raise self._changed(file)
            pin.identity = found
        if pin.digest is None and not found.is_proof:
            pin.digest = watch.hashed()

    def _require_unchanged(self, file: str, watch: _Watch) -> None:
        changed = watch.changes()
        if not changed:
            return
        # A link or a mode that changed, or the name now given to another file: the bytes need not have.
        digest = self._pins[file].digest
        if changed != {"ctime_ns"} or digest is None or watch.hashed() != digest:
            raise self._changed(file)

    def _require_untouched(self, file: str) -> None:
        pin = self._pins[file]
        try:
            now = _local_identity(Path(file).stat())
        except OSError as error:
            raise self._removed(file) from error
        if pin.identity is None or now.differs(pin.identity):
            raise self._changed(file)

    @contextmanager
    def _opened(self, file: str) -> Iterator[Any]:
        if not self.is_local and "s3" not in self.fs.protocol:  # S3 itself refuses what is no longer there
            self.fs.invalidate_cache(self.fs._parent(file))
        try:
            with reading(self.fs, file, name=self.name_of(file)) as handle:
                yield handle
        except (BadInputError, BackendError) as error:
            if isinstance(error, IntegrityError):
                raise
            if isinstance(error.__cause__, FileNotFoundError):
                raise self._removed(file) from error
            if self._is_replaced(file):
                raise self._changed(file) from error
            raise

    def _is_replaced(self, file: str) -> bool:
        """Whether the store, asked anew, has another file there: it refused to go on with the old one."""
        pin = self._pins[file]
        if self.is_local or pin.identity is None:
            return False
        try:
            return bool(_remote_identity(_fresh_info(self.fs, file)).differs(pin.identity))
        except FileNotFoundError:
            return True
        except Exception:  # noqa: BLE001  # a store that does not answer now either; the first error tells why
            return False

    def _changed(self, file: str) -> IntegrityError:
        return IntegrityError(
            f"{self.name_of(file)} changed while it was in use; nothing was judged or written from it"
        )

    def _removed(self, file: str) -> IntegrityError:
        return IntegrityError(f"{self.name_of(file)} was removed while its dataset was in use")


class _Watch:
    """The identity of an open handle, at its opening and whenever it is asked for."""

    def __init__(self, fs: Any, file: str, handle: Any) -> None:
        self._fs, self._file, self._handle = fs, file, handle
        # A descriptor of our own: libraries close the handle that they were given.
        self._descriptor = os.dup(handle.fileno()) if is_local(fs) else None
        self.before = self._now(first=True)

    def __enter__(self) -> _Watch:
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    def changes(self) -> frozenset[str]:
        """Names of the marks that are no longer what they were; none where the store itself refuses to go on."""
        if self._descriptor is None and _is_guarded(self._handle):
            return frozenset()
        return self._now().differs(self.before)

    def hashed(self) -> bytes:
        """SHA-256 of the bytes of the handle, which is at its start afterwards."""
        if self._descriptor is not None:
            return _hash_of_descriptor(self._descriptor)
        self._handle.seek(0)
        found = hash_of(self._handle)
        self._handle.seek(0)
        return found

    def _now(self, *, first: bool = False) -> Identity:
        if self._descriptor is not None:
            return _local_identity(os.fstat(self._descriptor))
        if first and _is_guarded(self._handle):
            return _remote_identity(self._handle.details)
        return _remote_identity(_fresh_info(self._fs, self._file))


def hash_of(handle: Any) -> bytes:
    """SHA-256 of what is left to read of ``handle``."""
    running = hashlib.sha256()
    while chunk := handle.read(CHUNK_BYTES):
        running.update(chunk)
    return running.digest()


def _hash_of_descriptor(descriptor: int) -> bytes:
    running, offset = hashlib.sha256(), 0
    while chunk := os.pread(descriptor, CHUNK_BYTES, offset):  # leaves the handle's position alone
        running.update(chunk)
        offset += len(chunk)
    return running.digest()


def _local_identity(found: os.stat_result) -> Identity:
    marks = {
        "dev": found.st_dev,
        "ino": found.st_ino,
        "size": found.st_size,
        "mtime_ns": found.st_mtime_ns,
        "ctime_ns": found.st_ctime_ns,
    }
    changed = max(found.st_mtime_ns, found.st_ctime_ns) / 1e9
    return Identity(marks, is_proof=changed < time.time() - SETTLED_SECONDS)


def _remote_identity(info: Mapping[str, Any]) -> Identity:
    marks = {name: info[name] for name in ("size", *PROOFS, *_TIMES) if info.get(name) is not None}
    proof = next((name for name in PROOFS if name in marks), None)
    if proof is None:
        return Identity(marks, is_proof=False)
    # One proof is enough, and what else a store tells of a file depends on how it is asked.
    return Identity({"size": marks.get("size"), proof: marks[proof]}, is_proof=True)


def _fresh_info(fs: Any, file: str) -> Mapping[str, Any]:
    fs.invalidate_cache(fs._parent(file))
    info: Mapping[str, Any] = fs.info(file)
    return info


def _is_guarded(handle: Any) -> bool:
    """Whether each read of a remote file asks for the very object that was opened, as s3fs does by ``If-Match``."""
    asked = {**getattr(handle, "req_kw", {}), **getattr(handle, "read_kw", {})}
    return "IfMatch" in asked


def fingerprint(uri: str) -> str:
    """``sha256:...`` over the content of the dataset's files, as in ``DatasetRef.fingerprint``.

    :raises BadInputError: when there is no data file at ``uri``.
    """
    return PinnedFiles(data_files(uri)).fingerprint()
