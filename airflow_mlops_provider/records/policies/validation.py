"""How much of a batch may be set aside."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_mlops_provider.exceptions import BadInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationPolicy:
    """How much may be set aside before a batch is refused.

    :param max_quarantine_share: share of the rows, from 0 to 1, that may go to the quarantine while the others go on;
        it needs a place to write them.
    """

    max_quarantine_share: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.max_quarantine_share <= 1.0:
            raise BadInputError(
                f"ValidationPolicy: max_quarantine_share is {self.max_quarantine_share}, not a share from 0 to 1"
            )
