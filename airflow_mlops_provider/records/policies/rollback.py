"""What a rollback asks for."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_mlops_provider.exceptions import BadInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackPolicy:
    """The limit of a rollback.

    :param max_smoke_difference: how far an answer on the stored probe batch may be from the answer at training time;
        another build of the numerical libraries moves the last digits.
    :raises BadInputError: when it is negative.
    """

    max_smoke_difference: float = 1e-6

    def __post_init__(self) -> None:
        if not self.max_smoke_difference >= 0:
            raise BadInputError(f"rollback policy: 'max_smoke_difference' is {self.max_smoke_difference}; not negative")
