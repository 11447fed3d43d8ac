"""What travels to jobs elsewhere: code and files in the evidence root, each named by its hash and kept once."""

from __future__ import annotations

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.evidence_name import hash_in
from airflow_mlops_provider.stores.evidence.store import EvidenceStore, store_of
from airflow_mlops_provider.stores.specs import local_path

PACKED = "packed"
"""The folder of the evidence root that holds it."""


def keep_file(uri: str, store: EvidenceStore, *, role: str, suffix: str) -> str:
    """Put a local file into the evidence root.

    :param uri: its path or ``file://`` URI, with ``#part`` when a part of it is meant.
    :param role: what it is, such as ``suite``: its name there, and in errors.
    :param suffix: of its name there.
    :returns: its address there, with the same ``#part``.
    :raises BadInputError: when it cannot be read.
    """
    place, mark, part = uri.partition("#")
    try:
        data = local_path(place).read_bytes()
    except OSError as error:
        raise BadInputError(f"{role} {place}: {(error.strerror or str(error)).lower()}") from error
    return f"{store.keep(f'{PACKED}/{role}.{suffix}', data)}{mark}{part}"


def packed_bytes(uri: str) -> bytes | None:
    """The bytes of what was packed, which have the hash in its name; ``None`` for any other address.

    :raises IntegrityError: when they have not.
    """
    if f"/{PACKED}/" not in uri or hash_in(uri) is None:
        return None
    return store_of(uri).read_bytes(uri)
