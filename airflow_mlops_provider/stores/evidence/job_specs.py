"""The specs of jobs that run elsewhere, kept in the evidence root: a command line has no room for them.

A spec is ``specs/<job>-<SHA-256>.json``: the same spec is written once, and one that was edited refuses to be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import canonical_json
from airflow_mlops_provider.stores.evidence.store import EvidenceStore, store_of

_FOLDER = "specs"


def keep_spec(store: EvidenceStore, job: str, spec: Mapping[str, Any]) -> str:
    """Write ``spec`` into the evidence root, unless it is there; returns its URI.

    :raises BackendError: when the evidence root cannot be written.
    """
    return store.keep(f"{_FOLDER}/{job}.json", canonical_json(spec))


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
