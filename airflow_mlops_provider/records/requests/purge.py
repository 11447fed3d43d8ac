"""Keys of the ``purge`` job."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.policies.purge import PurgePolicy
from airflow_mlops_provider.records.requests.request import JobRequest, former


@dataclass(frozen=True, kw_only=True)
class PurgeRequest(JobRequest):
    """Remove evidence that is past its time; decision records and the evidence of champions in force stay.

    Snapshots of data are removed as well, where their folders are named; those that something still needs stay.

    :param retention_days: age in days from which evidence is removed.
    :param kinds: only evidence of these kinds, such as ``["drift", "prediction"]``; all kinds by default.
    :param snapshots: folders of snapshots, or folders in which such lie; what is past its time there goes, too.
    :param snapshot_days: age in days from which a snapshot is removed; ``retention_days`` by default.
    :param preview: only say what would go.
    """

    job: ClassVar[str] = "purge"

    retention_days: float
    kinds: tuple[Kind, ...] = ()
    snapshots: tuple[str, ...] = ()
    snapshot_days: float | None = None
    preview: bool = field(default=False, metadata=former("dry_run"))

    def check(self) -> None:
        """Raise ``BadInputError`` for an age that is not above 0, or before all time, or of snapshots without any."""
        if self.snapshot_days is not None and not self.snapshots:
            raise BadInputError("purge spec: 'snapshot_days' is of use with 'snapshots' alone; name their folders")
        for name in ("retention_days", "snapshot_days"):
            days = getattr(self.policy, name)
            try:
                datetime.now(UTC) - timedelta(days=days or 0.0)
            except OverflowError as error:
                raise BadInputError(f"purge spec: '{name}' is {days}, before all time") from error

    @property
    def policy(self) -> PurgePolicy:
        """The keys as the limits that are recorded."""
        days = (self.snapshot_days or self.retention_days) if self.snapshots else None
        return PurgePolicy(retention_days=self.retention_days, kinds=self.kinds, snapshot_days=days)
