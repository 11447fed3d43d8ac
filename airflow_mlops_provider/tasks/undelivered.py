"""Alerts that were not delivered: kept in the evidence root, so that the MLOps page can show them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime

from airflow_mlops_provider.exceptions import MLOpsError
from airflow_mlops_provider.records.alert import Alert, UndeliveredAlert
from airflow_mlops_provider.tasks.environment import default_s3_access
from airflow_mlops_provider.tasks.settings import evidence_root

log = logging.getLogger(__name__)


def keep_undelivered(alert: Alert, *, channel: str, reason: str, origin: Mapping[str, str]) -> str | None:
    """Keep an alert that its channel did not take.

    :param channel: the Connection that it should have gone through.
    :param reason: why it did not, in one line.
    :param origin: the task or run that it is about.
    :returns: its URI in the evidence root; ``None`` when that cannot be written either, which the log then says.
    """
    from airflow_mlops_provider.stores.evidence.undelivered import write_undelivered

    record = UndeliveredAlert(
        alert=alert, channel=channel, reason=reason, created_at=datetime.now(UTC).isoformat(), origin=dict(origin)
    )
    try:
        with default_s3_access():
            return write_undelivered(evidence_root(), record)
    except MLOpsError as error:
        # The alert stands in the log already; a lost message must not fail the task.
        log.warning("the undelivered alert could not be kept: %s", error)
        return None
