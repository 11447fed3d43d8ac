"""Claims: whoever comes first says how something is done, and everybody after finds it said."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from airflow_mlops_provider.exceptions import AlreadyExistsError
from airflow_mlops_provider.records.codec import canonical_json, parse_json
from airflow_mlops_provider.stores.evidence.files import EvidenceFiles

CLAIMS = "claims"
"""The folder of claims; marks that mean less lie in folders of their own."""
ANNOUNCED = "announced"
"""The folder of what tries of a request announced before they wrote it as evidence."""


def claim(files: EvidenceFiles, name: str, body: Any, *, folder: str = CLAIMS) -> Any:
    """Create ``claims/name`` exclusively, or return what an earlier caller claimed it with.

    :param folder: in place of ``claims``.
    :returns: the standing claim: ``body`` when this caller is the first.
    """
    path, data = _path(name, folder), canonical_json(body)
    try:
        files.create(path, data)
    except AlreadyExistsError:
        return _read(files, path)
    return parse_json(data, where=f"claim {path}")


def claimed(files: EvidenceFiles, name: str, *, folder: str = CLAIMS) -> Any | None:
    """The standing claim of ``name``, or ``None``."""
    path = _path(name, folder)
    return _read(files, path) if files.exists(path) else None


def _read(files: EvidenceFiles, path: str) -> Any:
    return parse_json(files.read(path), where=f"claim {path}")


def _path(name: str, folder: str) -> str:
    return f"{folder}/{quote(name, safe='')}.json"
