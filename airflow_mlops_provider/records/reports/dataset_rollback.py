"""What was found and done when ``latest.snapshot`` was to be moved back."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_mlops_provider.records.refs import DatasetRef


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRollbackReport:
    """One rollback of a folder of snapshots.

    :param folder: URI of the folder.
    :param target: the snapshot to move back to, as it is recorded.
    :param is_whole: whether the rows that lie there are those that were recorded.
    :param withdrawn: names of the snapshots that are taken back, the newest first.
    :param expected: name of the newest snapshot when the rollback began, where another rollback was quicker.
    """

    folder: str
    target: DatasetRef
    is_whole: bool
    withdrawn: tuple[str, ...]
    expected: str | None = None
