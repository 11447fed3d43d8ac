"""Waits until files appear or change; reads no data."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async

from airflow_mlops_provider.hooks.aws import AwsAccess
from airflow_mlops_provider.records.table_source import is_table_uri
from airflow_mlops_provider.records.table_version import is_catalogue_uri
from airflow_mlops_provider.stores.aws_access import aws_access

MIN_WAIT_SECONDS = 10.0
"""An event within seconds of the deferral can lose a race in Airflow 3.3.2 and fail the task."""


class DatasetTrigger(BaseTrigger):
    """Fires when the files behind a URI are there and differ from what was seen last; of a table, after each wait.

    :param uri: the dataset's URI.
    :param seen: state of the files that have been looked at already, see
        :class:`~airflow_mlops_provider.stores.datasets.listing.Stamps`; ``None`` when there were none.
    :param poll_seconds: time between two listings, at least :data:`MIN_WAIT_SECONDS`.
    :param aws_conn_id: Connection by which S3 is reached; the environment without one.
    """

    def __init__(self, *, uri: str, seen: str | None, poll_seconds: float, aws_conn_id: str | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's own
        self.uri = uri
        self.seen = seen
        self.poll_seconds = max(poll_seconds, MIN_WAIT_SECONDS)
        self.aws_conn_id = aws_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Import path and arguments, as Airflow stores a trigger."""
        arguments = {"uri": self.uri, "seen": self.seen, "poll_seconds": self.poll_seconds}
        # A triggerer of an earlier version knows no Connection.
        named = {"aws_conn_id": self.aws_conn_id} if self.aws_conn_id else {}
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments | named

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event, with the new stamp, once there is something new to look at."""
        from airflow_mlops_provider.stores.datasets.presence import dataset_stamps

        access = AwsAccess(self.aws_conn_id) if self.aws_conn_id else None
        while True:
            await asyncio.sleep(self.poll_seconds)
            if is_table_uri(self.uri) or is_catalogue_uri(self.uri):
                # The triggerer reads no database and no catalogue: the task looks itself.
                yield TriggerEvent({"stamp": None})  # type: ignore[no-untyped-call]  # Airflow's own
                return
            # Not asyncio.to_thread: only from asgiref's threads does Airflow give a trigger its Connections.
            variables = await sync_to_async(access.variables)() if access else {}
            with aws_access(variables):
                found = await asyncio.to_thread(dataset_stamps, self.uri)
            if found is not None and found.state != self.seen:
                yield TriggerEvent({"stamp": found.state})  # type: ignore[no-untyped-call]  # Airflow's own
                return
