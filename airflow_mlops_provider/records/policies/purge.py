"""How long evidence is kept."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.outcome import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgePolicy:
    """How long evidence is kept.

    :param retention_days: age in days from which evidence is removed.
    :param kinds: only evidence of these kinds is removed; all kinds by default.
    :raises BadInputError: when the age is not above 0.
    """

    retention_days: float
    kinds: tuple[Kind, ...] = ()

    def __post_init__(self) -> None:
        if not self.retention_days > 0:
            raise BadInputError(f"purge: 'retention_days' is {self.retention_days}; it must be above 0")

    @property
    def affected(self) -> tuple[Kind, ...]:
        """The kinds of evidence that this policy is about."""
        return self.kinds or tuple(Kind)
