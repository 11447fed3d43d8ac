"""How long evidence is kept."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_mlops_provider.exceptions import BadInputError
from airflow_mlops_provider.records.codec import OMIT_NONE
from airflow_mlops_provider.records.outcome import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgePolicy:
    """How long evidence is kept.

    :param retention_days: age in days from which evidence is removed.
    :param kinds: only evidence of these kinds is removed; all kinds by default.
    :param snapshot_days: age in days from which snapshots of data are removed; ``None`` to remove none.
    :raises BadInputError: when an age is not above 0.
    """

    retention_days: float
    kinds: tuple[Kind, ...] = ()
    snapshot_days: float | None = field(default=None, metadata=OMIT_NONE)

    def __post_init__(self) -> None:
        for name in ("retention_days", "snapshot_days"):
            days = getattr(self, name)
            if days is not None and not days > 0:
                raise BadInputError(f"purge: '{name}' is {days}; it must be above 0")

    @property
    def affected(self) -> tuple[Kind, ...]:
        """The kinds of evidence that this policy is about."""
        return self.kinds or tuple(Kind)
