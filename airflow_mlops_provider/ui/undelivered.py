"""Alerts that their channel did not take, as far as one person may read the Dags that they are about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from airflow_mlops_provider.exceptions import BackendError, BadInputError
from airflow_mlops_provider.records.alert import UndeliveredAlert
from airflow_mlops_provider.stores.evidence.undelivered import read_undelivered, undelivered_uris
from airflow_mlops_provider.ui.auth import Reader

MOST_SHOWN = 20
"""Alerts that the page shows, the newest first."""
_MOST_READ = 100
"""Alerts that are read to find those: others may be about Dags that this person may not read."""


@dataclass(frozen=True, kw_only=True)
class Undelivered:
    """One alert that was not delivered.

    :param uri: where it lies.
    :param record: the alert and why it was not delivered; ``None`` when it cannot be read.
    :param fault: why it cannot be read; empty when it can.
    """

    uri: str
    record: UndeliveredAlert | None = None
    fault: str = ""


def list_undelivered(root: str, reader: Reader) -> tuple[Undelivered, ...]:
    """The newest alerts that were not delivered, newest first.

    :param root: evidence root.
    :param reader: who asks; what they may not read is left out.
    :raises BackendError: when the root cannot be listed.
    """
    found = map(_read, undelivered_uris(root, newest=_MOST_READ))
    shown = [each for each in found if each.record is None or reader.may_read(each.record.origin)]
    return tuple(shown[:MOST_SHOWN])


def _read(uri: str) -> Undelivered:
    try:
        record = read_undelivered(uri)
        datetime.fromisoformat(record.created_at).astimezone()
    except (BadInputError, BackendError) as error:
        return Undelivered(uri=uri, fault=str(error))
    except (ValueError, OverflowError) as error:
        return Undelivered(uri=uri, fault=f"alert {uri}: created_at is no time: {error}")
    return Undelivered(uri=uri, record=record)
