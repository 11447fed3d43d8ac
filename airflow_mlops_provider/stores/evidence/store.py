"""Evidence: canonical JSON, named by its SHA-256, created exclusively, on local files and in object stores.

A file's name carries the hash of its bytes, so an edited file refuses to be read. Numbered chains
(:meth:`EvidenceStore.append`) give the record of decisions its one order: whoever creates number N+1 has committed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from airflow_mlops_provider.exceptions import AlreadyExistsError, BadInputError, IntegrityError, MLOpsError
from airflow_mlops_provider.records.codec import canonical_json, decode, encode, parse_json, sha256
from airflow_mlops_provider.records.evidence import Evidence
from airflow_mlops_provider.records.evidence_name import (
    ATTACHMENTS,
    PROFILES,
    EvidenceName,
    evidence_name,
    hash_in,
    number_in,
    parse_dated,
    parse_evidence,
    record_name,
    root_of,
    with_hash,
)
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.verdict import Verdict
from airflow_mlops_provider.stores.evidence.catalogue import Catalogue, read_catalogue
from airflow_mlops_provider.stores.evidence.claims import ANNOUNCED, CLAIMS, claim, claimed
from airflow_mlops_provider.stores.evidence.files import EvidenceFiles
from airflow_mlops_provider.stores.evidence.index import EvidenceIndex
from airflow_mlops_provider.stores.evidence.local_folder import LocalFolder
from airflow_mlops_provider.stores.evidence.object_prefix import SCHEMES, ObjectPrefix
from airflow_mlops_provider.stores.specs import local_path

_log = logging.getLogger(__name__)
_LARGEST_RECORD = 64 * 2**20
"""Bytes of a chain's record: what is larger was not written by a job, and is not read."""


def default_evidence_root() -> str:
    """``./mlops``, where jobs keep their evidence outside Airflow unless the spec says otherwise."""
    return str(Path("mlops").resolve())


class EvidenceStore:
    """A folder of evidence on local disk or in an object store.

    :param root: path, ``file://`` URI, ``s3://bucket/prefix``, ``gs://bucket/prefix`` or ``abfs://container/prefix``.
    :raises BadInputError: for another kind of root: only these create exclusively.
    :raises BackendError: when what reaches the store is not installed, or finds no credentials.
    """

    def __init__(self, root: str) -> None:
        scheme = urlparse(root).scheme
        if "\0" in root:
            raise BadInputError(f"evidence root {root!r} is not a path")
        if scheme not in ("", "file", *SCHEMES):
            raise BadInputError(
                f"evidence root {root}: {scheme}:// has no exclusive create that is known here; use a local folder, "
                "s3://, gs:// or abfs://"
            )
        self._files: EvidenceFiles = (
            ObjectPrefix(root.rstrip("/")) if scheme in SCHEMES else LocalFolder(local_path(root).absolute())
        )

    @property
    def files(self) -> EvidenceFiles:
        """The files below the root, by their names."""
        return self._files

    @property
    def index(self) -> EvidenceIndex:
        """Which evidence speaks of which model."""
        return EvidenceIndex(self._files)

    def catalogue(self) -> Catalogue:
        """What the names of all evidence and of its index tell, as they are now."""
        return read_catalogue(self._files)

    def stamp(self, name: str) -> str:
        """What changes when the file ``name`` does; empty in an object store, where an object is taken at its name.

        :raises BadInputError: when there is none.
        """
        return self._files.stamp(name)

    @property
    def root(self) -> str:
        """The root as a URI."""
        return self._files.root

    def require_writable(self) -> None:
        """Ask before the work whether evidence can be kept: it is never optional.

        :raises BackendError: when the root cannot be written or reached.
        """
        self._files.require_writable()

    def require_readable(self) -> None:
        """Ask before the work whether the root can be read; one that is not there yet is empty.

        :raises BackendError: when it is no folder, or cannot be read or reached.
        """
        self._files.require_readable()

    def write(self, kind: str, body: Any) -> str:
        """Store one piece of evidence under ``kind``.

        :param body: a record or plain JSON; NaN and infinity are refused.
        :returns: its URI, whose name carries the time of writing and the SHA-256 of the bytes.
        :raises BackendError: when the root cannot be written; evidence is never optional.
        :raises BadInputError: for a verdict that is milder than its findings.
        """
        name = self.name_for(kind, body)
        uri = self._files.create(name, canonical_json(body))
        if isinstance(body, Evidence):
            self._index_written(name, body)
        return uri

    def name_for(self, kind: str, body: Any) -> str:
        """The name below the root that ``body`` gets when it is written as evidence of ``kind`` now.

        :raises BadInputError: for a verdict that is milder than its findings.
        """
        _require_sound_verdict(body)
        return evidence_name(kind, datetime.now(UTC), sha256(canonical_json(body)))

    def write_named(self, name: str, body: Any) -> str:
        """Store a record of evidence under the name that :meth:`name_for` gave; the same that is there already stands.

        :param body: the record, or its plain JSON as an earlier version of this package may have made it.
        :returns: its URI.
        :raises IntegrityError: when ``name`` was not made for ``body``, or something else lies there.
        :raises BackendError: when the root cannot be written.
        """
        data = canonical_json(body)
        if hash_in(name) != sha256(data):
            raise IntegrityError(f"evidence {name} was announced with other content")
        try:
            uri = self._files.create(name, data)
        except AlreadyExistsError:
            uri = self._files.uri_of(name)
            self.read_bytes(uri)
        self._index_written(name, decode(Evidence, encode(body), where=f"evidence {uri}"))
        return uri

    def _index_written(self, name: str, evidence: Evidence) -> None:
        try:
            self.index.add(name, evidence)
        except MLOpsError as error:
            # The evidence is written and is the truth; readers of the index look for what it lacks.
            _log.warning("evidence %s is written, but not in the index: %s", name, error)

    def attach(self, name: str, data: bytes) -> str:
        """Store bytes under ``name`` exactly and return their URI; nothing vouches for them later."""
        return self._files.create(name, data)

    def attach_hashed(self, name: str, data: bytes) -> str:
        """Store something to look at (an HTML report, a chart); its SHA-256 goes before the name's suffix.

        :returns: its URI, by which :meth:`read_bytes` verifies it.
        """
        return self._files.create(with_hash(name, sha256(data)), data)

    def keep(self, name: str, data: bytes) -> str:
        """As :meth:`attach_hashed`, for what may be there already: the same bytes are kept once.

        :returns: its URI, by which :meth:`read_bytes` verifies it.
        """
        try:
            return self.attach_hashed(name, data)
        except AlreadyExistsError:
            return self._files.uri_of(with_hash(name, sha256(data)))

    def read(self, uri: str, *, at_most: int | None = None) -> Any:
        """The evidence at ``uri``, verified against the hash in its name.

        :param at_most: bytes; a larger file is refused before anything of it is read.
        :raises BadInputError: when there is none, it is larger, or it is not evidence.
        :raises IntegrityError: when the bytes are not those that were written.
        """
        if hash_in(self._files.name_of(uri)) is None:
            raise IntegrityError(f"evidence {uri} carries no SHA-256 in its name, so nothing vouches for it")
        data = self.read_bytes(uri, at_most=at_most)
        try:
            return parse_json(data, where=f"evidence {uri}")
        except BadInputError as error:
            raise IntegrityError(str(error)) from error

    def read_bytes(self, uri: str, *, at_most: int | None = None) -> bytes:
        """The raw bytes at ``uri``, such as an HTML report; verified when its name carries a hash.

        :param at_most: bytes; a larger file is refused before anything of it is read.
        :raises IntegrityError: when the bytes are not those that were written.
        """
        data, written = self._files.read(self._files.name_of(uri), at_most=at_most), hash_in(uri)
        if written is not None and sha256(data) != written:
            raise IntegrityError(f"evidence {uri} was changed after it was written: its bytes have {sha256(data)}")
        return data

    def holds(self, uri: str) -> bool:
        """Whether there is anything at ``uri``."""
        return self._files.exists(self._files.name_of(uri))

    def uris(self, kind: str, *, newest: int | None = None) -> list[str]:
        """URIs of the evidence of ``kind``, oldest first.

        :param newest: only that many of the newest; names carry the time, so nothing is read to find them.
        """
        names = self.names(kind)
        return [self._files.uri_of(name) for name in (names if newest is None else names[-newest:])]

    def kinds(self) -> list[str]:
        """The kinds there is evidence of, sorted."""
        return [folder for folder in self._files.folders() if folder in set(Kind)]

    def names(self, kind: str) -> list[str]:
        """Names below the root of the evidence of ``kind``, oldest first."""
        return [name for name in self._files.names(kind) if name.endswith(".json")]

    def evidence_names(self) -> set[str]:
        """Names below the root of all evidence; others than evidence's names are left out."""
        return {name for kind in Kind for name in self.names(kind) if parse_evidence(name)}

    def chains(self, folder: str) -> list[str]:
        """The chains below ``folder``, sorted: ``chains("decisions")`` are the models decided about."""
        return self._files.folders(folder)

    def dated(self, kind: str) -> list[EvidenceName]:
        """All evidence of ``kind`` and all that is attached to it, oldest first; nothing is read but names."""
        names = [*self._files.names(kind), *self._files.names(f"{kind}/{ATTACHMENTS}")]
        return sorted(filter(None, map(parse_dated, names)), key=lambda found: (found.written_at, found.name))

    def profiles(self) -> dict[str, datetime]:
        """The kept profiles of datasets by name, with the time at which each was written."""
        return self.times(PROFILES)

    def times(self, folder: str) -> dict[str, datetime]:
        """The names below ``folder``, each with the time at which it was written."""
        return self._files.times_below(folder)

    def announced(self, kinds: Iterable[str], *, until: datetime) -> list[str]:
        """The names of what tries announced as evidence of ``kinds`` at ``until`` or before."""
        beginnings = tuple(f"{ANNOUNCED}/{kind}." for kind in kinds)
        return [
            name
            for name, at in self._files.times_below(ANNOUNCED).items()
            if at <= until and name.startswith(beginnings)
        ]

    def uri_of(self, name: str) -> str:
        """Where the evidence ``name`` lies in this root, if it is there."""
        return self._files.uri_of(name)

    def name_of(self, uri: str) -> str:
        """The name below this root of what lies at ``uri``.

        :raises BadInputError: when that is not below this root.
        """
        return self._files.name_of(uri)

    def remove(self, names: Iterable[str]) -> None:
        """Remove evidence and its entries in the index for good; what is gone already is none of its business.

        The caller has recorded what goes, and why: see :mod:`airflow_mlops_provider.jobs.decisions.purge`.

        :raises BackendError: when something cannot be removed.
        """
        for name in names:
            self._files.remove(name)
        places = self.index.places()
        self.index.remove_stale(places, self.evidence_names())

    def sweep(self) -> int:
        """Remove what killed writers left behind half written, and return how many files that were."""
        return self._files.sweep()

    def withdraw(self, uri: str) -> None:
        """Remove a piece of evidence, and what is attached to it, that its writer has handed to nobody.

        Of two that judged the same at once one stands; this is the other.

        :raises BackendError: when it cannot be removed.
        """
        name = self._files.name_of(uri)
        evidence = decode(Evidence, self.read(uri), where=f"evidence {uri}")
        self.index.forget(name, evidence)
        self._files.remove(name)
        self.detach(evidence.attachments.values())

    def detach(self, uris: Iterable[str]) -> None:
        """Remove what was attached to evidence that is not there.

        :raises BackendError: when it cannot be removed.
        """
        for uri in uris:
            self._files.remove(self._files.name_of(uri))

    def claim(self, name: str, body: Any, *, folder: str = CLAIMS) -> Any:
        """Claim ``name`` with ``body``, or return what an earlier caller claimed it with.

        :param folder: for marks that mean less than a claim.
        """
        return claim(self._files, name, body, folder=folder)

    def claimed(self, name: str, *, folder: str = CLAIMS) -> Any | None:
        """The standing claim of ``name``, or ``None``."""
        return claimed(self._files, name, folder=folder)

    def append(self, chain: str, number: int, body: Any) -> str:
        """Create record ``number`` of ``chain``; of several writers exactly one succeeds.

        :param chain: the chain's name, such as ``decisions/wage``.
        :param number: 1 for the first record.
        :returns: the record's URI.
        :raises AlreadyExistsError: when another writer committed this number first.
        """
        return self._files.create(record_name(chain, number), canonical_json(body))

    def chain_stamps(self, chain: str) -> dict[str, str]:
        """The names of the records of ``chain``, each with what changes when its content does."""
        return {name: stamp for name, stamp in self._files.stamps(chain).items() if number_in(name) is not None}

    def chain(self, chain: str) -> list[tuple[str, bytes]]:
        """The records of ``chain`` as (URI, bytes), in order of number."""
        names = [name for name in self._files.names(chain) if number_in(name) is not None]
        return [(self._files.uri_of(name), self._files.read(name, at_most=_LARGEST_RECORD)) for name in names]


def store_of(uri: str) -> EvidenceStore:
    """The root that the evidence at ``uri`` lies in, wherever that is."""
    return EvidenceStore(root_of(uri))


def _require_sound_verdict(body: Any) -> None:
    """Also a body that is plain JSON may not say that it passed what its findings fail."""
    plain = encode(body)
    verdict = plain.get("verdict") if isinstance(plain, dict) else None
    if isinstance(verdict, dict):
        decode(Verdict, verdict, where="verdict of the evidence")


def read_evidence(uri: str, *, at_most: int | None = None) -> Evidence:
    """The evidence at ``uri``, wherever its root is, verified against the hash in its name.

    :param at_most: bytes; a larger file is refused before anything of it is read.
    :raises BadInputError: when there is none or it is not evidence.
    :raises IntegrityError: when it was changed after it was written.
    """
    return decode(Evidence, store_of(uri).read(uri, at_most=at_most), where=f"evidence {uri}")
