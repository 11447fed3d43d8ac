"""Keys of the ``rollback_dataset`` job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.requests.request import JobRequest


@dataclass(frozen=True, kw_only=True)
class RollbackDatasetRequest(JobRequest):
    """Move ``latest.snapshot`` of a folder back to a snapshot that was published before.

    :param dataset: the folder of the snapshots, or its ``latest.snapshot``.
    :param reason: why, in one sentence; recorded.
    :param to_snapshot: name or URI of the snapshot to go back to; the one published before the newest by default.
    :param person: who asks; recorded.
    """

    job: ClassVar[str] = "rollback_dataset"

    dataset: str
    reason: str
    to_snapshot: str | None = None
    person: str | None = None

    def check(self) -> None:
        """Raise ``BadInputError`` for an empty folder or reason."""
        for name in ("dataset", "reason"):
            if not getattr(self, name).strip():
                raise BadInputError(f"rollback_dataset spec: {name!r} is empty")
