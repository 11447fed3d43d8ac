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

    :param retention_days: age in days from which evidence is removed.
    :param kinds: only evidence of these kinds, such as ``["drift", "prediction"]``; all kinds by default.
    :param preview: only say what would go.
    """

    job: ClassVar[str] = "purge"

    retention_days: float
    kinds: tuple[Kind, ...] = ()
    preview: bool = field(default=False, metadata=former("dry_run"))

    def check(self) -> None:
        """Raise ``BadInputError`` for an age that is not above 0, or before all time."""
        try:
            datetime.now(UTC) - timedelta(days=self.policy.retention_days)
        except OverflowError as error:
            raise BadInputError(f"purge spec: 'retention_days' is {self.retention_days}, before all time") from error

    @property
    def policy(self) -> PurgePolicy:
        """The keys as the limits that are recorded."""
        return PurgePolicy(retention_days=self.retention_days, kinds=self.kinds)
