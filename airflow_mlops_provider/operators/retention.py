"""Retention of evidence as a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_mlops_provider.airflow_versions import AirflowFailException
from airflow_mlops_provider.operators.job import JobOperator
from airflow_mlops_provider.tasks.settings import retention_days

_YES, _NO = ("true", "1", "yes"), ("false", "0", "no", "", "none")


class PurgeEvidenceOperator(JobOperator):
    """Removes old evidence and leaves tombstones; decision records and the evidence of champions in force stay.

    :param retention_days: age in days from which evidence goes; ``[mlops] retention_days`` by default.
    :param kinds: only evidence of these kinds, such as ``["drift", "prediction"]``; all kinds by default.
    :param preview: only say what would go.
    :raises AirflowFailException: when neither the parameter nor the configuration says how long evidence is kept, or a
        parameter is no number of days, or neither true nor false.
    """

    job = "purge"
    keys = ("kinds",)
    template_fields: Sequence[str] = ("retention_days", "kinds", "preview", "evidence_root")

    def __init__(
        self,
        *,
        retention_days: float | str | None = None,
        kinds: Sequence[str] | None = None,
        preview: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.retention_days = retention_days
        self.kinds = kinds
        self.preview = preview

    def spec(self) -> dict[str, Any]:
        """The keys of the job; what came out of a template is text."""
        return {**super().spec(), "retention_days": self._days(), "dry_run": self._is_preview()}

    def _days(self) -> float:
        given = retention_days() if self.retention_days in (None, "", "None") else self.retention_days
        if given is None:
            raise AirflowFailException("no retention: give 'retention_days', or set [mlops] retention_days")
        try:
            return float(given)
        except ValueError:
            raise AirflowFailException(f"'retention_days' is {given!r}, not a number of days") from None

    def _is_preview(self) -> bool:
        """What is neither yes nor no is refused: taken for a no, it would remove what was only to be looked at."""
        text = str(self.preview).strip().lower()
        if text not in _YES and text not in _NO:
            raise AirflowFailException(f"'preview' is {self.preview!r}; say true or false")
        return text in _YES
