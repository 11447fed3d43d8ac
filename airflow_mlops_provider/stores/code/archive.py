"""Code as one file: the same code gives the same bytes, wherever and whenever it is packed."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import PurePosixPath

from airflow_mlops_provider.exceptions import IntegrityError
from airflow_mlops_provider.records.codec import sha256
from airflow_mlops_provider.records.evidence_name import hash_in, with_hash
from airflow_mlops_provider.stores.code.sources import LARGEST_CODE
from airflow_mlops_provider.stores.evidence.packed import PACKED
from airflow_mlops_provider.stores.evidence.store import EvidenceStore, store_of

_LONG_AGO = (1980, 1, 1, 0, 0, 0)


def archive_of(files: Mapping[str, bytes]) -> bytes:
    """A ZIP of ``files``, without times, owners or compression, which would differ from place to place."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, files[name])
    return buffer.getvalue()


def code_digest(files: Mapping[str, bytes]) -> str:
    """``sha256:...`` of the archive of ``files``: what names them in the record."""
    return sha256(archive_of(files))


def files_in(archive: bytes, *, where: str) -> dict[str, bytes]:
    """The files of an archive.

    :param where: what to call it in errors.
    :raises IntegrityError: when it is none, is too large, or would write outside of the folder it is unpacked in.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as packed:
            entries = [entry for entry in packed.infolist() if not entry.is_dir()]
            if sum(entry.file_size for entry in entries) > LARGEST_CODE:
                raise IntegrityError(f"code {where} has more than {LARGEST_CODE:,} bytes")
            return {_safe(entry.filename, where): packed.read(entry) for entry in entries}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise IntegrityError(f"code {where} is no archive of code: {error}") from error


def keep_code(files: Mapping[str, bytes], store: EvidenceStore, *, name: str) -> str:
    """Put the archive of ``files`` into the evidence root, once for the same code, and return its URI.

    :param name: what to call it, such as the model's name; the hash follows it.
    """
    return store.keep(f"{PACKED}/{name}.zip", archive_of(files))


def code_uri(files: Mapping[str, bytes], store: EvidenceStore, *, name: str) -> str:
    """Where :func:`keep_code` puts the archive; nothing is written."""
    return store.uri_of(with_hash(f"{PACKED}/{name}.zip", code_digest(files)))


def read_code(uri: str) -> dict[str, bytes]:
    """The files of the archive at ``uri``, whose bytes have the hash in its name.

    :raises IntegrityError: when they have not, or its name carries none.
    :raises BadInputError: when there is no such archive.
    """
    if hash_in(uri) is None:
        raise IntegrityError(f"code {uri} carries no SHA-256 in its name, so nothing vouches for it")
    return files_in(store_of(uri).read_bytes(uri, at_most=2 * LARGEST_CODE), where=uri)


def _safe(name: str, where: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or str(path) != name:
        raise IntegrityError(f"code {where} holds a file named {name!r}, which is no place inside a folder")
    return name
