"""The one place for what differs between Airflow 3.1 and 3.3."""

from __future__ import annotations

import re

from airflow import __version__

OPENS_PAGES_IN_FRAME = tuple(map(int, re.findall(r"\d+", __version__)[:3])) >= (3, 3, 2)
"""Whether the UI opens a page below the address of an external view in its frame; before, it opened the first page."""

try:
    from airflow.sdk.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowRescheduleException,
        AirflowSensorTimeout,
        AirflowSkipException,
        AirflowTaskTimeout,
        TaskDeferred,
    )
except ImportError:  # Airflow 3.1
    from airflow.exceptions import (  # type: ignore[attr-defined,no-redef]  # checked against 3.3
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowRescheduleException,
        AirflowSensorTimeout,
        AirflowSkipException,
        AirflowTaskTimeout,
        TaskDeferred,
    )

__all__ = [
    "OPENS_PAGES_IN_FRAME",
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowRescheduleException",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "AirflowTaskTimeout",
    "TaskDeferred",
]
