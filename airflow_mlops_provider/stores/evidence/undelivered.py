"""Alerts that were not delivered, as files of the evidence root."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow_mlops_provider.records.alert import UndeliveredAlert
from airflow_mlops_provider.records.codec import canonical_json, decode, parse_json, without_secrets
from airflow_mlops_provider.stores.evidence.store import EvidenceStore, store_of

FOLDER = "undelivered"
_LARGEST = 2**20
"""Bytes of an alert: what is larger was not written by a notifier, and is not read."""


def write_undelivered(root: str, record: UndeliveredAlert) -> str:
    """Keep one alert; returns its URI.

    :raises BackendError: when the evidence root cannot be written.
    """
    now = datetime.now(UTC)
    return EvidenceStore(root).attach_hashed(
        f"{FOLDER}/{now:%Y%m%dT%H%M%S.%fZ}.json", canonical_json(without_secrets(record))
    )


def undelivered_uris(root: str, *, newest: int = 20) -> list[str]:
    """Where the alerts lie that were not delivered, newest first.

    :param newest: how many at most.
    """
    return EvidenceStore(root).uris(FOLDER, newest=newest)[::-1]


def read_undelivered(uri: str) -> UndeliveredAlert:
    """One alert that was not delivered.

    :param uri: as :func:`undelivered_uris` tells it.
    :raises BadInputError: when it is gone, was changed after it was written, is too large or is no such alert.
    """
    data = store_of(uri).read_bytes(uri, at_most=_LARGEST)
    return decode(UndeliveredAlert, parse_json(data, where=f"alert {uri}"), where=f"alert {uri}")
