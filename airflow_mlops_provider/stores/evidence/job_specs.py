"""The specs of jobs that run elsewhere, kept in the evidence root: a command line has no room for them.

A spec is ``specs/<job>-<SHA-256>.json``: the same spec is written once, and one that was edited refuses to be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from airflow_mlops_provider.exceptions import AlreadyExistsError, BadInputError
from airflow_mlops_provider.records.codec import canonical_json, sha256
from airflow_mlops_provider.records.evidence_name import with_hash
from airflow_mlops_provider.stores.evidence.store import EvidenceStore, store_of

_FOLDER = "specs"


def keep_spec(store: EvidenceStore, job: str, spec: Mapping[str, Any]) -> str:
    """Write ``spec`` into the evidence root, unless it is there; returns its URI.

    :raises BackendError: when the evidence root cannot be written.
    """
    data = canonical_json(spec)
    name = f"{_FOLDER}/{job}.json"
    try:
        return store.attach_hashed(name, data)
    except AlreadyExistsError:
        return store.uri_of(with_hash(name, sha256(data)))


def read_spec(uri: str) -> Any:
    """The spec at ``uri``, verified against the hash in its name.

    :raises BadInputError: when there is none.
    :raises IntegrityError: when it was changed after it was written.
    """
    try:
        return store_of(uri).read(uri)
    except BadInputError as error:
        raise type(error)(str(error).replace("evidence", "spec", 1)) from error


def specs_left_by(store: EvidenceStore, limit: datetime) -> list[str]:
    """Names of the specs that were written at ``limit`` or before."""
    return [name for name, written_at in store.times(_FOLDER).items() if written_at <= limit]
