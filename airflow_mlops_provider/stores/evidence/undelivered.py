"""Alerts that were not delivered, as files of the evidence root."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from airflow_mlops_provider.records.alert import UndeliveredAlert
from airflow_mlops_provider.records.codec import canonical_json, decode
from airflow_mlops_provider.stores.evidence.store import EvidenceStore

FOLDER = "undelivered"


def write_undelivered(root: str, record: UndeliveredAlert) -> str:
    """Keep one alert; returns its URI.

    :raises BackendError: when the evidence root cannot be written.
    """
    now = datetime.now(UTC)
    return EvidenceStore(root).attach_hashed(f"{FOLDER}/{now:%Y%m%dT%H%M%S.%fZ}.json", canonical_json(record))


def read_undelivered(root: str, *, newest: int = 20) -> list[UndeliveredAlert]:
    """The alerts that were not delivered, newest first.

    :param newest: how many at most.
    """
    store = EvidenceStore(root)
    found = [store.read_bytes(uri) for uri in store.uris(FOLDER, newest=newest)]
    return [decode(UndeliveredAlert, json.loads(data), where="undelivered alert") for data in reversed(found)]
