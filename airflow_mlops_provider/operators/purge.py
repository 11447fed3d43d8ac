"""The removal of old evidence as a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

from airflow.sdk import Context

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.operators.job import JobOperator
from airflow_mlops_provider.records.outcome import Kind
from airflow_mlops_provider.records.requests.purge import PurgeRequest
from airflow_mlops_provider.records.requests.short_forms import given, members, names
from airflow_mlops_provider.tasks.settings import retention_days

_YES, _NO = ("true", "1", "yes"), ("false", "0", "no", "", "none")


class PurgeEvidenceOperator(JobOperator):
    """Removes old evidence and leaves tombstones; decision records and the evidence of champions in force stay.

    Snapshots of data are removed as well, where their folders are named; those that something still needs stay.

    :param retention_days: age in days from which evidence is removed. By default ``[mlops] retention_days``.
    :param kinds: only evidence of these kinds, such as ``["drift", "prediction"]``; all kinds by default.
    :param snapshots: folders of snapshots, or folders in which such lie; what is past its time there goes, too.
    :param snapshot_days: age in days from which a snapshot is removed; ``retention_days`` by default.
    :param preview: only say what would go.
    :raises AirflowFailException: when neither the parameter nor the configuration says how long evidence is kept, or a
        parameter is no number of days, or neither true nor false.
    """

    request_type = PurgeRequest
    template_fields: Sequence[str] = (
        "retention_days",
        "kinds",
        "snapshots",
        "snapshot_days",
        "preview",
        "evidence_root",
    )

    def __init__(
        self,
        *,
        retention_days: float | str | None = None,
        kinds: Sequence[Kind | str] | None = None,
        snapshots: Sequence[str] | None = None,
        snapshot_days: float | str | None = None,
        preview: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.retention_days = retention_days
        self.kinds = kinds
        self.snapshots = snapshots
        self.snapshot_days = snapshot_days
        self.preview = preview

    def request(self, context: Context) -> PurgeRequest:  # noqa: ARG002  # as in the base class
        """The keys of the job; what came out of a template is text."""
        kinds = members(Kind, self.kinds, key="kinds")
        return PurgeRequest(
            retention_days=self._days(),
            kinds=kinds,
            snapshots=names(self.snapshots),
            snapshot_days=_number(given(self.snapshot_days), key="snapshot_days"),
            preview=self._is_preview(),
        )

    def _days(self) -> float:
        asked = given(self.retention_days)
        days = retention_days() if asked is None else asked
        if days is None:
            raise BadInputError("no retention: give 'retention_days', or set [mlops] retention_days")
        return _number(days, key="retention_days")

    def _is_preview(self) -> bool:
        """What is neither yes nor no is refused: taken for a no, it would remove what was only to be looked at."""
        text = str(self.preview).strip().lower()
        if text not in _YES and text not in _NO:
            raise BadInputError(f"'preview' is {self.preview!r}; say true or false")
        return text in _YES


@overload
def _number(days: None, *, key: str) -> None: ...


@overload
def _number(days: Any, *, key: str) -> float: ...


def _number(days: Any, *, key: str) -> float | None:
    try:
        return None if days is None else float(days)
    except ValueError:
        raise BadInputError(f"{key!r} is {days!r}, not a number of days") from None
