"""Evidence: canonical JSON, named by its SHA-256, created exclusively, on local files and S3.

A file's name carries the hash of its bytes, so an edited file refuses to be read. Numbered chains
(:meth:`EvidenceStore.append`) give the record of decisions its one order: whoever creates number N+1 has committed.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlparse

from airflow_mlops_provider.exceptions import AlreadyExistsError, BackendError, BadInputError, IntegrityError
from airflow_mlops_provider.records.codec import canonical_json, decode, sha256
from airflow_mlops_provider.records.evidence import Evidence
from airflow_mlops_provider.stores.local_files import remove_abandoned, require_writable_folder
from airflow_mlops_provider.stores.specs import local_path

_HASHED_NAME = re.compile(r"-([0-9a-f]{64})\.[a-z]+$")
_STAMPED_NAME = re.compile(r"/(\d{8}T\d{6}\.\d{6}Z)-(?:.*-)?([0-9a-f]{64})\.[a-z]+$")
_PART_NAME = re.compile(r"\..+\.\d+\.[0-9a-f]{8}")
_STAMP = "%Y%m%dT%H%M%S.%fZ"


@dataclass(frozen=True, kw_only=True)
class Dated:
    """A file of evidence, or one attached to it, by what its name says of it.

    :param name: below the root, such as ``drift/20260131T....json``.
    :param written_at: when it was written.
    :param sha256: hash of its bytes when it was written.
    """

    name: str
    written_at: datetime
    sha256: str


def default_evidence_root() -> str:
    """``./mlops``, where jobs keep their evidence outside Airflow unless the spec says otherwise."""
    return str(Path("mlops").resolve())


class EvidenceStore:
    """A folder of evidence on local disk or S3.

    :param root: path, ``file://`` URI or ``s3://bucket/prefix``.
    :raises BadInputError: for another kind of root: only these two create exclusively.
    """

    def __init__(self, root: str) -> None:
        scheme = urlparse(root).scheme
        if "\0" in root:
            raise BadInputError(f"evidence root {root!r} is not a path")
        if scheme not in ("", "file", "s3"):
            raise BadInputError(
                f"evidence root {root}: {scheme}:// has no exclusive create; use a local folder or s3://"
            )
        self._blobs: _LocalBlobs | _S3Blobs = (
            _S3Blobs(root.rstrip("/")) if scheme == "s3" else _LocalBlobs(local_path(root).absolute())
        )

    @property
    def root(self) -> str:
        """The root as a URI."""
        return self._blobs.root

    def require_writable(self) -> None:
        """Ask before the work whether evidence can be kept: it is never optional.

        :raises BackendError: when the root cannot be written or reached.
        """
        self._blobs.require_writable()

    def write(self, kind: str, body: Any) -> str:
        """Store one piece of evidence under ``kind``.

        :param body: a record or plain JSON; NaN and infinity are refused.
        :returns: its URI, whose name carries the time of writing and the SHA-256 of the bytes.
        :raises BackendError: when the root cannot be written; evidence is never optional.
        """
        data = canonical_json(body)
        stamp = datetime.now(UTC).strftime(_STAMP)
        return self._blobs.create(f"{kind}/{stamp}-{sha256(data).removeprefix('sha256:')}.json", data)

    def attach(self, name: str, data: bytes) -> str:
        """Store bytes under ``name`` exactly and return their URI; nothing vouches for them later."""
        return self._blobs.create(name, data)

    def attach_hashed(self, name: str, data: bytes) -> str:
        """Store something to look at (an HTML report, a chart); its SHA-256 goes before the name's suffix.

        :returns: its URI, by which :meth:`read_bytes` verifies it.
        """
        stem, _, suffix = name.rpartition(".")
        return self._blobs.create(f"{stem}-{sha256(data).removeprefix('sha256:')}.{suffix}", data)

    def read(self, uri: str) -> Any:
        """The evidence at ``uri``, verified against the hash in its name.

        :raises BadInputError: when there is none, or it is not evidence.
        :raises IntegrityError: when the bytes are not those that were written.
        """
        if not _HASHED_NAME.search(self._blobs.name_of(uri)):
            raise IntegrityError(f"evidence {uri} carries no SHA-256 in its name, so nothing vouches for it")
        data = self.read_bytes(uri)
        try:
            return json.loads(data)
        except ValueError as error:
            raise IntegrityError(f"evidence {uri} is not JSON: {error}") from error

    def read_bytes(self, uri: str) -> bytes:
        """The raw bytes at ``uri``, such as an HTML report; verified when its name carries a hash.

        :raises IntegrityError: when the bytes are not those that were written.
        """
        data, match = self._blobs.read(self._blobs.name_of(uri)), _HASHED_NAME.search(uri)
        if match and sha256(data) != f"sha256:{match.group(1)}":
            raise IntegrityError(f"evidence {uri} was changed after it was written: its bytes have {sha256(data)}")
        return data

    def holds(self, uri: str) -> bool:
        """Whether there is anything at ``uri``."""
        return self._blobs.exists(self._blobs.name_of(uri))

    def uris(self, kind: str, *, newest: int | None = None) -> list[str]:
        """URIs of the evidence of ``kind``, oldest first.

        :param newest: only that many of the newest; names carry the time, so nothing is read to find them.
        """
        names = [name for name in self._blobs.names(kind) if name.endswith(".json")]
        return [self._blobs.uri_of(name) for name in (names if newest is None else names[-newest:])]

    def kinds(self) -> list[str]:
        """The kinds there is evidence of, sorted."""
        return self._blobs.folders()

    def chains(self, folder: str) -> list[str]:
        """The chains below ``folder``, sorted: ``chains("decisions")`` are the models decided about."""
        return self._blobs.folders(folder)

    def dated(self, kind: str) -> list[Dated]:
        """All evidence of ``kind`` and all that is attached to it, oldest first; nothing is read but names."""
        names = [*self._blobs.names(kind), *self._blobs.names(f"{kind}/attachments")]
        return sorted(filter(None, map(_dated, names)), key=lambda found: (found.written_at, found.name))

    def uri_of(self, name: str) -> str:
        """Where the evidence ``name`` lies in this root, if it is there."""
        return self._blobs.uri_of(name)

    def remove(self, names: Iterable[str]) -> None:
        """Remove evidence for good; what is gone already is none of its business.

        The caller has recorded what goes, and why: see :mod:`airflow_mlops_provider.jobs.decisions.purge`.

        :raises BackendError: when something cannot be removed.
        """
        for name in names:
            self._blobs.remove(name)

    def sweep(self) -> int:
        """Remove what killed writers left behind half written, and return how many files that were."""
        return self._blobs.sweep()

    def claim(self, name: str, body: Any) -> Any:
        """Create ``claims/name`` exclusively, or return what an earlier caller claimed it with.

        :returns: the standing claim: ``body`` when this caller is the first.
        """
        path = f"claims/{quote(name, safe='')}.json"
        try:
            self._blobs.create(path, canonical_json(body))
        except AlreadyExistsError:
            return json.loads(self._blobs.read(path))
        return json.loads(canonical_json(body))

    def claimed(self, name: str) -> Any | None:
        """The standing claim of ``name``, or ``None``."""
        path = f"claims/{quote(name, safe='')}.json"
        return json.loads(self._blobs.read(path)) if self._blobs.exists(path) else None

    def append(self, chain: str, number: int, body: Any) -> str:
        """Create record ``number`` of ``chain``; of several writers exactly one succeeds.

        :param chain: the chain's name, such as ``decisions/wage``.
        :param number: 1 for the first record.
        :returns: the record's URI.
        :raises AlreadyExistsError: when another writer committed this number first.
        """
        return self._blobs.create(f"{chain}/{number:08d}.json", canonical_json(body))

    def chain(self, chain: str) -> list[tuple[str, bytes]]:
        """The records of ``chain`` as (URI, bytes), in order of number."""
        names = [name for name in self._blobs.names(chain) if re.search(r"/\d{8}\.json$", name)]
        return [(self._blobs.uri_of(name), self._blobs.read(name)) for name in names]


def store_of(uri: str) -> EvidenceStore:
    """The root that the evidence at ``uri`` lies in, wherever that is."""
    return EvidenceStore(uri.rsplit("/", 2)[0] if uri.count("/") >= 2 else ".")


def name_of(uri: str) -> str:
    """The name below its root of the evidence at ``uri``, or of what is attached to it; the same in every copy."""
    parts = uri.rsplit("/", 3)[1:]
    return "/".join(parts if parts[-2:-1] == ["attachments"] else parts[-2:])


def read_evidence(uri: str) -> Evidence:
    """The evidence at ``uri``, wherever its root is, verified against the hash in its name.

    :raises BadInputError: when there is none or it is not evidence.
    :raises IntegrityError: when it was changed after it was written.
    """
    return decode(Evidence, store_of(uri).read(uri), where=f"evidence {uri}")


def _dated(name: str) -> Dated | None:
    match = _STAMPED_NAME.search(name)
    if match is None:
        return None
    written_at = datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC)
    return Dated(name=name, written_at=written_at, sha256=f"sha256:{match[2]}")


class _LocalBlobs:
    def __init__(self, root: Path) -> None:
        self._root = root
        self.root = root.as_uri()

    def require_writable(self) -> None:
        require_writable_folder(self._root, name=f"evidence root {self.root}")

    def uri_of(self, name: str) -> str:
        return (self._root / name).as_uri()

    def name_of(self, uri: str) -> str:
        path = local_path(uri).absolute()
        if not path.is_relative_to(self._root) or ".." in path.parts:
            raise BadInputError(f"evidence {uri} does not lie under the evidence root {self.root}")
        return str(path.relative_to(self._root))

    def create(self, name: str, data: bytes) -> str:
        # Written in full under another name and then linked: a reader never sees half a file, and link() is exclusive.
        path = self._root / name
        part = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with part.open("xb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                os.link(part, path)
            finally:
                part.unlink(missing_ok=True)
        except FileExistsError as error:
            if not path.is_file():
                raise BackendError(f"evidence root {self.root} cannot be written: {error}") from error
            raise AlreadyExistsError(f"{path.as_uri()} exists already") from error
        except OSError as error:
            raise BackendError(f"evidence root {self.root} cannot be written: {error}") from error
        return path.as_uri()

    def read(self, name: str) -> bytes:
        try:
            return (self._root / name).read_bytes()
        except FileNotFoundError as error:
            raise BadInputError(f"evidence {self.uri_of(name)} does not exist") from error
        except OSError as error:
            raise BackendError(f"evidence {self.uri_of(name)} cannot be read: {error}") from error

    def exists(self, name: str) -> bool:
        return (self._root / name).exists()

    def names(self, folder: str) -> list[str]:
        try:
            found = sorted(entry.name for entry in (self._root / folder).iterdir() if not entry.name.startswith("."))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise BackendError(f"evidence root {self.root} cannot be read: {error}") from error
        return [f"{folder}/{name}" for name in found]

    def remove(self, name: str) -> None:
        try:
            (self._root / name).unlink(missing_ok=True)
        except OSError as error:
            raise BackendError(f"evidence {self.uri_of(name)} cannot be removed: {error.strerror}") from error

    def sweep(self) -> int:
        return sum(remove_abandoned(part) for part in self._root.rglob(".*") if _PART_NAME.fullmatch(part.name))

    def folders(self, under: str = "") -> list[str]:
        try:
            return sorted(entry.name for entry in (self._root / under).iterdir() if entry.is_dir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise BackendError(f"evidence root {self.root} cannot be read: {error}") from error


class _S3Blobs:
    """Objects below an ``s3://`` prefix; exclusive create is S3's own ``If-None-Match: *``."""

    def __init__(self, root: str) -> None:
        try:
            import s3fs
        except ImportError as error:
            raise BackendError(
                f"evidence root {root} needs s3fs: pip install 'airflow-mlops-provider[amazon]'"
            ) from error
        self.root = root
        self._prefix = root.removeprefix("s3://")
        self._fs = s3fs.S3FileSystem(use_listings_cache=False)

    def require_writable(self) -> None:
        self._listing("")  # reaching it is all that can be asked without leaving something there

    def uri_of(self, name: str) -> str:
        return f"{self.root}/{name}"

    def name_of(self, uri: str) -> str:
        if not uri.startswith(f"{self.root}/"):
            raise BadInputError(f"evidence {uri} does not lie under the evidence root {self.root}")
        return uri.removeprefix(f"{self.root}/")

    def create(self, name: str, data: bytes) -> str:
        try:
            self._fs.pipe_file(f"{self._prefix}/{name}", data, mode="create")
        except FileExistsError as error:
            raise AlreadyExistsError(f"{self.uri_of(name)} exists already") from error
        except Exception as error:  # botocore raises a family of its own, made at run time
            if "PreconditionFailed" in repr(error):
                raise AlreadyExistsError(f"{self.uri_of(name)} exists already") from error
            raise BackendError(f"evidence root {self.root} cannot be written: {error}") from error
        return self.uri_of(name)

    def read(self, name: str) -> bytes:
        try:
            data: bytes = self._fs.cat_file(f"{self._prefix}/{name}")
        except FileNotFoundError as error:
            raise BadInputError(f"evidence {self.uri_of(name)} does not exist") from error
        except Exception as error:  # as above
            raise BackendError(f"evidence {self.uri_of(name)} cannot be read: {error}") from error
        return data

    def exists(self, name: str) -> bool:
        return bool(self._fs.exists(f"{self._prefix}/{name}"))

    def names(self, folder: str) -> list[str]:
        found = self._listing(folder)
        return [f"{folder}/{entry['name'].rsplit('/', 1)[-1]}" for entry in found if entry["type"] == "file"]

    def remove(self, name: str) -> None:
        try:
            self._fs.rm_file(f"{self._prefix}/{name}")
        except FileNotFoundError:
            return
        except Exception as error:  # as above
            raise BackendError(f"evidence {self.uri_of(name)} cannot be removed: {error}") from error

    def sweep(self) -> int:
        return 0  # an object appears whole or not at all

    def folders(self, under: str = "") -> list[str]:
        return [entry["name"].rsplit("/", 1)[-1] for entry in self._listing(under) if entry["type"] == "directory"]

    def _listing(self, folder: str) -> list[dict[str, Any]]:
        try:
            found = self._fs.ls(f"{self._prefix}/{folder}".rstrip("/"), detail=True)
        except FileNotFoundError:
            return []
        except Exception as error:  # as above
            raise BackendError(f"evidence root {self.root} cannot be read: {error}") from error
        return sorted(found, key=lambda entry: str(entry["name"]))
