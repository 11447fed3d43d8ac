"""What a model card must say."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_mlops_provider.exceptions import BadInputError

REQUIRED = ("data", "how_to_use", "metrics", "slices", "parameters", "caveats")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCardPolicy:
    """What a card must say.

    :param required: sections that must not be empty: generated ones, and any that people write under ``card:`` in the
        model's YAML, such as ``intended_use``.
    :raises BadInputError: when it is empty.
    """

    required: tuple[str, ...] = REQUIRED

    def __post_init__(self) -> None:
        if not self.required:
            raise BadInputError("model card policy: 'required' is empty; a card that may be blank vouches for nothing")
